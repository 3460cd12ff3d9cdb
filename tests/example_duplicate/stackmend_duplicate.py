"""Another step called gamma; it is never loaded."""

STEP = None
