"""Steps and a loss for stackmend, in a package of their own."""
