"""Benchmarks: ratios against a literal reading, measured in one process run.

``make bench`` prints them.
"""
