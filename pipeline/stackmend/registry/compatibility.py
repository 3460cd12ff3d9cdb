"""Packages that were made for another stackmend than the one that is installed."""

from __future__ import annotations

import re
from importlib import metadata
from types import ModuleType

_OURS = "stackmend"
_AT_LEAST = (">=", ">", "~=", "==")
_DECLARING = "Step|Loss|Stage|Survey|Each|Keeps|Reference|Recovery|Hiding|Window|Undefined"


def other_stackmend(distribution: metadata.Distribution) -> str:
    """What a package needs of stackmend that is not so, with what to do; empty if nothing."""
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name
    from packaging.version import Version

    here = metadata.version(_OURS)
    for text in distribution.requires or ():
        try:
            needed = Requirement(text)
        except InvalidRequirement:  # pip says so where the package is installed
            continue
        applies = needed.marker is None or needed.marker.evaluate({"extra": ""})
        ours = canonicalize_name(needed.name) == _OURS and applies
        if not ours or needed.specifier.contains(here, prereleases=True):
            continue
        said = f"needs stackmend {needed.specifier}, and {here} is installed"
        lowest = (each for each in needed.specifier if each.operator in _AT_LEAST)
        if any(Version(each.version.removesuffix(".*")) > Version(here) for each in lowest):
            return f"{said}; update stackmend: pip install --upgrade stackmend"
        return f"{said}; update the package: pip install --upgrade {distribution.name}"
    return ""


def is_of_other_stackmend(error: BaseException) -> bool:
    """Whether a package has failed for want of something that this stackmend does not have."""
    if isinstance(error, ImportError):
        return f"{error.name}.".startswith(f"{_OURS}.")
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        return f"{error.obj.__name__}.".startswith(f"{_OURS}.")
    made = isinstance(error, TypeError)
    return made and re.match(rf"({_DECLARING})\.__init__\(\)", str(error)) is not None
