"""What is shown of each step: what it takes from a slice, and what it declares itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stackmend.chain import ABSENT, Bound, Consecutive
from stackmend.errors import StepError
from stackmend.pictures.drawing import Display, coloured, factor_for, shrunk, webp
from stackmend.registry import IMAGE, IMAGE_BEFORE, Picture, Plot, Show, Stage, Step, taken_by
from stackmend.tuning.chains import ChannelChain

SLICES = 3
"""Slices on which it is shown, at the most."""

PIXELS, SIDE = 200_000, 800
"""The most pixels of a picture, and along an axis."""

BYTES = 14_000
"""Of each picture at the most, of a chain of few steps."""

BINS = 64
STRONGEST = 99.8
"""Percentile of what was taken away that is drawn in full colour."""


def image_there(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The slice as it is at a place of the chain."""
    return image


class StepPictures:
    """Makes what is shown of the steps of a chain, here or in a worker that it is sent to."""

    def __init__(self, chain: ChannelChain, folder: Path) -> None:
        self.folder = folder
        self.steps = [bound for bound in chain.steps if isinstance(bound.component, Step)]
        watched = [_watching("", ())]
        for bound in self.steps:
            watched += [bound, _watching(bound.id, _shows_of(bound), bound.parameters)]
        self._chain = replace(chain, steps=tuple(watched))
        self._bytes = BYTES * 4 // max(len(self.steps), 4)

    def make(self, number: int, *, first: bool) -> dict[str, dict[str, Any]]:
        """What is shown of each step on a slice, by its id; the ``first`` has the whole stack's."""
        graph = self._chain.graph()
        wanted = [name for name in graph.products if name.startswith("shown ")]
        made = Consecutive(graph, self._chain.products_of).evaluate(number, wanted)
        if any(value is ABSENT for value in made.values()):
            return {}
        found: dict[str, dict[str, Any]] = {}
        before = made[_place("", "image")]
        for bound in self.steps:
            after = made[_place(bound.id, "image")]
            seen = self._seen(bound, number, before, after)
            parts = list(self._parts(bound, number, made, first=first))
            found[bound.id] = {"seen": seen, "parts": parts}
            before = after
        return found

    def _seen(
        self, bound: Bound, number: int, before: NDArray[Any], after: NDArray[Any]
    ) -> dict[str, Any] | None:
        """What a step takes from a slice; nothing of one that changes its size or its scale."""
        step = bound.component
        scales = isinstance(step, Step) and (step.opens or step.closes)
        if scales or IMAGE not in step.makes or before.shape != after.shape:
            return None
        taken = before - after
        rms = float(np.sqrt(np.mean(np.square(taken, dtype=np.float64))))
        low, high = (float(each) for each in np.percentile(before, (0.1, 99.9)))
        seen = {"slice": number, "rms": rms, "low": low, "high": high}
        if not rms:
            return {**seen, "scale": 0.0, "picture": "", "before": [], "after": []}
        factor = factor_for(taken.shape, PIXELS, SIDE)
        small = shrunk(taken, factor)
        scale = float(np.percentile(np.abs(small), STRONGEST)) or 1.0
        name = f"step_{bound.id}_{number}.webp"
        self._write(name, coloured(small, scale))
        levels = {"before": _shares(before, low, high), "after": _shares(after, low, high)}
        return {**seen, "scale": scale, "picture": name, **levels}

    def _parts(
        self, bound: Bound, number: int, made: Mapping[str, Any], *, first: bool
    ) -> Iterator[dict[str, Any]]:
        """The pictures and plots that a step declares."""
        for place, show in enumerate(_shows_of(bound)):
            whole = show.whole_stack or show.of_survey
            if whole and not first:
                continue
            if show.of_survey:
                value = self._of_survey(bound, show)
            else:
                value = made[_place(bound.id, place)]
            if value is None:
                continue
            part: dict[str, Any] = {"title": show.title, "words": show.words, "note": value.note}
            part |= {"slice": None if whole else number}
            part |= {"picture": "", "range": None, "signed": False}
            if isinstance(value, Plot):
                yield {**part, "plot": _plain(value)}
                continue
            name = f"step_{bound.id}_{place}_{number}.webp"
            yield {**part, **self._picture(value, name), "plot": None}

    def _of_survey(self, bound: Bound, show: Show) -> Picture | Plot | None:
        """What a step shows of all that its survey settled.

        Raises
        ------
        StepError
            If it cannot.
        """
        settled = self._chain.settled.get(bound.survey_product or "")
        if settled is None:
            return None
        try:
            return show.made(settled, **taken_by(show.made, bound.parameters))
        except Exception as error:  # a step may be anybody's code: the error names it
            raise StepError(f"{bound.id}: {type(error).__name__}: {error}") from error

    def _picture(self, picture: Picture, name: str) -> dict[str, Any]:
        small = shrunk(picture.values, factor_for(picture.values.shape, PIXELS, SIDE))
        if picture.signed:
            scale = float(np.abs(small).max()) or 1.0
            self._write(name, coloured(small, scale))
            return {"picture": name, "range": [-scale, scale], "signed": True}
        display = Display(small)
        self._write(name, Image.fromarray(display(small)))
        return {"picture": name, "range": [display.low, display.high], "signed": False}

    def _write(self, name: str, picture: Image.Image) -> None:
        (self.folder / name).write_bytes(webp(picture, self._bytes))


def about(bound: Bound) -> dict[str, str]:
    """What is said of a step whatever the slice."""
    step = bound.component
    assert isinstance(step, Step)
    description = str(step.schema.get("description", ""))
    return {"step": bound.id, "about": description, "watch": step.watch}


def _shows_of(bound: Bound) -> tuple[Show, ...]:
    return bound.component.shows if isinstance(bound.component, Step) else ()


def _watching(id: str, shows: Sequence[Show], parameters: Mapping[str, Any] | None = None) -> Bound:
    """What looks at the products behind a step, as a step of its own that changes nothing."""
    stages = [Stage(image_there, makes=_place(id, "image"))]
    for place, show in enumerate(shows):
        if show.of_survey:
            continue
        stages.append(Stage(show.made, makes=_place(id, place)))
    stages.append(Stage(image_there, makes=IMAGE_BEFORE))  # of the next step
    step = Step(name="shown", version=1, stages=tuple(stages))
    return Bound(step, f"{id} shown", parameters or {})


def _place(id: str, what: str | int) -> str:
    return f"shown {id} {what}"


def _shares(image: NDArray[Any], low: float, high: float) -> list[float]:
    """Shares of the pixels in bins of grey levels, what lies beyond at the ends."""
    counts, _ = np.histogram(np.clip(image, low, high), BINS, (low, high))
    return [round(float(each), 6) for each in counts / image.size]


def _plain(plot: Plot) -> dict[str, Any]:
    """A plot as it is written down, its numbers to six digits."""
    plain = asdict(plot)
    del plain["note"]
    plain["x"] = _numbers(plot.x)
    plain["curves"] = {name: _numbers(values) for name, values in plot.curves.items()}
    return {**plain, "labels": list(plot.labels), "dotted": list(plot.dotted)}


def _numbers(values: Sequence[float]) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
