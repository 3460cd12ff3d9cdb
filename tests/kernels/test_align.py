"""Slices laid on each other, where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmarks import align_cases as cases
from reference_data import arrays, fibsem_clean, needs_reference
from stackmend.kernels import transforms
from stackmend.kernels.align_baseline import ecc_pair, phase_pair
from stackmend.kernels.align_pairs import robust_pair
from stackmend.kernels.align_plan import settled
from stackmend.kernels.align_slices import prepare, spline_of
from stackmend.kernels.align_stack import disagreements, together
from stackmend.kernels.align_trend import without_trend


def texture(size=200, seed=0):
    """Smooth random structure of several sizes, grey levels about 35 apart."""
    random = np.random.default_rng(seed)
    parts = [ndimage.gaussian_filter(random.normal(size=(size, size)), s) * s for s in (1.5, 4, 9)]
    field = sum(parts)
    return 128 + 35 * (field - field.mean()) / field.std()


def records_of(stack, model, reach=3, *, blocks=False, **how):
    prepared, records = [prepare(image, model=model, **how) for image in stack], {}
    for i in range(len(stack)):
        for j in range(i + 1, min(i + reach + 1, len(stack))):
            records[i, j] = robust_pair(prepared[i], prepared[j], model=model, blocks=blocks)
    return records


def aligned(stack, model, trend="remove", **how):
    blocks = trend == "consensus"
    records = records_of(stack, model, blocks=blocks, **how)
    return settled(records, range(len(stack)), model=model, trend=trend)


def record(matrix, status="", shape=(100, 120)):
    return {"matrix": matrix, "status": status, "shape": list(shape), "blocks": None}


def test_the_spline_goes_through_the_pixels():
    image = texture(60).astype(np.float32)
    asked = ndimage.spline_filter(image.astype(np.float64), 3, mode="mirror")
    np.testing.assert_allclose(spline_of(image), asked, atol=2e-4)


@pytest.mark.parametrize(
    ("make", "model", "most"),
    [
        (cases.static, "translation", 0.04),
        (cases.affine, "affine", 0.12),
        (cases.turning, "euclidean", 0.12),
    ],
)
def test_made_up_stacks(make, model, most):
    """Small slices know less than large ones: errors go with one by the side."""
    field = cases.Field(texture(260, seed=3))
    stack, truth = make(field, 1, size=150, count=5)
    plan = aligned(stack, model)
    assert plan["dropped"] == []
    assert cases.errors(plan["matrices"], truth, 150)[1] < most
    assert max(plan["disagreement_px"]) < most


@needs_reference
def test_reference_shifts():
    given = arrays()
    stack, shifts = given["D_input"].astype(np.float32), given["D_true_shift_yx"]
    found = aligned(stack, "translation")["matrices"]
    np.testing.assert_allclose(found[:, :, 2], shifts - shifts[0], atol=0.002)
    records = records_of(stack, "translation", reach=1)
    for pair in records:
        one, two = (prepare(stack[k], model="translation") for k in pair)
        shift = shifts[pair[1]] - shifts[pair[0]]
        ecc = ecc_pair(one, two, model="translation")
        np.testing.assert_allclose(ecc["matrix"][:, 2], shift, atol=0.03)
        phase = phase_pair(one, two)
        np.testing.assert_allclose(phase["matrix"][:, 2], shift, atol=0.2)


@needs_reference
def test_real_slices_with_other_tissue_and_charging():
    images = fibsem_clean()
    fields = [cases.Field(images[k]) for k in (4, 1, 2)]
    for stack, truth in (
        cases.changing(fields[0], fields[1:], 0, size=400, count=4),
        cases.charging(fields[0], 0, size=300, count=4),
    ):
        found = aligned(stack, "translation", "consensus")["matrices"]
        assert cases.errors(found, truth, stack.shape[1])[0] < 0.1


@pytest.mark.parametrize("model", ["translation", "euclidean"])
def test_largest_group_stands_still(model):
    field, other = cases.Field(texture(260, 1)), cases.Field(texture(260, 2))
    stack, truth = cases.tilted(field, other, 0, size=200, count=14)
    records = records_of(stack, model, blocks=True)
    left = {}
    for trend in ("remove", "consensus"):
        plan = settled(records, model=model, trend=trend)
        left[trend] = cases.slope_left(plan["matrices"], truth)
    assert left["consensus"] < 0.05
    assert left["consensus"] < left["remove"] / 2
    first, second = plan["groups"][:2]
    assert first["share"] > 0.5
    assert np.hypot(*first["shift"]) < 0.05
    assert np.hypot(*second["shift"]) == pytest.approx(0.8, abs=0.1)
    assert "tilted" in plan["warnings"][0]


def test_a_mask_and_a_region_are_heeded():
    random, field = np.random.default_rng(0), cases.Field(texture(260))
    truth = [transforms.translation(shift) for shift in ((0, 0), (2.3, -1.6))]
    stack = cases.stack_of(field, truth, 200, random)
    wrong = stack.copy()
    wrong[:, 60:150, 40:160] = texture(200, 5)[60:150, 40:160]  # does not move
    mask = np.zeros((200, 200), bool)
    mask[55:155, 35:165] = True
    found = aligned(wrong, "translation", mask=mask)["matrices"]
    assert cases.errors(found, truth, 200)[1] < 0.05
    plain = np.where(mask, np.float32(120), stack)  # the region sees nothing of this
    found = aligned(plain, "translation", region=[0, 52, 0, 200])["matrices"]
    assert cases.errors(found, truth, 200)[1] < 0.05


def test_slices_that_are_the_same_to_the_last_bit():
    image = texture(120).astype(np.float32)
    found = records_of([image, image], "euclidean", blocks=True)[0, 1]
    assert found["status"] == ""
    np.testing.assert_allclose(found["matrix"], transforms.identity(), atol=1e-6)


def test_records_are_small_plain_data():
    stack, _ = cases.static(cases.Field(texture(160)), 0, size=120, count=2)
    found = records_of(stack, "euclidean", blocks=True)[0, 1]
    assert found["blocks"].shape == (8, 8, 3)
    assert found["blocks"].nbytes < 1000
    assert found["matrix"].dtype == np.float64
    rest = {name: type(value) for name, value in found.items() if name not in ("blocks", "matrix")}
    assert set(rest.values()) == {str, float, list}


def test_pairs_that_fail_say_why():
    random = np.random.default_rng(0)
    noise = random.normal(100, 8, (2, 128, 128)).astype(np.float32)
    assert records_of(noise, "translation")[0, 1]["status"]
    field = cases.Field(texture(260))
    far = [transforms.translation((0, 0)), transforms.translation((0, 30))]
    stack = cases.stack_of(field, far, 180, random)
    one, two = (prepare(image, model="translation") for image in stack)
    assert robust_pair(one, two, model="translation")["status"] == ""
    told = robust_pair(one, two, model="translation", largest_shift=10)["status"]
    assert told
    with pytest.raises(ValueError, match="alike"):
        prepare(np.ones((64, 64), np.float32), model="affine")
    with pytest.raises(ValueError, match="region"):
        prepare(texture(64).astype(np.float32), model="affine", region=[0, 40, 0, 64])
    with pytest.raises(ValueError, match="one shape"):
        robust_pair(
            one, prepare(texture(64).astype(np.float32), model="translation"), model="affine"
        )


def chain_of(count, model="translation"):
    """True transforms of a stack, and all pairs within reach 3."""
    truth, shape = [transforms.identity()], (100, 120)
    for number in range(1, count):
        angle = 0.02 if model != "translation" else 0.0
        linear = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        step = np.column_stack([linear, [1.0 + number % 3, -2.0]])
        step = transforms.about(step, transforms.centre_of(shape))
        truth.append(transforms.composed(step, truth[-1]))
    pairs = {
        (i, j): transforms.composed(truth[j], transforms.inverse(truth[i]))
        for i in range(count)
        for j in range(i + 1, min(i + 4, count))
    }
    return np.stack(truth), pairs, shape


@pytest.mark.parametrize("model", ["translation", "euclidean", "affine"])
def test_one_wrong_pair_of_many_does_not_count(model):
    truth, pairs, shape = chain_of(12, model)
    pairs[4, 5] = transforms.composed(transforms.translation((3, 1)), pairs[4, 5])
    found = together(pairs, 12, model=model, shape=shape)
    np.testing.assert_allclose(found, truth, atol=0.01)
    apart = disagreements(pairs, found, shape)
    assert max(apart, key=apart.get) == (4, 5)


def test_every_reference_gives_the_same_path():
    truth, pairs, _ = chain_of(9, "euclidean")
    records = {pair: record(matrix) for pair, matrix in pairs.items()}
    first = settled(records, model="euclidean", trend="remove")["matrices"]
    fifth = settled(records, model="euclidean", trend="remove", reference=5)["matrices"]
    np.testing.assert_allclose(first, truth, atol=1e-6)
    np.testing.assert_array_equal(fifth[5], transforms.identity())
    for one, other in zip(first, fifth, strict=True):
        np.testing.assert_allclose(transforms.composed(other, first[5]), one, atol=1e-6)


def test_chained_pairs_are_composed_not_added():
    truth, pairs, _ = chain_of(6, "euclidean")
    records = {pair: record(matrix) for pair, matrix in pairs.items()}
    plan = settled(records, model="euclidean", trend="remove", chain=True)
    np.testing.assert_allclose(plan["matrices"], truth, atol=1e-9)
    assert plan["pairs"] == [1, 2, 2, 2, 2, 1]


def test_a_slice_without_a_pair_is_bridged_or_refused():
    truth, pairs, _ = chain_of(9)
    reason = "the correlation is 0.10"
    records = {pair: record(matrix, reason if 4 in pair else "") for pair, matrix in pairs.items()}
    with pytest.raises(ValueError, match=r"no pair is left of slice 4; raise reach"):
        settled(records, model="translation", trend="remove")
    plan = settled(records, model="translation", trend="remove", missing="interpolate")
    assert [n for n, told in zip(plan["numbers"], plan["status"], strict=True) if told] == [4]
    assert plan["pairs"][4] == 0
    assert [1, 4, reason] in plan["dropped"]
    np.testing.assert_allclose(plan["matrices"][4], (truth[3] + truth[5]) / 2, atol=1e-6)
    np.testing.assert_allclose(plan["matrices"][8], truth[8], atol=1e-6)
    assert "slice 4 lies" in plan["warnings"][0]


def test_a_stack_in_two_parts_is_refused_or_continues():
    _, pairs, _ = chain_of(8)
    records = {
        (i, j): record(matrix, "" if (i < 4) == (j < 4) else "it did not settle")
        for (i, j), matrix in pairs.items()
    }
    with pytest.raises(ValueError, match="0 to 3, 4 to 7"):
        settled(records, model="translation")
    plan = settled(records, model="translation", trend="remove", missing="interpolate")
    np.testing.assert_allclose(plan["matrices"][4], plan["matrices"][3], atol=1e-6)
    assert plan["status"] == ["", "", "", "", "bridged", "", "", ""]


def test_what_cannot_be_settled():
    _, pairs, _ = chain_of(4)
    records = {pair: record(matrix) for pair, matrix in pairs.items()}
    with pytest.raises(ValueError, match=r"slice 9 is none .* \(0 to 3\)"):
        settled(records, model="translation", reference=9)
    failed = {pair: record(matrix, "why") for pair, matrix in pairs.items()}
    with pytest.raises(ValueError, match="slices 0 and 1: why"):
        settled(failed, model="translation", missing="interpolate")


@pytest.mark.parametrize("trend", ["keep", "linear"])
def test_what_is_slow_is_kept(trend):
    random, shape = np.random.default_rng(0), (100, 120)
    slow = np.arange(60)[:, None] * [0.3, -0.2]
    fast = random.normal(0, 1, (60, 2))
    given = np.stack([transforms.translation(each) for each in slow + fast])
    how = {"trend": trend, "window": 25, "model": "translation", "shape": shape}
    found = without_trend(given, **how)[:, :, 2]
    kept = np.polyfit(np.arange(60), found, 1)[0]
    np.testing.assert_allclose(kept, 0, atol=0.01)
    assert np.abs(found - fast).std() < 0.5
    # What is steady is left, to the last slice.
    steady = np.stack([transforms.translation(each) for each in slow])
    np.testing.assert_allclose(without_trend(steady, **how), steady * 0 + np.eye(2, 3), atol=1e-9)


def test_same_bits_whatever_was_computed_before():
    stack, _ = cases.static(cases.Field(texture(260, 4)), 2, size=200, count=3)
    one = records_of(stack, "euclidean")
    records_of(stack[:, :100, :150], "affine")
    other = records_of(stack, "euclidean")
    for pair, found in one.items():
        np.testing.assert_array_equal(found["matrix"], other[pair]["matrix"])
