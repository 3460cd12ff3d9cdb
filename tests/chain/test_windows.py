"""Stages that see neighbouring slices give what each slice would by itself, at the cost of one."""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from components import bound
from stackmend.chain import ABSENT, Bound, Consecutive, compile_chain
from stackmend.registry import IMAGE, Loss, Stage, Step, Window
from stackmend.sweep import distinct_work, walk

COUNT = 9


class Sum:
    """An image that knows what was added up; arrays would hide an order or a double."""

    def __init__(self, text: str) -> None:
        self.text = text


def said(product: Any) -> str:
    return str(product.text if isinstance(product, Sum) else product)


def window_of(products: Window[Any]) -> str:
    words = [said(each) for each in products]
    words[products.centre] = f"[{words[products.centre]}]"
    return "(" + " ".join(words) + ")"


class Chain:
    """Three steps whose products are texts, and how often each stage was computed for each slice.

    ``scale`` goes around the window between the step that opens it and the one that closes it.
    """

    def __init__(self, inner: int = 1, outer: int = 2, *, swept: bool = False) -> None:
        self.calls: Counter[str] = Counter()
        around = Stage(self.smooth, makes="smooth", window="radius")
        steps = [
            ("open", (Stage(self.scale, makes="scale"), Stage(self.scaled, makes="scaled")), {}),
            ("inner", (around, Stage(self.both, makes="both")), {"radius": inner}),
            ("outer", (Stage(self.spread, makes="spread", window="reach"),), {"reach": outer}),
            ("close", (Stage(self.unscaled, makes="unscaled"),), {}),
        ]
        self.steps = []
        for name, stages, values in steps:
            fixed = {} if swept and name == "inner" else values
            self.steps.append(Bound(Step(name=name, version=1, stages=stages), name, fixed))
        self.last = "unscaled"

    def scale(self, image: str) -> Sum:
        self.calls[f"scale {image}"] += 1
        return Sum(f"s{image}")

    def scaled(self, image: str, scale: Sum) -> Sum:
        self.calls[f"scaled {image}"] += 1
        return Sum(f"{image}/{said(scale)}")

    def smooth(self, scaled: Window[Sum], image: Window[str], *, radius: int) -> Sum:
        assert isinstance(scaled, Window)
        self.calls[f"smooth {image[image.centre]}"] += 1
        return Sum(f"{radius}{window_of(scaled)}")

    def both(self, smooth: Sum, scaled: Sum) -> Sum:
        self.calls[f"both {said(scaled)}"] += 1
        return Sum(f"{said(smooth)}+{said(scaled)}")

    def spread(self, both: Window[Sum], *, reach: int) -> Sum:
        self.calls[f"spread {said(both[both.centre])}"] += 1
        return Sum(window_of(both))

    def unscaled(self, spread: Sum, scale: Sum) -> str:
        self.calls[f"unscaled {said(scale)}"] += 1
        return f"{said(spread)}*{said(scale)}"


def load(absent: tuple[int, ...] = ()) -> Any:
    def loaded(number: int) -> dict[str, Any]:
        usable = 0 <= number < COUNT and number not in absent
        return {IMAGE: str(number) if usable else ABSENT}

    return loaded


def by_hand(number: int, inner: int, outer: int, absent: tuple[int, ...] = ()) -> Any:
    """The same from the definition: every product of every slice worked out anew."""

    def usable(each: int) -> bool:
        return 0 <= each < COUNT and each not in absent

    def around(each: int, radius: int, of: Any) -> str:
        places = [place for place in range(each - radius, each + radius + 1) if usable(place)]
        return "(" + " ".join(f"[{of(p)}]" if p == each else of(p) for p in places) + ")"

    def scaled(each: int) -> str:
        return f"{each}/s{each}"

    def both(each: int) -> str:
        return f"{inner}{around(each, inner, scaled)}+{scaled(each)}"

    return f"{around(number, outer, both)}*s{number}" if usable(number) else ABSENT


# What comes out


@pytest.mark.parametrize("absent", [(), (4,), (0, 3, 4, 8)], ids=["all", "one gone", "four gone"])
@pytest.mark.parametrize(("inner", "outer"), [(0, 0), (1, 0), (0, 2), (1, 2), (3, 1), (20, 1)])
@pytest.mark.parametrize(
    "numbers",
    [range(COUNT), (0, 1, 2, 5, 8), (7, 8), (8, 3, 3, 4, 0)],
    ids=["all", "gaps", "end", "out of order"],
)
def test_every_slice_is_what_it_is_by_itself(
    numbers: Any, inner: int, outer: int, absent: tuple[int, ...]
) -> None:
    chain = Chain(inner, outer)
    graph = compile_chain(chain.steps)
    assert graph.reach == inner + outer
    row = Consecutive(graph, load(absent))
    for number in numbers:
        made = row.evaluate(number, ("unscaled",))["unscaled"]
        assert made == by_hand(number, inner, outer, absent)


