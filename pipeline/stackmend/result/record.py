"""What happened in a run, as data: the record, its tables, its log, and the hashes that identify pixels."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

# NumPy is imported where pixels are: who only reads a result need not wait for it.

FORMAT = 1
"""Version of the record's own format."""

_PACKAGES = (
    "stackmend",
    "numpy",
    "scipy",
    "scikit-image",
    "tifffile",
    "joblib",
    "numba",
    "jsonschema",
    "pyyaml",
)

Listener = Callable[[str, Mapping[str, Any]], None]
"""Is told of every event: its kind and its fields."""


@dataclass
class Log:
    """Events of a run: appended to a file as JSON lines, and passed on to a listener.

    Progress events only go to the listener: they are for a person who is watching.
    """

    path: Path | None = None
    listener: Listener | None = None
    warnings: list[str] = field(default_factory=list)

    def event(self, kind: str, **fields: Any) -> None:
        """Note that something happened."""
        if self.path is not None:
            line = json.dumps(
                {"time": now(), "event": kind, **fields}, default=plain, ensure_ascii=False
            )
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        if self.listener:
            self.listener(kind, fields)

    def warn(self, message: str) -> None:
        """Note a warning, once; it is also kept for the record."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.event("warning", message=message)

    def progress(self, phase: str, done: int, total: int, **more: Any) -> None:
        """Tell the listener how far a phase has come.

        ``more`` may hold ``unit``, the plural of what is counted, and ``megapixels``, the size of one of them.
        """
        if self.listener:
            self.listener("progress", {"phase": phase, "done": done, "total": total, **more})


def now() -> str:
    """The time, in ISO 8601 with its offset."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")


def plain(value: Any) -> Any:
    """A value as JSON can hold it; numpy numbers keep their value."""
    import numpy as np

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"a record cannot hold {type(value).__name__}")


def as_json(value: Any) -> Any:
    """A value as it comes back from a JSON file."""
    return json.loads(json.dumps(value, default=plain))


def pixel_hash(pixels: NDArray[Any]) -> str:
    """SHA-256 of decoded pixels: of their type, shape and values in little-endian order."""
    import numpy as np

    stored = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(f"{stored.dtype.str} {stored.shape} ".encode())
    digest.update(stored.data)
    return digest.hexdigest()


def combined_hash(hashes: Iterable[str]) -> str:
    """One hash for the slices of a stack, in order."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def environment() -> dict[str, Any]:
    """Versions and machine, as far as they can matter for the pixels."""
    versions = {}
    for name in _PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "packages": versions,
        "platform": platform.platform(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "command": command(),
    }


def command() -> list[str]:
    """The command line of this process."""
    return [Path(sys.argv[0]).name, *sys.argv[1:]]


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write a record, complete or not at all."""
    write_text(
        path, json.dumps(data, indent=2, default=plain, ensure_ascii=False, allow_nan=False) + "\n"
    )


def write_text(path: Path, text: str) -> None:
    """Write a file, complete or not at all."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, complete or not at all; the columns are those of all rows, in order of first appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    temporary.replace(path)
