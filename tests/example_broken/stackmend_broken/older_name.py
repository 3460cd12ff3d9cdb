"""A step made of what stackmend no longer has."""

from stackmend.registry import SliceStep

STEP = SliceStep(name="older_name")
