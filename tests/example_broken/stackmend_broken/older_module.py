"""A step that looks for stackmend's parts where they no longer are."""

from stackmend import registry

STEP = registry.SliceStep(name="older_module")