def test_a_median_along_z_is_that_of_the_stack() -> None:
    stack = np.random.default_rng(1).normal(100, 20, (7, 4, 5)).astype(np.float32)
    steps = [
        bound("standardize"),
        bound("median_z", "first", radius=1),
        bound("median_z", "second", radius=2),
        bound("destandardize"),
    ]

    def loaded(number: int) -> dict[str, Any]:
        inside = 0 <= number < len(stack)
        image = stack[number] if inside else ABSENT
        return {IMAGE: image, "standardize.stack_range": None if inside else ABSENT}

    graph = compile_chain(steps, given=(IMAGE, "standardize.stack_range"))
    row = Consecutive(graph, loaded)
    made = [row.evaluate(number, (IMAGE,))[IMAGE] for number in range(7)]

    low, high = (np.array([end(each) for each in stack]) for end in (np.min, np.max))
    scales = [bound("standardize"), bound("destandardize")]
    flat = compile_chain(scales[:1], given=graph_given())
    standard = np.stack(
        [flat.evaluate({IMAGE: each, "standardize.stack_range": None})[IMAGE] for each in stack]
    )
    for radius in (1, 2):
        places = range(len(standard))
        standard = np.stack(
            [np.median(standard[max(p - radius, 0) : p + radius + 1], axis=0) for p in places]
        )
    spread = (high - low).astype(np.float64)[:, None, None]
    np.testing.assert_allclose(made, standard * spread + low[:, None, None], rtol=1e-4)


def graph_given() -> tuple[str, ...]:
    return IMAGE, "standardize.stack_range"


def test_a_window_that_is_swept_sees_what_each_value_says() -> None:
    chain = Chain(swept=True)
    parameter = ("inner", "radius")
    graph = compile_chain(chain.steps, swept={parameter: [0, 2, 1]})
    assert graph.reach == 4
    given = {}
    for name, (made, offset) in graph.outside.items():
        given[name] = load((3,))(4 + offset)[made]
    work = distinct_work(graph, [(0,), (2,), (1,)], target="unscaled")
    answers = walk(work, given)["unscaled"]
    assert answers == {(each,): by_hand(4, each, 2, (3,)) for each in (0, 2, 1)}
    # The scales of all slices are shared by the values.
    assert {chain.calls[f"scale {number}"] for number in (0, 1, 2, 4, 5, 6, 7, 8)} == {1}


def test_where_a_window_is_swept_its_values_must_be_known() -> None:
    with pytest.raises(TypeError, match=r"inner\.radius is swept: its values must be known"):
        compile_chain(Chain(swept=True).steps, swept=[("inner", "radius")])


def test_a_window_of_no_radius_holds_the_slice_alone() -> None:
    def alone(image: Window[Any], *, radius: int) -> Any:
        assert isinstance(image, Window)
        assert (len(image), image.centre) == (1, 0)
        return image[0]

    step = Step(name="alone", version=1, stages=(Stage(alone, makes=IMAGE, window="radius"),))
    graph = compile_chain([Bound(step, "alone", {"radius": 0})])
    assert (graph.reach, graph.outside) == (0, {})
    image = np.arange(6.0).reshape(2, 3)
    assert graph.evaluate({IMAGE: image})[IMAGE] is image
    plain = bound("median_z", radius=0)
    made = compile_chain([plain]).evaluate({IMAGE: image.astype(np.float32)})[IMAGE]
    assert np.array_equal(made, image)


def test_a_window_is_a_parameter_of_its_stage() -> None:
    def blind(image: Window[Any], *, radius: int) -> Any:
        return image

    message = "window is reach, which blind does not take; add it to its keyword-only parameters"
    with pytest.raises(TypeError, match=message):
        Stage(blind, makes=IMAGE, window="reach")


def test_a_loss_may_see_neighbours() -> None:
    def loss(image: Window[str]) -> float:
        return 10.0 * len(image) + image.centre

    component = Loss(name="unsteady", version=1, stages=(Stage(loss, window=1),))
    graph = compile_chain([Bound(component, "loss", {})])
    row = Consecutive(graph, load())
    assert [row.evaluate(n, ("loss",))["loss"] for n in (0, 4)] == [20, 31]


