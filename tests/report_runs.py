"""What the run for tests of the report is made of: a protocol and slices with awkward names."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAME = "</script><script>document.title='broken in'</script>"
"""The name of the protocol: anybody's text."""

SLICE = "<script>alert(1)<img src=x onerror=alert(2)>"
"""Part of the name of a slice."""

CHAIN: list[dict[str, Any]] = [
    {"step": "standardize"},
    {
        "step": "find_charging",
        "inverse": True,
        "gf1_sigma": {"sweep": [8, 12, 16]},
        "color_shift": {"sweep": [0.1, 0.15, 0.2]},
        "min_area": 20,
    },
    {
        "step": "correct_charging",
        "gf2_sigma": 8,
        "rb_radius": {"sweep": [5, 10]},
        "gf3_sigma": 3,
        "border": 4,
    },
    {"step": "destandardize"},
]
OPTIMIZE: dict[str, Any] = {
    "slices": [1],
    "validate": [2],
    "loss": {"name": "charging_histogram", "distance": 4},
}

Run = Callable[..., Path]


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))
