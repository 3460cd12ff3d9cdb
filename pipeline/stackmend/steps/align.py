"""Lay all slices of a stack on each other: their places found and taken where the step stands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.registry import Step
from stackmend.steps._alignment import ESTIMATION, FILES, REFERENCES, SURVEY
from stackmend.steps._alignment_shows import SHOWS, WATCH
from stackmend.steps._placing import APPLICATION, MASKS, refuse


def _refuse(parameters: Mapping[str, Any]) -> dict[str, str]:
    return refuse(parameters["model"], subpixel=parameters["subpixel"])


STEP = Step(
    name="align",
    version=1,
    stages=(*ESTIMATION, *APPLICATION),
    closes="transform",
    survey=SURVEY,
    files=FILES,
    moves=MASKS,
    refuse=_refuse,
    references=REFERENCES,
    watch=WATCH,
    shows=SHOWS,
)
