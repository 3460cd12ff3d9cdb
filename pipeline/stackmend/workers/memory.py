"""Memory of processes and of the machine, and sizes as people write them."""

from __future__ import annotations

import pickle
import re
import sys
from pathlib import Path
from typing import Any

import psutil

from stackmend.errors import UsageError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_STATUS = Path("/proc/self/status")


def peak() -> int:
    """The most memory that this process has had at a time, in bytes."""
    if _STATUS.exists():
        # Not getrusage: there, a process that was started by a large one counts as large from the
        # start.
        status = _STATUS.read_text(encoding="ascii", errors="replace")
        if found := re.search(r"^VmHWM:\s*(\d+) kB", status, flags=re.MULTILINE):
            return int(found[1]) * 1024
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (
        1 if sys.platform == "darwin" else 1024
    )


def present() -> int:
    """The memory that this process has now, in bytes."""
    return int(psutil.Process().memory_info().rss)


def available() -> int:
    """What the machine can still give without swapping, in bytes."""
    return int(psutil.virtual_memory().available)


def size_of(value: Any) -> int:
    """The bytes that a value holds, arrays included.

    What cannot be pickled counts for itself alone.
    """
    buffers: list[pickle.PickleBuffer] = []
    try:
        beside = len(pickle.dumps(value, protocol=5, buffer_callback=buffers.append))
    except (pickle.PicklingError, TypeError, AttributeError):
        return sys.getsizeof(value)
    return beside + sum(buffer.raw().nbytes for buffer in buffers)


def bytes_of(text: str | int) -> int:
    """A size as people write it: ``8GB``, ``500 MB``, ``8GiB``, or plain bytes.

    Raises
    ------
    UsageError
        If it is not one.

    Examples
    --------
    >>> bytes_of("8GB"), bytes_of("1.5 MiB"), bytes_of(4096)
    (8000000000, 1572864, 4096)
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)b?\s*", str(text), flags=re.IGNORECASE)
    if not match or (match[3] and not match[2]):
        raise UsageError(f"--memory: must be a size such as 8GB, 500MB or 8GiB, got {text}")
    unit = _UNITS[match[2].lower()]
    if match[3]:
        unit = 2 ** (10 * list(_UNITS).index(match[2].lower()))
    return int(float(match[1]) * unit)
