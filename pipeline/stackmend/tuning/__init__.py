"""Searching the swept parameters of a protocol on its slices."""
