"""A whole restoration with four searches, on phantoms with every artefact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

PHANTOM = {
    "slices": 5,
    "height": 224,
    "width": 320,
    "seed": 2,
    "tissue": "cells",
    "contrast": 0.2,
    "step": 1.5,
    "charge": ["streaks"],
    "every": 5,  # slice 2
    "centres": 3,
    "radius": 10,
    "tail": 60,
    "noise": 0.005,
    "curtains": 0.04,
    "shading_gain": 0.06,
    "shading_offset": 0.06,
    "flicker": 0.02,
    "shot_noise": 0.03,
}
SMALL = {**PHANTOM, "height": 112, "width": 128, "radius": 6, "tail": 30}
CHAIN: list[dict[str, Any]] = [
    {"step": "flatten", "method": "gaussian", "sigma": {"sweep": [20, 30, 40]}},
    {"step": "destripe", "strength": {"sweep": [0.8, 1]}},
    {"step": "find_streaks", "inverse": True},
    {"step": "fill_streaks", "strength": {"sweep": [0.6, 0.8, 1]}},
    {"step": "denoise", "h": {"sweep": [0.7, 1, 1.4]}, "reach": {"sweep": [0, 1]}},
]
OPTIMIZE: list[dict[str, Any]] = [
    {"steps": ["flatten"], "slices": [0, 4], "loss": "flatness"},
    {"steps": ["destripe"], "slices": [0, 4], "loss": "stripe_isotropy"},
    {"steps": ["fill_streaks"], "slices": [2], "loss": "common_histogram"},
    {"steps": ["denoise"], "slices": [2, 4], "loss": "j_invariance"},
]
ENDS = ("flatten", "destripe", "fill_streaks", "denoise")
"""The steps behind which something has been put right."""


def write_restoration(
    folder: Path, phantom: dict[str, Any], chain: Any = CHAIN, optimize: Any = OPTIMIZE
) -> Path:
    """The protocol of a restoration, whose result goes into ``out`` beside it."""
    file = folder / "restoration.yaml"
    content = {
        "protocol": 1,
        "input": {"phantom": phantom},
        "output": {"path": "out", "dtype": "float32"},
        "chain": chain,
    }
    searched = {"optimize": optimize} if optimize else {}
    file.write_text(json.dumps({**content, **searched}), encoding="utf-8")
    return file


def chosen_chain(searches: Any) -> list[dict[str, Any]]:
    """The chain with what the searches of a record have chosen."""
    chain = [dict(step) for step in CHAIN]
    for search in searches:
        for step in chain:
            if step["step"] in search["steps"]:
                step.update(search["chosen"])
    return chain
