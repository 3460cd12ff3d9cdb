"""A loss that is tried: what it is given, and what it says of that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Bound, Graph, Products, compile_chain
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    LOSS,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    Loss,
    Probe,
)
from stackmend.testing.samples import sample

Image = NDArray[np.float32]


@dataclass(frozen=True)
class LossSubject:
    """A loss, the products that it reads, and two results of which one is better."""

    loss: Loss
    products: Mapping[str, Any]
    parameters: Mapping[str, Any]
    better: Mapping[str, Any] | None = None
    worse: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, loss: Loss, products: Mapping[str, Any], values: Mapping[str, Any], *pair: Any
    ) -> LossSubject:
        """A loss with defaults but for some values; the better and the worse result, if any."""
        declared = loss.schema.get("properties", {})
        defaults = {name: each.get("default") for name, each in declared.items()}
        better, worse = (_as_products(each) for each in pair)
        return cls(loss, products, {**defaults, **values}, better, worse)

    def __str__(self) -> str:
        return self.loss.name

    @property
    def component(self) -> Loss:
        """What it declares."""
        return self.loss

    @cached_property
    def bound(self) -> Bound:
        """The loss with its values."""
        return Bound(self.loss, self.loss.name, self.parameters)

    def with_values(self, **values: Any) -> LossSubject:
        """The same with other values of some parameters."""
        return replace(self, parameters={**self.parameters, **values})

    def given(self, image: Image | None = None, before: Image | None = None) -> Products:
        """What it reads of a restored slice and of the slice as it was, both of the sample's."""
        before = np.asarray(sample()[3], np.float32) if before is None else before
        image = _calmer(before) if image is None else image
        inner = np.zeros(image.shape, bool)
        inner[image.shape[0] // 3 : image.shape[0] // 2, image.shape[1] // 3 :] = True
        fault = np.where(inner, np.float32(-40), np.float32(0))
        probe = Probe(before + fault, fault, 8.0)
        hiding = self.loss.hiding
        places = hiding.places_for(self.parameters) if hiding else (0,)
        found = {
            IMAGE: image,
            INITIAL_IMAGE: before,
            REFERENCE_MASK: inner,
            PROBES: (probe, probe),
            PROBE_RESULTS: [image + fault / 4] * 2,
            HIDDEN_RESULTS: [image] * len(places),
            **self.products,
        }
        return {name: _frozen(each) for name, each in found.items()}

    def graph(self, given: Products) -> Graph:
        """The stages of the loss."""
        graph = compile_chain([self.bound], given=tuple(given))
        return replace(graph, products={**graph.products, INITIAL_IMAGE: INITIAL_IMAGE})

    def value(self, given: Products) -> Any:
        """What it says of some products.

        Raises
        ------
        StepError
            If a stage fails.
        """
        return self.graph(given).evaluate(given, [LOSS])[LOSS]


def _as_products(result: Any) -> Mapping[str, Any] | None:
    if result is None or isinstance(result, Mapping):
        return result
    return {IMAGE: _frozen(np.asarray(result, np.float32))}


def _calmer(image: Image) -> Image:
    """The mean of each pixel and its neighbours along both axes."""
    sides = [np.roll(image, by, axis) for axis in (0, 1) for by in (-1, 1)]
    return (sum(sides, image) / np.float32(5)).astype(np.float32)


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value
