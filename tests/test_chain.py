"""Chains: what is tuned is what is applied, and steps cannot reach each other's arrays."""

from __future__ import annotations

import weakref
from itertools import product

import numpy as np
import pytest

from components import bound, evaluate, load
from stackmend import api
from stackmend.chain import Bound, compile_chain
from stackmend.errors import StepError
from stackmend.kernels.rounding import to_dtype
from stackmend.kernels.scaling import undo_scale
from stackmend.registry import IMAGE, Loss, Stage, Step
from stackmend.stacks import open_phantom, open_stack
from stackmend.sweep.walk import distinct_work, walk
from stackmend.tuning.bindings import bind
from stackmend.tuning.raw import load_image
from stackmend.tuning.trial import LOSS_ID

PROTOCOL = """\
protocol: 1
input:
  phantom: {{slices: 3, height: 120, width: 160, dtype: {dtype}}}
output: {{dtype: input}}
chain:
  - step: standardize
  - step: find_charging
    inverse: true
    gf1_sigma: {{sweep: [15, 30]}}
    color_shift: {{sweep: [0.05, 0.1]}}
  - step: correct_charging
    rb_radius: {{sweep: [10, 50]}}
    gf3_sigma: {{sweep: [2, 4.5]}}
  - step: destandardize
optimize: {{slices: [1]}}
"""


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_the_application_gives_the_pixels_that_the_search_scored(tmp_path, dtype):
    file = tmp_path / "protocol.yaml"
    file.write_text(PROTOCOL.format(dtype=dtype))
    run = api.run(file, output=tmp_path / "out", workers=2)
    applied = open_stack(run.stack)[0].read(1)

    # The search's own path: all 16 combinations share their work, and one of the images is the
    # winner's.
    chain = [bind(entry) for entry in load(file).chain]
    reader = open_phantom({"slices": 3, "height": 120, "width": 160, "dtype": dtype})
    given = evaluate(load_image(reader, 1), chain[0])
    swept = [
        (entry.id, name, sweep.values)
        for entry in load(file).chain
        for name, sweep in entry.sweeps.items()
    ]
    graph = compile_chain(
        chain[1:3], given=tuple(given), swept=[(id, name) for id, name, _ in swept]
    )
    images = walk(
        distinct_work(graph, list(product(*(values for _, _, values in swept))), target=IMAGE),
        given,
    )[IMAGE]
    chosen = run.record["searches"][0]["chosen"]
    scored, _ = to_dtype(
        undo_scale(images[tuple(chosen.values())], given["scale"]), np.dtype(dtype)
    )
    assert run.record["searches"][0]["status"] == "chosen"
    assert LOSS_ID not in {entry.id for entry in load(file).chain}
    assert np.array_equal(applied, scored)
    others = [
        to_dtype(undo_scale(image, given["scale"]), np.dtype(dtype))[0] for image in images.values()
    ]
    assert sum(np.array_equal(applied, other) for other in others) < len(others)


def stepping(function, makes=IMAGE):
    return Bound(Step(name="mine", version=1, stages=(Stage(function, makes=makes),)), "mine", {})


def test_a_step_cannot_write_into_what_it_reads():
    def careless(image):
        image[0, 0] = 1
        return image

    source = np.zeros((2, 2), dtype=np.float32)
    with pytest.raises(StepError, match="mine: careless failed"):
        evaluate(np.zeros((2, 2)), bound("standardize"), stepping(careless))
    assert source[0, 0] == 0


def test_a_step_must_return_an_image():
    with pytest.raises(StepError, match="2-D array, got float"):
        evaluate(np.zeros((2, 2)), stepping(lambda image: float(image.mean())))


def test_products_that_nobody_wants_are_freed():
    alive = weakref.WeakSet()

    class Tracked:
        pass

    def first(image):
        made = Tracked()
        alive.add(made)
        return made

    def second(first):
        assert len(alive) == 1
        return np.zeros((1, 1))

    def third(image):
        assert len(alive) == 0
        return image

    steps = [stepping(first, "first"), stepping(second), stepping(third)]
    graph = compile_chain(steps)
    graph.evaluate({IMAGE: np.ones((1, 1))}, keep=(IMAGE,))


def test_a_loss_can_compare_with_the_image_before_the_tuned_steps():
    def doubled(image):
        return 2 * image

    def loss(image, initial_image):
        return float((image - initial_image).sum())

    component = Loss(name="change", version=1, stages=(Stage(loss),))
    before = compile_chain([stepping(doubled)]).evaluate({IMAGE: np.ones((2, 3))})
    graph = compile_chain([stepping(doubled), Bound(component, "loss", {})], given=tuple(before))
    assert graph.evaluate(before)["loss"] == 12


def test_bright_and_dark_charging_in_one_chain():
    y, x = np.indices((90, 140))
    texture = 100 + np.random.default_rng(0).normal(0, 1, (90, 140))
    bright, dark = (60 * np.exp(-((y - 45) ** 2 + (x - centre) ** 2) / 60) for centre in (40, 100))
    image = (texture + bright - dark).astype(np.float32)
    steps = [bound("standardize")]
    for id, inverse in (("bright", False), ("dark", True)):
        steps.append(bound("find_charging", f"find_{id}", inverse=inverse, gf1_sigma=30))
        steps.append(
            bound("correct_charging", f"correct_{id}", gf2_sigma=30, rb_radius=10, gf3_sigma=2)
        )
    made = evaluate(image, *steps, bound("destandardize"))["image"]
    for left, right in ((35, 45), (95, 105)):
        before, after = (np.abs(each - texture)[40:50, left:right].mean() for each in (image, made))
        assert after < 0.4 * before
    assert np.array_equal(made[:10], image[:10])
