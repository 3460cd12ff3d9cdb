"""A step for a stackmend that there is not yet; it is never loaded."""

STEP = None
