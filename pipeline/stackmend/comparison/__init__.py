"""Two runs beside each other: what they differ in, and what of that can be why pixels differ."""

from __future__ import annotations

import os
from pathlib import Path

from stackmend.comparison import chains, outcomes, searches, settings
from stackmend.comparison.differences import Comparison, Difference, Moves
from stackmend.verification.recorded import recorded_in

__all__ = ["Comparison", "Difference", "Moves", "compare"]


def compare(run: Path, other: Path, *, workers: int | None = None) -> Comparison:
    """Compare two finished runs, by what they have left in writing and by their stacks.

    Parameters
    ----------
    run, other
        The result folders, or the ``run.json`` in them.
    workers
        How many slices are decoded at a time, one for each core by default.

    Raises
    ------
    InputError
        If one of them is no finished result, or its record cannot be understood.
    """
    first, second = recorded_in(run), recorded_in(other)
    differences = [
        *settings.protocol(first.record, second.record),
        *chains.steps(first, second),
        *chains.parameters(first, second),
        *settings.versions(first.record, second.record),
        *settings.input(first, second),
        *settings.output(first.record, second.record),
        *searches.searches(first.record, second.record),
        *searches.losses(first, second),
        *searches.choices(first.record, second.record),
        *outcomes.slices(first, second),
        *outcomes.pixels(first, second, workers or os.cpu_count() or 1),
    ]
    beside = settings.circumstances(first.record, second.record)
    return Comparison(first.folder, second.folder, differences, beside)
