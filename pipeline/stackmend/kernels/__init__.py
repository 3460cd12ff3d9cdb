"""Numerical kernels: arrays in, arrays out, exact; they know neither chains nor files."""
