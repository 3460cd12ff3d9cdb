"""Pictures of what was tried: an optimization slice as each combination would restore it.

The chain is compiled once more, up to its end and with one stage behind it that makes the picture, and walked as in the
search. So the pictures share work as the losses do, and show what an application of each combination gives.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Bound, Products, compile_chain
from stackmend.pictures.drawing import Display, Grey, factor_for, shrunk
from stackmend.registry import IMAGE, Stage, Step, Undefined
from stackmend.search import Combination
from stackmend.search.walk import distinct_work, walk
from stackmend.tuning.chains import ChannelChain, FinishedSearch
from stackmend.tuning.tune import LOSS_ID

REGIONS = "charged_regions"
"""The product that a loss makes if it compares regions with rings: pairs of flat pixel indices."""

LOSS = "loss"
BINS = 64


def thumbnail(image: NDArray[Any], *, display: Display, factor: int) -> Grey:
    """The slice shrunk and in the display range of the raw one."""
    return display(shrunk(image, factor))


_THUMBNAIL = Step(name="thumbnail", version=1, stages=(Stage(thumbnail),))


@dataclass(frozen=True)
class Trial:
    """A search as it can be looked into again: the tuned steps in their place in the chain."""

    plan: ChannelChain
    tuned: FinishedSearch

    @property
    def first(self) -> int:
        """Position of the first swept step."""
        swept = {id for id, _ in self.tuned.result.space.parameters}
        return min(place for place, bound in enumerate(self.plan.steps) if bound.id in swept)

    @property
    def last(self) -> int:
        """Position of the last step named by the search."""
        return max(
            place
            for place, bound in enumerate(self.plan.steps)
            if bound.id in self.tuned.entry.steps
        )

    def products(self, raw: NDArray[Any]) -> Products:
        """What the steps before the first swept one make of a slice, cut to the region of the search."""
        image = raw.astype(np.float32)
        image.flags.writeable = False
        before = compile_chain(self.plan.steps[: self.first], given=(IMAGE, *self.plan.given))
        products = before.evaluate({IMAGE: image, **self.plan.given})
        image = products[IMAGE]
        if self.tuned.entry.region:
            window = self.window(image.shape)
            for name, value in products.items():
                if isinstance(value, np.ndarray) and value.shape == image.shape:
                    products[name] = np.ascontiguousarray(value[window])
                elif hasattr(value, "cut"):
                    products[name] = value.cut(window)
        return {**self.plan.given, **products}

    def window(self, shape: Sequence[int]) -> tuple[slice, ...]:
        """The part of a slice that the search looked at."""
        region = self.tuned.entry.region or {}
        return tuple(
            slice(*region.get(axis, (0, size))) for axis, size in zip("yx", shape, strict=True)
        )

    def thumbnails(
        self,
        raw: NDArray[Any],
        combinations: Sequence[Combination],
        *,
        pixels: int,
        side: int,
        workers: int,
    ) -> dict[Combination, Grey]:
        """The slice as each combination restores it, small, in the raw slice's display range."""
        products = self.products(raw)
        factor = factor_for(products[IMAGE].shape, pixels, side)
        picture = Bound(_THUMBNAIL, _THUMBNAIL.name, {"display": Display.of(raw), "factor": factor})
        swept = self.tuned.result.space.parameters
        graph = compile_chain(
            [*self.plan.steps[self.first :], picture], given=tuple(products), swept=swept
        )
        return walk(
            distinct_work(graph, combinations, thumbnail.__name__), products, workers=workers
        )

    def comparison(self, raw: NDArray[Any]) -> dict[str, Any]:
        """The loss of a slice untouched and corrected, over the same mask; histograms, if the loss compares regions."""
        products = self.products(raw)
        loss = Bound(self.tuned.entry.loss.loss, LOSS_ID, self.tuned.entry.loss.parameters)
        graph = compile_chain(
            self.plan.steps[self.first : self.last + 1], given=tuple(products), loss=loss
        )
        after = {**products, **graph.evaluate(products)}
        before = {**after, IMAGE: products[IMAGE]}
        alone = compile_chain([], given=tuple(before), loss=loss)
        untouched = alone.evaluate(before, keep=(LOSS,))[LOSS]
        content: dict[str, Any] = {
            "loss_before": _number(untouched),
            "loss_after": _number(after[LOSS]),
        }
        if after.get(REGIONS):
            content["histograms"] = _histograms(before[IMAGE], after[IMAGE], after[REGIONS])
        return content


def _number(loss: float | Undefined) -> float | None:
    return None if isinstance(loss, Undefined) else loss


def _histograms(
    before: NDArray[Any], after: NDArray[Any], regions: Sequence[Any]
) -> Mapping[str, Any]:
    """Shares of the pixels of all regions, and of all rings, in bins over the grey range of the untouched slice."""
    low, high = float(before.min()), float(before.max())
    content: dict[str, Any] = {"low": low, "high": high, "regions": len(regions)}
    for place, name in enumerate(("region", "ring")):
        pixels = np.unique(np.concatenate([pair[place] for pair in regions]))
        for moment, image in (("before", before), ("after", after)):
            values = np.clip(image.reshape(-1)[pixels], low, high)
            counts, _ = np.histogram(values, BINS, (low, high))
            content[f"{name}_{moment}"] = [
                round(float(each), 6) for each in counts / max(pixels.size, 1)
            ]
    return content
