"""Find where each slice of a stack lies; apply_alignment behind it moves the slices."""

from __future__ import annotations

from stackmend.registry import Step
from stackmend.steps._alignment import ESTIMATION, FILES, REFERENCES, SURVEY
from stackmend.steps._alignment_shows import SHOWS, WATCH

STEP = Step(
    name="estimate_alignment",
    version=1,
    stages=ESTIMATION,
    opens="transform",
    survey=SURVEY,
    files=FILES,
    references=REFERENCES,
    watch=WATCH,
    shows=SHOWS,
)
