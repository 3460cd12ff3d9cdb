"""Numerical kernels: arrays in, arrays out, exact, and free of any knowledge about chains or files."""
