"""The built-in losses, one module each, found by scanning this folder."""
