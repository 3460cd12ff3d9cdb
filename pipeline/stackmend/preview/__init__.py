"""A protocol that is being edited, and what it makes of single slices."""
