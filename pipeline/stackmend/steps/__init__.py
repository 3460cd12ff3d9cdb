"""The built-in steps, one module each, found by scanning this folder."""
