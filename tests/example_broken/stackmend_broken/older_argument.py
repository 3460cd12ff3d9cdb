"""A step that says of itself what stackmend no longer asks."""

from stackmend.registry import Step

STEP = Step(name="older_argument", version=1, stages=(), per_slice=True)
