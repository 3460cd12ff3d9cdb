"""The chain on every slice, and which slices need not be computed."""
