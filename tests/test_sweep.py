"""The search: shared work, order, choice and its statuses."""

from __future__ import annotations

import threading
from collections import Counter
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackmend import registry
from stackmend.chain import Bound, compile_chain
from stackmend.errors import StepError
from stackmend.registry import IMAGE, NOTHING_FOUND, UNDEFINED, Loss, Stage, Step, Undefined
from stackmend.sweep import Axis, Choice, NoChoice, Space, count_work, search
from stackmend.sweep.choice import NOTHING_TO_JUDGE, choose
from stackmend.sweep.space import walking_order
from stackmend.sweep.walk import distinct_work, walk

SWEPT = (
    ("find_charging", "gf1_sigma"),
    ("find_charging", "color_shift"),
    ("correct_charging", "gf2_sigma"),
    ("correct_charging", "rb_radius"),
    ("correct_charging", "gf3_sigma"),
)


def bound(name: str, **given_values: object) -> Bound:
    step = registry.steps().get(name)
    defaults = {key: declared.get("default") for key, declared in step.schema["properties"].items()}
    return Bound(step, name, defaults | given_values)


def decharging(swept=SWEPT):
    loss = Bound(
        registry.losses().get("charging_histogram"), "loss", {"regions": 20, "distance": 10}
    )
    return compile_chain([bound("find_charging"), bound("correct_charging"), loss], swept=swept)


def space_of(parameters, values) -> Space:
    return Space(
        tuple(
            Axis(parameter, tuple(each)) for parameter, each in zip(parameters, values, strict=True)
        )
    )


def published_space(values: int = 3) -> Space:
    return space_of(SWEPT, [tuple(range(1, values + 1)) for _ in SWEPT])


def test_identical_work_is_counted_once():
    work = count_work(decharging(), published_space())
    assert work == {
        "flattened": 3,
        "candidates": 9,
        "charging_mask": 9,
        "charged_regions": 9,
        "blend_weight": 9,
        "flattened_twice": 9,
        "ball_background": 27,
        "background": 81,
        IMAGE: 243,
        "loss": 243,
    }


@pytest.mark.parametrize("workers", [1, 3])
def test_identical_work_is_done_once(workers):
    """Count the real calls, not the plan of them."""
    calls: Counter[str] = Counter()
    lock = threading.Lock()

    def counted(stage: Stage) -> Stage:
        def function(*inputs, **parameters):
            with lock:
                calls[stage.makes] += 1
            return (
                1.0
                if stage.makes == "loss"
                else np.zeros((2, 2))
                if stage.makes == IMAGE
                else len(calls)
            )

        new = Stage(function, makes=stage.makes)
        new.__dict__.update(reads=stage.reads, needs=stage.needs, parameters=stage.parameters)
        return new

    def counting(original: Bound) -> Bound:
        component = original.component
        kind = type(component)
        stages = tuple(counted(stage) for stage in component.stages)
        return Bound(
            kind(name=component.name, version=1, stages=stages), original.id, original.parameters
        )

    loss = Bound(
        registry.losses().get("charging_histogram"), "loss", {"regions": 20, "distance": 10}
    )
    steps = [counting(bound("find_charging")), counting(bound("correct_charging"))]
    graph = compile_chain([*steps, counting(loss)], swept=SWEPT)
    result = search(
        graph, published_space(), [0], lambda number: {IMAGE: np.zeros((2, 2))}, workers=workers
    )
    assert calls == result.work
    expected = {
        "flattened": 3,
        "charging_mask": 9,
        "flattened_twice": 9,
        "ball_background": 27,
        "background": 81,
    }
    assert {name: calls[name] for name in expected} == expected


def test_few_results_are_alive_at_once():
    graph, space = decharging(), published_space(5)
    order = walking_order(graph, [5] * 5)
    assert order[-1] == 1, (
        "the mask's threshold must turn fastest: everything else is independent of it"
    )
    work = distinct_work(graph, list(space.grid()))
    alive, peak = set(), 0
    uses = Counter(source for task in work.tasks.values() for source in set(task.inputs))
    for key, task in sorted(work.tasks.items(), key=lambda item: item[1].rank):
        alive.add(key)
        peak = max(peak, len(alive))
        for source in set(task.inputs):
            uses[source] -= 1
            if not uses[source]:
                alive.discard(source)
        if task.node.stage.makes == "loss":
            alive.discard(key)
    assert peak < 35
    assert len(work.answers["loss"]) == 3125


def arithmetic(parameters: int):
    """A chain of additions whose loss is a known function of the combination."""

    def stage(position: int) -> Stage:
        namespace: dict[str, object] = {}
        exec(f"def add(image, *, p{position}):\n    return image * 3 + p{position}", namespace)
        add = namespace["add"]  # what exec has defined
        return Stage(add, makes=IMAGE)  # type: ignore[arg-type]

    def value(image):
        return float(image[0, 0])

    step = Step(
        name="add", version=1, stages=tuple(stage(position) for position in range(parameters))
    )
    loss = Bound(Loss(name="value", version=1, stages=(Stage(value, makes="loss"),)), "loss", {})
    swept = tuple(("add", f"p{position}") for position in range(parameters))
    return compile_chain([Bound(step, "add", {}), loss], swept=swept), swept


