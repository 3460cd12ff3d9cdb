"""The method against figures made independently."""

from __future__ import annotations

import csv
from typing import Any

import numpy as np
import pytest

import reference_data
from benchmarks import literal
from stackmend import api, registry
from stackmend.chain import Bound, compile_chain
from stackmend.kernels.regions import cityblock_distance
from stackmend.registry import IMAGE, Undefined
from stackmend.resources import config
from stackmend.result.rows import LEAVE_IT_ALONE
from stackmend.sweep import Axis, Space, search

pytestmark = reference_data.needs_reference


def bound(name: str, **given: Any) -> Bound:
    step = registry.steps().get(name)
    defaults = {key: declared.get("default") for key, declared in step.schema["properties"].items()}
    return Bound(step, name, defaults | given)


def products(image: np.ndarray, *, standardize: bool, **parameters: Any) -> dict[str, Any]:
    find = {key: parameters[key] for key in ("gf1_sigma", "color_shift", "inverse")}
    correct = {key: parameters[key] for key in ("gf2_sigma", "rb_radius", "gf3_sigma")}
    steps = [bound("find_charging", **find), bound("correct_charging", **correct)]
    if standardize:
        steps = [bound("standardize"), *steps, bound("destandardize")]
    given = {
        IMAGE: image.astype(np.float32),
        **({"standardize.stack_range": None} if standardize else {}),
    }
    return compile_chain(steps, given=tuple(given)).evaluate(given)


PUBLISHED = {"gf1_sigma": 40, "color_shift": 0.1, "gf2_sigma": 40, "rb_radius": 10, "gf3_sigma": 4}


@pytest.mark.slow
def test_all_243_losses_of_the_published_search(tmp_path):
    run = api.run(config("published-243"), input=reference_data.yeast(), output=tmp_path / "out")
    with (run.folder / "losses.csv").open() as file:
        every = list(csv.DictReader(file))
    rows = [row for row in every if row["combination"] != LEAVE_IT_ALONE]
    assert len(every) == len(rows) + 1
    expected = reference_data.yeast_losses()
    assert len(rows) == len(expected) == 243
    for row, reference in zip(rows, expected, strict=True):
        assert {name: float(row[name]) for name in reference if name != "loss"} == {
            name: value for name, value in reference.items() if name != "loss"
        }
        assert float(row["loss"]) == pytest.approx(reference["loss"], abs=1e-3)
        assert row["status"] == "ok"
    best = min(range(243), key=lambda index: float(rows[index]["loss"]))
    assert best == min(range(243), key=lambda index: expected[index]["loss"]) == 6
    chosen = run.record["searches"][0]["chosen"]
    assert chosen == {
        "gf1_sigma": 40,
        "color_shift": 0.05,
        "gf2_sigma": 40,
        "rb_radius": 50,
        "gf3_sigma": 4,
    }


@pytest.mark.parametrize("inverse", [False, True])
def test_mask_and_corrected_image(inverse):
    arrays = reference_data.arrays()
    image = 1 - arrays["B_input"] if inverse else arrays["B_input"]
    made = products(image, standardize=False, inverse=inverse, **PUBLISHED)
    suffix = "inv1" if inverse else "inv0"
    detection = 1 - made["flattened"] if inverse else made["flattened"]
    margin = np.abs(detection - literal.reconstruct(detection, 0.1) - np.float32(0.1))
    # On the frame, exact arithmetic gives t - filled = c; there rounding alone decides for the
    # reference.
    differing = made["charging_mask"] != arrays[f"B_mask_{suffix}"].astype(bool)
    assert not np.any(differing & (margin > 2e-6))
    assert np.count_nonzero(differing) <= 1
    same = cityblock_distance(differing, 10) > 10
    error = np.abs(made[IMAGE] - arrays[f"B_corr_{suffix}"])
    assert error[same].max() <= 1e-5 * np.ptp(image)


def test_four_steps_on_grey_levels():
    arrays = reference_data.arrays()
    made = products(200 * arrays["B_input"] + 7, standardize=True, inverse=False, **PUBLISHED)
    expected = arrays["B_local_scaled"][0]
    np.testing.assert_allclose(made[IMAGE], expected, rtol=0, atol=1e-5 * np.ptp(expected))


def test_losses_on_the_synthetic_halos():
    arrays = reference_data.arrays()
    names = ("gf1_sigma", "color_shift", "gf2_sigma", "rb_radius", "gf3_sigma")
    owners = (
        "find_charging",
        "find_charging",
        "correct_charging",
        "correct_charging",
        "correct_charging",
    )
    parameters = tuple(zip(owners, names, strict=True))
    values = [tuple(dict.fromkeys(column.tolist())) for column in arrays["B_grid"].T]
    space = Space(
        tuple(Axis(parameter, each) for parameter, each in zip(parameters, values, strict=True))
    )
    loss = registry.losses().get("charging_histogram")
    graph = compile_chain(
        [
            bound("find_charging", inverse=False),
            bound("correct_charging"),
            Bound(loss, "loss", {"regions": 20, "distance": 10}),
        ],
        swept=parameters,
    )
    image = arrays["B_input"].astype(np.float32)
    result = search(graph, space, [0], lambda number: {IMAGE: image})
    for row, expected in zip(arrays["B_grid"], arrays["B_loss"], strict=True):
        value = result.losses[0][tuple(row.tolist())]
        assert not isinstance(value, Undefined)
        assert value == pytest.approx(expected, abs=1e-3)


# Dark organelles of this tissue rise by up to 0.2 of the grey range; only what rises further can be
# charging.
ABOVE_TISSUE = {"optimize.slices": "[10]", "find_charging.color_shift": "{sweep: [0.3, 0.4]}"}


def test_nothing_is_found_in_a_stack_without_charging(tmp_path):
    published = config("published-243")
    with pytest.raises(Exception, match="no combination finds any charging") as failure:
        api.run(
            published, input=reference_data.celegans(), output=tmp_path / "out", set=ABOVE_TISSUE
        )
    assert failure.value.exit_status == 6
    assert not (tmp_path / "out" / "stack").exists()


def test_a_stack_without_charging_is_left_as_it_is_where_the_protocol_says_so(tmp_path):
    run = api.run(
        config("published-243"),
        input=reference_data.celegans(),
        output=tmp_path / "out",
        set={**ABOVE_TISSUE, "optimize.on_nothing_found": "skip"},
    )
    from stackmend.stacks import open_stack

    before, after = open_stack(reference_data.celegans())[0], open_stack(run.stack)[0]
    assert after.shape == before.shape == (21, 256, 256)
    assert all(np.array_equal(before.read(index), after.read(index)) for index in range(21))
    assert any("nothing found" in warning for warning in run.record["warnings"])
