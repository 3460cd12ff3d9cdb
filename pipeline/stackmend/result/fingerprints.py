"""``fingerprints.json``: what tells nearly equal slices from others, and the hash of every file.

The record has one hash for a folder such as ``stack``; here each file in it has its own, so that it
can be said which of them was altered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from stackmend.result import atomic, names
from stackmend.result.encoding import numbers_of
from stackmend.result.rows import SliceRow

FORMAT = 1
"""Version of the file's own format."""

LEVELS = 9
"""How many quantiles a fingerprint begins with."""


class SliceEntry(TypedDict):
    """What is known of the pixels of a slice."""

    slice: int
    channel: int
    name: str
    pixel_hash: str
    quantiles: tuple[float, ...]
    tiles: tuple[float, ...]


@dataclass(frozen=True)
class Fingerprints:
    """The content of the file; ``files`` has the hash of each file in a folder of the result."""

    fingerprints: int
    levels: tuple[float, ...]
    slices: tuple[SliceEntry, ...]
    files: Mapping[str, str]


def write_fingerprints(
    folder: Path, levels: Sequence[float], rows: Sequence[SliceRow], files: Mapping[str, str]
) -> None:
    """Write the file of a result, a line for each slice and for each file."""
    slices = [json.dumps(_entry(row)) for row in rows if row.fingerprint]
    hashes = [f"{json.dumps(name)}: {json.dumps(hash)}" for name, hash in files.items()]
    text = (
        f'{{"fingerprints": {FORMAT}, "levels": {json.dumps(list(levels))}, "slices": [\n'
        + ",\n".join(slices)
        + '\n], "files": {\n'
        + ",\n".join(hashes)
        + "\n}}\n"
    )
    atomic.write_text(folder / names.FINGERPRINTS, text)


def _entry(row: SliceRow) -> dict[str, Any]:
    numbers = [_short(number) for number in numbers_of(row.fingerprint)]
    return {
        "slice": row.slice,
        "channel": row.channel,
        "name": row.name,
        "pixel_hash": row.output_hash,
        "quantiles": numbers[:LEVELS],
        "tiles": numbers[LEVELS:],
    }


def _short(number: float) -> float:
    """A number of single precision in as many digits as that has."""
    return float(f"{number:.9g}")
