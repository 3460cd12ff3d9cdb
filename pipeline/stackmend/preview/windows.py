"""A window of a slice, soon: what is not remembered is computed around the window alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from stackmend.chain import ABSENT, CORRECTION_REFUSED, Node, Source
from stackmend.errors import StepError
from stackmend.kernels.rounding import to_dtype
from stackmend.preview.evaluation import AFTER, MASK, Slices
from stackmend.registry import IMAGE, Step
from stackmend.tuning.remembered import Cancelled, Evaluation

MARGIN = 96
"""Pixels around a window that are computed with it."""

MOST = 0.6
"""Share of a slice from which on the whole slice is as soon there."""

Window = tuple[slice, slice]


class QuickWindow:
    """A window of one slice, from what is remembered of the whole one.

    Parameters
    ----------
    slices, number
        The slice.
    window
        ``(y, x)`` of the slice as it is written.
    """

    def __init__(
        self, slices: Slices, number: int, window: Window, cancelled: Callable[[], bool]
    ) -> None:
        self._slices, self._graph, self._memory = slices, slices.graph, slices.memory
        self._evaluation: Evaluation = slices.evaluation(number)
        self._number, self._cancelled = number, cancelled
        form = slices.form
        self._rows = tuple(ends.stop - ends.start for ends in form.window)
        inside = [_wider(own, size) for own, size in zip(window, self._rows, strict=True)]
        self._wide = inside[0], inside[1]
        ends = zip(window, self._wide, self._rows, strict=True)
        inner = [_within(own, wide, size) for own, wide, size in ends]
        self._inner = inner[0], inner[1]

    def made(self, name: str) -> Any:
        """The window of a product; ``None`` where that cannot be said from a part of a slice."""
        share = prod(_length(each) for each in self._wide) / prod(self._rows)
        raw = self._slices.slices.raw(self._number)
        inside = all(ends.start < ends.stop for ends in self._inner)
        if not inside or share > MOST or raw.pixels is None or self._slices.slices.is_constant(raw):
            return None
        if self._slices.moved:  # what moves into the window lies anywhere
            return None
        masks = self._graph.masks()
        if name == AFTER:
            wanted: dict[str, Source] = {AFTER: self._graph.products[IMAGE]}
        elif name == MASK:
            wanted = dict(masks)
        else:
            wanted = {name: self._slices.named[name]}
        made = self._computed(wanted) if wanted else None
        if made is None or any(each is ABSENT for each in made.values()):
            return None
        if name == MASK:
            return np.logical_or.reduce([each[self._inner] for each in made.values()])
        result = made[name]
        if not isinstance(result, np.ndarray) or result.ndim != 2:
            return None
        result = result[self._inner]
        return to_dtype(result, self._slices.form.dtype)[0] if name == AFTER else result

    def _computed(self, wanted: Mapping[str, Source]) -> dict[str, Any] | None:
        """The wanted results around the window, if stages that see the whole slice are known."""
        missing, known = self._evaluation.frontier(wanted.values())
        nodes = self._graph.nodes
        if any(self._sees_all(nodes[index]) for index in missing):
            return None
        values: dict[Source, Any] = {}
        for source in known:
            values[source] = self._part(self._evaluation.known(source))
        for index in missing:
            if self._cancelled():
                raise Cancelled
            node = nodes[index]
            if node.stage.makes == CORRECTION_REFUSED:  # a part does not say that of the whole
                values[index] = False
                continue
            try:
                values[index] = node.compute([values.get(each, ABSENT) for each in node.sources])
            except StepError:  # of a part; what is wrong with the slice, the whole of it says
                return None
        return {name: values[source] for name, source in wanted.items()}

    def _sees_all(self, node: Node) -> bool:
        """Whether a stage belongs to a step that needs the whole slice: its scale, or its size."""
        component = next(
            bound.component for bound in self._slices.chain.steps if bound.id == node.owner
        )
        return isinstance(component, Step) and bool(component.opens or component.keeps)

    def _part(self, value: Any) -> Any:
        """What is known of the whole slice, or of what a chain leaves of it, around the window.

        What has no shape of its own, and can be cut, is of the slice before anything is cut out.
        """
        can_be_cut = isinstance(value, np.ndarray) or hasattr(value, "cut")
        whole = self._slices.chain.reader.shape[1:]
        shape = getattr(value, "shape", whole)
        if not can_be_cut or shape not in (self._rows, whole):
            return value
        part = self._wide
        if shape == whole:
            ends = zip(self._wide, self._slices.form.window, strict=True)
            y, x = (slice(own.start + at.start, own.stop + at.start) for own, at in ends)
            part = y, x
        if not isinstance(value, np.ndarray):
            return value.cut(part)
        cut = np.ascontiguousarray(value[part])
        cut.flags.writeable = False
        return cut


def _length(ends: slice) -> int:
    length: int = ends.stop - ends.start
    return length


def _wider(ends: slice, size: int) -> slice:
    return slice(max(ends.start - MARGIN, 0), min(ends.stop + MARGIN, size))


def _within(ends: slice, wide: slice, size: int) -> slice:
    return slice(max(ends.start, 0) - wide.start, min(ends.stop, size) - wide.start)