def test_windows_of_one_stage_are_of_the_same_slices() -> None:
    """A slice is missing from all where one product of it is, as where a step leaves it out."""

    def image(image: str, shade: str | None) -> str | None:
        return image if shade else None

    def seen(image: Window[str], shade: Window[str | None]) -> tuple[int, int, tuple[int, ...]]:
        assert image.offsets == shade.offsets
        return len(image), len(shade), image.offsets

    steps = [
        Bound(Step(name="a", version=1, stages=(Stage(image, makes=IMAGE),)), "a", {}),
        Bound(Step(name="b", version=1, stages=(Stage(seen, window=1),)), "b", {}),
    ]
    graph = compile_chain(steps, given=(IMAGE, "shade"))
    shades = {2: "", 3: "x", 4: "x"}
    row = Consecutive(
        graph, lambda number: {IMAGE: np.zeros((2, 2), np.float32), "shade": shades[number]}
    )
    assert row.evaluate(3, ("seen",))["seen"] == (2, 2, (0, 1))


# What it costs


@pytest.mark.parametrize(("inner", "outer"), [(0, 0), (1, 0), (0, 2), (1, 2), (2, 3)])
def test_over_a_walk_each_stage_is_computed_once_for_a_slice(inner: int, outer: int) -> None:
    chain, loads = Chain(inner, outer), Counter()
    give = load()

    def counted(number: int) -> dict[str, Any]:
        loads[number] += 1
        return dict(give(number))

    row = Consecutive(compile_chain(chain.steps), counted)
    for number in range(COUNT):
        row.evaluate(number, ("unscaled",))
    assert set(chain.calls.values()) == {1}
    assert sorted({name.split()[0] for name in chain.calls}) == sorted(
        ["scale", "scaled", "smooth", "both", "spread", "unscaled"]
    )
    assert set(loads.values()) == {1}


def test_masks_that_are_kept_are_not_made_again() -> None:
    """A mask before a window is wanted of the slice itself, when it was made some slices before."""
    calls: Counter[str] = Counter()

    def mask(image: str) -> str:
        calls[f"mask {image}"] += 1
        return f"m{image}"

    def mended(image: str, mask: str) -> Sum:
        calls[f"mended {image}"] += 1
        return Sum(image + mask)

    def other(mended: Sum) -> str:
        calls[f"other {said(mended)}"] += 1
        return f"o{said(mended)}"

    def spread(mended: Window[Sum], mask: Window[str]) -> str:
        return window_of(mended)

    masks = (Stage(mask, mask_of="flaws"), Stage(mended))
    # The second takes the name of the first, which nobody but the picture of all masks wants then.
    spreading = (Stage(other, makes="mask", mask_of="flaws"), Stage(spread, window=2))
    steps = []
    for name, stages in (("first", masks), ("second", spreading)):
        steps.append(Bound(Step(name=name, version=1, stages=stages), name, {}))
    graph = compile_chain(steps)
    graph = replace(graph, products={**graph.products, **graph.masks()})
    row = Consecutive(graph, load())
    for number in range(COUNT):
        made = row.evaluate(number, ("spread", "mask 0", "mask 1"))
        assert (made["mask 0"], made["mask 1"]) == (f"m{number}", f"o{number}m{number}")
    assert set(calls.values()) == {1}


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_no_more_is_alive_than_the_window(radius: int) -> None:
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Image(Sum):
        def __init__(self, text: str) -> None:
            nonlocal most
            super().__init__(text)
            alive.add(self)
            most = max(most, len(alive))

    def opened(image: str) -> Image:
        return Image(image)

    def spread(opened: Window[Image], *, radius: int) -> str:
        return window_of(opened)

    step = Step(name="open", version=1, stages=(Stage(opened), Stage(spread, window="radius")))
    graph = compile_chain([Bound(step, "open", {"radius": radius})])
    row = Consecutive(graph, load())
    for number in range(COUNT):
        row.evaluate(number, ("spread",))
    gc.collect()
    assert most == 2 * radius + 1
    assert len(alive) == radius  # beyond the last slice there is nothing


@pytest.mark.parametrize(("inner", "outer"), list(product((0, 1, 2), (0, 1, 2))))
def test_what_is_given_is_let_go(inner: int, outer: int) -> None:
    """Raw slices: never more than the two windows together see."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most = 0

    class Raw(Sum):
        def __str__(self) -> str:
            return self.text

    give = load()

    def loaded(number: int) -> dict[str, Any]:
        nonlocal most
        image = give(number)[IMAGE]
        if image is not ABSENT:
            image = Raw(image)
            alive.add(image)
            most = max(most, len(alive))
        return {IMAGE: image}

    row = Consecutive(compile_chain(Chain(inner, outer).steps), loaded)
    for number in range(COUNT):
        row.evaluate(number, ("unscaled",))
    assert most <= 2 * (inner + outer) + 1
