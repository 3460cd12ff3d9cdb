"""Bring the slices to the places that estimate_alignment before it has found."""

from __future__ import annotations

from stackmend.registry import Step
from stackmend.steps._placing import APPLICATION, MASKS

STEP = Step(
    name="apply_alignment",
    version=1,
    stages=APPLICATION,
    closes="transform",
    moves=MASKS,
)
