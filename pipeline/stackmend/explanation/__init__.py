"""Where everything in a run came from, in words; from the files of its result alone.

``values`` tells of the parameters, ``searches`` of what was tried for them, ``slices`` of what
happened to a slice.
"""

from __future__ import annotations

from stackmend.explanation.searches import searches
from stackmend.explanation.slices import slice_story
from stackmend.explanation.told import Told
from stackmend.explanation.values import values
from stackmend.result import Result

__all__ = ["Told", "explain"]


def explain(result: Result, slice: str | None = None) -> list[Told]:
    """Where every value of a run came from; or what happened to one of its slices.

    Parameters
    ----------
    result
        A finished run.
    slice
        A slice by its number in the input, or by its name.

    Raises
    ------
    InputError
        If the run is not finished.
    UsageError
        If it has no such slice.
    """
    if slice is None:
        return [*values(result), *searches(result)]
    return list(slice_story(result, slice))