@given(
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=4),
    workers=st.sampled_from([1, 2, 5]),
    data=st.data(),
)
def test_sharing_does_not_change_the_losses(sizes, workers, data):
    graph, swept = arithmetic(len(sizes))
    values = tuple(tuple(data.draw(st.permutations(range(size)))) for size in sizes)
    space = space_of(swept, values)
    result = search(
        graph, space, [7], lambda number: {IMAGE: np.full((1, 1), number)}, workers=workers
    )
    expected = []
    for combination in product(*values):
        total = 7
        for part in combination:
            total = total * 3 + part
        expected.append(float(total))
    assert list(result.losses[7].values()) == expected
    assert list(result.losses[7]) == list(space.grid())
    assert result.choice.loss == min(expected)
    first = list(space.grid())[expected.index(min(expected))]
    assert tuple(result.chosen.values()) == first


@pytest.mark.parametrize("workers", [1, 2])
def test_a_failing_stage_is_named(workers):
    def broken(image, *, p0):
        raise ZeroDivisionError("no")

    step = Step(name="breaks", version=1, stages=(Stage(broken, makes=IMAGE),))
    graph = compile_chain([Bound(step, "mine", {})], swept=(("mine", "p0"),))
    work = distinct_work(graph, [(1,), (2,)], target=IMAGE)
    with pytest.raises(StepError, match=r"mine: broken failed \(ZeroDivisionError: no\)"):
        walk(work, {IMAGE: np.zeros((1, 1))}, workers=workers)


ONE = space_of((("s", "a"), ("s", "b")), ((1, 2, 3), (10, 20)))
NOTHING = Undefined(NOTHING_FOUND, "nothing")
UNSURE = Undefined(UNDEFINED, "no ring")


def losses(*rows):
    return {number: dict(zip(ONE.grid(), row, strict=True)) for number, row in enumerate(rows)}


def test_the_lowest_mean_wins():
    choice = choose(ONE, losses([1, 1, 0.2, 1, 1, 1], [1, 1, 1, 0.1, 1, 1]))
    assert isinstance(choice, Choice)
    assert choice.combination == (2, 20)
    assert choice.loss == pytest.approx(0.55)


def test_the_first_of_equals_wins_and_the_tie_is_told():
    choice = choose(ONE, losses([1, 1, 0.5, 0.5, 1, 0.5]))
    assert isinstance(choice, Choice)
    assert choice.combination == (2, 10)
    assert choice.tied == ((2, 20), (3, 20))


def test_an_undefined_loss_never_wins():
    choice = choose(ONE, losses([UNSURE, NOTHING, 1.9, UNSURE, NOTHING, UNSURE]))
    assert isinstance(choice, Choice)
    assert choice.combination == (2, 10)


def test_finding_nothing_where_others_find_something_loses():
    choice = choose(ONE, losses([NOTHING, 1.8, 1.9, 1.9, 1.9, 1.9], [0.1, 1.8, 1.9, 1.9, 1.9, 1.9]))
    assert isinstance(choice, Choice)
    assert choice.combination == (1, 20)


def test_slices_without_findings_do_not_count_and_are_told():
    choice = choose(ONE, losses([NOTHING] * 6, [0.3, 0.2, 1, 1, 1, 1]))
    assert isinstance(choice, Choice)
    assert choice.slices_without_findings == (0,)
    assert choice.loss == 0.2


def test_nothing_found_anywhere():
    assert choose(ONE, losses([NOTHING] * 6, [NOTHING] * 6)) == NoChoice(
        NOTHING_FOUND, NOTHING_TO_JUDGE, (0, 1)
    )


def test_found_but_undefined_everywhere():
    choice = choose(ONE, losses([NOTHING, UNSURE, NOTHING, NOTHING, NOTHING, NOTHING]))
    assert isinstance(choice, NoChoice)
    assert choice.status == UNDEFINED
    assert "no ring" in choice.reason


def test_a_choice_on_the_edge_is_told_for_ranges_of_three_or_more():
    choice = choose(ONE, losses([1, 1, 1, 1, 1, 0.5]))
    assert isinstance(choice, Choice)
    assert choice.edges == {("s", "a"): "upper"}
    inside = choose(ONE, losses([1, 1, 1, 0.5, 1, 1]))
    assert isinstance(inside, Choice)
    assert inside.edges == {}


def test_a_parameter_without_effect_is_told():
    choice = choose(ONE, losses([3, 3, 2, 2, NOTHING, NOTHING]))
    assert isinstance(choice, Choice)
    assert choice.without_effect == (("s", "b"),)


def test_a_flat_loss_ties_and_no_parameter_has_effect():
    choice = choose(ONE, losses([1.5] * 6))
    assert isinstance(choice, Choice)
    assert choice.combination == (1, 10)
    assert len(choice.tied) == 5
    assert choice.without_effect == (("s", "a"), ("s", "b"))
