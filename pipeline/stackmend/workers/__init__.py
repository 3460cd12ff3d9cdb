"""Processes of this machine, workers of a cluster, and the memory they take."""
