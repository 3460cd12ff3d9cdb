"""Where a run takes place: versions, machine, command."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from stackmend.result.record import EnvironmentRecord

MOVING_PIXELS = ("numpy", "scipy", "numba")
"""Packages whose version can change a pixel or a loss.

Those that only read, write, check or share out work are not among them: what they hand over has a
hash. Neither is stackmend itself, whose steps and losses have versions of their own.
"""

_PACKAGES = (
    "stackmend",
    *MOVING_PIXELS,
    *("scikit-image", "tifffile", "joblib", "jsonschema", "pyyaml"),
)


def environment(workers: int) -> EnvironmentRecord:
    """Everything that may help to explain or repeat a run."""
    return {
        "python": platform.python_version(),
        "packages": _versions(_PACKAGES),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "command": tuple(command()),
        "workers": workers,
    }


def versions_of_pixels() -> dict[str, str]:
    """The versions on which pixels and losses depend: part of the identity of work."""
    return _versions(MOVING_PIXELS)


def versions_of_workers() -> dict[str, str]:
    """What must be the same wherever slices of one stack are computed."""
    return {"python": platform.python_version(), **_versions(("stackmend", *MOVING_PIXELS))}


def command() -> list[str]:
    """The command line of this process."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def _versions(names: Iterable[str]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
