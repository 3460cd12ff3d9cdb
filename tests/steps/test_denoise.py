"""denoise: known noise taken away, structure left alone, the same for any way to the result."""

from __future__ import annotations

import csv
import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
import tifffile

import stackmend
from components import bound, evaluate
from reference_data import fibsem_clean, needs_reference
from stackmend import api, registry
from stackmend.errors import ProtocolError
from stackmend.kernels import patch_average
from stackmend.kernels.hidden_pixels import hidden_at
from stackmend.kernels.noise_model import (
    correlations,
    grey_levels_of,
    noise_line,
    noise_points,
    stabilised,
)
from stackmend.kernels.patch_average import average_alike
from stackmend.registry import Unsettled, Window
from stackmend.steps.denoise import neighbours

SHAPE = (4, 61, 83)
METHODS = list(registry.steps().get("denoise").variants)


def blobs(shape=SHAPE):
    """Smooth slices that change slowly along Z, grey levels 60 to 180."""
    z, y, x = np.indices(shape).astype(np.float32)
    return 120 + 40 * np.sin(x / 9 + z / 8) * np.cos(y / 11) + 20 * np.sign(np.sin(y / 13))


def noisy(stack, alpha=1.5, beta=25.0, seed=0):
    random = np.random.default_rng(seed)
    spread = np.sqrt(alpha * stack + beta)
    return (stack + spread * random.standard_normal(stack.shape)).astype(np.float32)


def rms(one, other):
    return float(np.sqrt(np.mean((one.astype(np.float64) - other) ** 2)))


CLEAN = blobs()
NOISY = noisy(CLEAN)


# Noise


def test_the_noise_of_a_stack_is_a_line_of_the_grey_level():
    stack = noisy(blobs((3, 300, 300)), alpha=2, beta=30)
    points = [noise_points(image) for image in stack]
    alpha, beta = noise_line(points)
    assert alpha * 70 + beta == pytest.approx(2 * 70 + 30, rel=0.1)
    assert alpha * 170 + beta == pytest.approx(2 * 170 + 30, rel=0.1)
    assert max(map(abs, correlations(points))) < 0.05


def test_noise_below_a_pedestal_counts():
    """A detector's offset makes beta negative, which the darkest class does not."""
    stack = noisy(blobs((2, 300, 300)), alpha=2, beta=-80)
    alpha, beta = noise_line([noise_points(image) for image in stack])
    assert alpha == pytest.approx(2, rel=0.15)
    assert beta < -40


def test_noise_that_does_not_depend_on_grey_levels():
    stack = noisy(blobs((2, 300, 300)), alpha=0, beta=36)
    alpha, beta = noise_line([noise_points(image) for image in stack])
    assert alpha * 120 + beta == pytest.approx(36, rel=0.1)
    assert noise_line([noise_points(np.zeros((90, 90)))]) == (0, 0)


def test_noise_of_scaled_images_is_alike_and_that_is_said():
    wide = np.repeat(np.repeat(NOISY[0], 2, axis=0), 2, axis=1)
    along = correlations([noise_points(wide)])
    assert min(along) > neighbours.CORRELATED
    doubt = neighbours.VARIANT.doubt
    assert "noise of neighbouring pixels is alike" in doubt(wide, {})
    assert doubt(NOISY[0], {}) is None
    assert doubt(NOISY[0, :20, :20], {}) is None


@pytest.mark.parametrize(("alpha", "beta"), [(3.3, 36.0), (3.3, 0.0), (0.0, 49.0), (1e-2, -0.5)])
def test_means_of_stable_levels_come_back_without_bias(alpha, beta):
    random = np.random.default_rng(1)
    levels = np.full((400, 400), 90, np.float32)
    made = levels + np.sqrt(alpha * 90 + beta) * random.standard_normal(levels.shape)
    stable = stabilised(made.astype(np.float32), alpha, beta)
    assert stable.std() == pytest.approx(1, abs=0.03)
    mean = np.full((1, 1), stable.mean(dtype=np.float64), np.float32)
    assert grey_levels_of(mean, alpha, beta)[0, 0] == pytest.approx(90, abs=0.5)


# Averages


def literally(levels, guides, offsets, reach, width, noise, distance, patch):
    """The average of one slice as its formula stands, pixel by pixel."""
    centre, half = offsets.index(0), patch // 2
    wide = [np.pad(each, half, mode="reflect").astype(float) for each in guides]
    height, columns = levels[0].shape
    out = np.empty((height, columns))
    around = range(-distance, distance + 1)
    for y, x in np.ndindex(height, columns):
        own = wide[centre][y : y + patch, x : x + patch]
        total = weighted = most = 0.0
        for place, dy, dx in itertools.product(range(len(levels)), around, around):
            inside = 0 <= y + dy < height and 0 <= x + dx < columns
            itself = (place, dy, dx) == (centre, 0, 0)
            if not inside or itself or abs(offsets[place]) > reach:
                continue
            other = wide[place][y + dy : y + dy + patch, x + dx : x + dx + patch]
            unlike = max(((own - other) ** 2).mean() - 2 * noise, 0) / (width**2 * noise)
            weight = np.exp(-unlike) if unlike < 16 else 0.0
            total, most = total + weight, max(most, weight)
            weighted += weight * levels[place][y + dy, x + dx]
        most = max(most, 0.1)
        out[y, x] = (weighted + most * levels[centre][y, x]) / (total + most)
    return out


def test_averages_are_those_of_the_formula():
    stack = list(NOISY[:3, :11, :14] / 12)
    offsets = [-2, 0, 1]
    given = {"noise": 0.8, "distance": 2, "patch": 3}
    found = average_alike(stack, stack, offsets, reaches=[0, 1, 2], widths=[0.7, 1.5], **given)
    for reach, (place, width) in itertools.product([0, 1, 2], enumerate([0.7, 1.5])):
        expected = literally(stack, stack, offsets, reach, width, 0.8, 2, 3)
        np.testing.assert_allclose(found[reach, place], expected, rtol=2e-4)


@pytest.mark.parametrize("distance", [0, 2])
def test_what_is_shared_has_the_same_bits_as_what_is_computed_alone(distance):
    levels = Window([each / np.float32(12) for each in NOISY[:3]], 1)
    given = levels, Window([neighbours.guide_levels(each, guide=0.8) for each in levels], 1)
    how = {"guide": 0.8, "distance": distance, "patch": 5}
    reaches, widths = (0, 1), tuple(np.linspace(0.4, 2, 10))
    shared = neighbours.averages(*given, reach=reaches, h=widths, **how)
    assert len(shared.known) < len(reaches) * len(widths)  # not all are kept
    for reach, h in [(0, widths[0]), (1, widths[3]), (1, widths[-1])]:
        alone = neighbours.averages(*given, reach=(reach,), h=(h,), **how)
        one = neighbours.averaged_levels(alone, reach=reach, h=h)
        assert np.array_equal(one, neighbours.averaged_levels(shared, reach=reach, h=h))


@pytest.mark.parametrize(
    "at", [(2, 0, 4, 4), (1, 2, 3, 2), (0, 0, 1, 1), (9, 9, 11, 20), (70, 0, 4, 4)]
)
@pytest.mark.parametrize("patch", [3, 5, 9])
def test_some_pixels_have_the_bits_that_they_have_among_all(at, patch):
    row, column, down, across = at
    some = slice(row, None, down), slice(column, None, across)
    stack = [each[:41, :33] / np.float32(12) for each in NOISY[:3]]
    given = {"reaches": [0, 1, 2], "widths": [0.6, 1.5], "noise": 0.8, "distance": 4}
    whole = average_alike(stack, stack, [-1, 0, 1], patch=patch, **given)
    found = average_alike(stack, stack, [-1, 0, 1], patch=patch, at=some, **given)
    assert np.array_equal(found, whole[(..., *some)])


def test_slices_that_are_left_out_leave_a_gap():
    levels = [each / np.float32(12) for each in NOISY[:3]]
    given = {"reaches": [1], "widths": [1.0], "noise": 1.0, "distance": 2, "patch": 3}
    far = average_alike(levels[:2], levels[:2], [-2, 0], **given)
    alone = average_alike(levels[1:2], levels[1:2], [0], **given)
    assert np.array_equal(far, alone)
    assert Window(levels, 1).offsets == (-1, 0, 1)


def test_slices_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="differ in size"):
        average_alike(
            [NOISY[0], NOISY[1, 1:]],
            [NOISY[0], NOISY[1, 1:]],
            [0, 1],
            reaches=[1],
            widths=[1.0],
            noise=1.0,
            distance=2,
            patch=3,
        )


# The step


@pytest.mark.parametrize("method", METHODS)
def test_takes_noise_away(method):
    if method == "wavelet":
        pytest.importorskip("pywt")
    scale = np.float32(255 if method.startswith("tv") else 1)
    done = stackmend.steps.denoise(NOISY / scale, method=method) * scale
    assert done.shape == SHAPE
    assert done.dtype == np.float32
    assert rms(done, CLEAN) < 0.8 * rms(NOISY, CLEAN)


def test_neighbours_help():
    alone = stackmend.steps.denoise(NOISY, reach=0)
    assert rms(stackmend.steps.denoise(NOISY), CLEAN) < rms(alone, CLEAN) < 0.6 * rms(NOISY, CLEAN)


def test_a_turned_slice_gives_the_turned_result():
    done = stackmend.steps.denoise(NOISY, noise=[1.5, 25])
    turned = stackmend.steps.denoise(np.rot90(NOISY, axes=(1, 2)).copy(), noise=[1.5, 25])
    np.testing.assert_allclose(turned, np.rot90(done, axes=(1, 2)), atol=2e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 2), (7, 5)])
@pytest.mark.filterwarnings("ignore:Level value:UserWarning")  # of PyWavelets, for a few pixels
def test_tiny_slices_have_a_result(method, shape):
    if method == "wavelet":
        pytest.importorskip("pywt")
    given = {"noise": [2, 25]} if method == "neighbours" else {}
    tiny = NOISY[:, : shape[0], : shape[1]].copy()
    done = stackmend.steps.denoise(tiny, method=method, **given)
    assert done.shape == tiny.shape
    assert np.isfinite(done).all()


@pytest.mark.parametrize("method", METHODS)
def test_a_constant_slice_stays(method):
    if method == "wavelet":
        pytest.importorskip("pywt")
    flat = np.full(SHAPE[1:], 7, np.float32)
    values = {"denoise.noise_model": model(2, 25)} if method == "neighbours" else {}
    done = evaluate(flat, bound("denoise", method=method, reach=0), **values)["image"]
    assert np.array_equal(done, flat)


def model(alpha, beta):
    return {"alpha": alpha, "beta": beta, "correlation_y": 0.0, "correlation_x": 0.0}


def test_without_noise_or_strength_the_slice_stays_to_the_last_bit():
    for values, given in ((model(0, 0), {}), (model(1, 9), {"strength": 0})):
        step = bound("denoise", method="neighbours", reach=0, **given)
        made = evaluate(NOISY[0], step, **{"denoise.noise_model": values})
        assert np.array_equal(made["image"], NOISY[0])
    assert made["noise_facts"]["noise"] == pytest.approx(np.sqrt(NOISY[0].mean() + 9), rel=1e-5)


@pytest.mark.parametrize("method", ["neighbours", "bilateral"])
def test_what_is_taken_away_is_told_of_every_slice(method, tmp_path):
    done, record = run(tmp_path, NOISY, method, f", method: {method}")
    with (tmp_path / method / "slices.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row, before, after in zip(rows, NOISY, done, strict=True):
        assert float(row["denoise.taken"]) == pytest.approx(rms(before, after), rel=1e-4)
        assert abs(float(row["denoise.taken_alike"])) < (0.1 if method == "neighbours" else 0.3)
    assert {"taken", "taken_alike"} <= set(record["chain"][0]["facts"])


def test_structure_that_is_taken_away_is_alike():
    facts = evaluate(CLEAN[0], bound("denoise", method="nl_means", cut_off=90.0))["removal_facts"]
    assert facts["taken"] > 1
    assert facts["taken_alike"] > 0.7


def test_strength_mixes_with_the_slice():
    half = stackmend.steps.denoise(NOISY, strength=0.5)
    whole = stackmend.steps.denoise(NOISY)
    np.testing.assert_allclose(half, (NOISY + whole) / 2, rtol=1e-5)


def test_weak_noise_that_is_known_leaves_structure_alone():
    weak = noisy(CLEAN, alpha=0, beta=4)
    assert rms(stackmend.steps.denoise(weak, noise=[0, 4]), CLEAN) < 2


def test_slices_that_are_too_small_to_tell_their_noise():
    with pytest.raises(Unsettled, match=r"give the noise, for instance noise: \[3.3, 36\]"):
        neighbours.model_of_noise({0: None, 1: None}, noise=None)
    given = neighbours.model_of_noise({0: None}, noise=[2, 5])
    assert (given["alpha"], given["beta"]) == (2, 5)


# Runs

PROTOCOL = """\
protocol: 1
input: {{path: {input}}}
output: {{path: {output}}}
chain:
  - {{step: denoise{given}}}
{optimize}
"""
GRID = ", reach: {sweep: [0, 1]}, h: {sweep: [0.7, 1]}, guide: 0.5"
OPTIMIZE = "optimize: {slices: [1], loss: j_invariance}"


def run(folder, stack, name, given="", optimize="", **options):
    """The restored stack and the record of a run."""
    file = folder / f"{name}.yaml"
    tifffile.imwrite(folder / "stack.tif", stack, photometric="minisblack")
    text = PROTOCOL.format(input="stack.tif", output=name, given=given, optimize=optimize)
    file.write_text(text)
    api.run(file, **options)
    record = json.loads((folder / name / "run.json").read_text(encoding="utf-8"))
    files = sorted((folder / name / "stack").iterdir())
    return np.stack([tifffile.imread(each) for each in files]), record


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_every_type_of_numbers_comes_back_in_its_own_range(dtype, tmp_path):
    scale = {"uint8": 1, "uint16": 200, "int16": 100, "float32": 1 / 255}[dtype]
    shift = -9000 if dtype == "int16" else 0
    stack = NOISY * scale + shift
    if dtype != "float32":
        stack = np.rint(stack)
    done, _ = run(tmp_path, stack.astype(dtype), "done")
    assert done.dtype == dtype
    assert rms((done.astype(float) - shift) / scale, CLEAN) < 0.5 * rms(NOISY, CLEAN)


def test_any_batching_gives_the_same_bits(tmp_path):
    whole, _ = run(tmp_path, NOISY, "one", workers=1)
    again, _ = run(tmp_path, NOISY, "two", workers=2)
    assert np.array_equal(whole, again)
    single = stackmend.steps.denoise(NOISY)
    assert np.array_equal(whole, single)


def test_each_channel_has_its_own_noise(tmp_path):
    """Both in one stack, and each by itself."""
    two = np.stack([NOISY, noisy(CLEAN, beta=225, seed=1)], axis=1)
    file = tmp_path / "two.tif"
    tifffile.imwrite(file, two, imagej=True, metadata={"axes": "ZCYX"})
    chain = {"protocol": 1, "input": {"path": str(file)}, "chain": [{"step": "denoise"}]}
    protocol = tmp_path / "channels.yaml"
    protocol.write_text(json.dumps({**chain, "output": {"path": "done"}}))
    api.run(protocol)
    files = sorted((tmp_path / "done" / "stack").iterdir())
    done = np.stack([tifffile.imread(each) for each in files]).reshape(two.shape)
    for channel in range(2):
        assert np.array_equal(done[:, channel], stackmend.steps.denoise(two[:, channel].copy()))


def test_a_search_applies_what_it_has_scored(tmp_path):
    done, record = run(tmp_path, NOISY, "searched", GRID, OPTIMIZE)
    [search] = record["searches"]
    assert search["status"] == "chosen"
    chosen = {**search["chosen"], "guide": 0.5}
    assert np.array_equal(done, stackmend.steps.denoise(NOISY, **chosen))


def test_the_losses_are_those_of_whole_slices(tmp_path, monkeypatch):
    """Although a search averages nothing for them but the pixels that were hidden."""
    asked = []

    def noted(*given, at=None, **values):
        asked.append(at)
        return average_alike(*given, at=at, **values)

    monkeypatch.setattr(patch_average, "average_alike", noted)
    run(tmp_path, NOISY, "some", GRID, OPTIMIZE)
    assert hidden_at(8) in asked
    asked.clear()
    used = registry.losses().get("j_invariance")
    monkeypatch.setitem(used.__dict__, "hiding", replace(used.hiding, looked_at=None))
    run(tmp_path, NOISY, "all", GRID, OPTIMIZE)
    assert all(each is None for each in asked)
    some, every = ((tmp_path / name / "losses.csv").read_bytes() for name in ("some", "all"))
    assert some == every


def test_the_slice_as_it_is_wins_where_its_noise_is_weak(tmp_path):
    """Fine structure in place of noise, which neighbouring pixels share."""
    random = np.random.default_rng(8)
    fine = np.repeat(random.normal(120, 20, (4, 62, 42)), 2, axis=2)[:, :61, :83]
    fine = fine + np.roll(fine, 1, axis=1)
    stack = noisy(fine, alpha=0, beta=4)
    skip = OPTIMIZE.replace("}", ", on_nothing_found: skip}")
    done, record = run(tmp_path, stack, "left", GRID, skip)
    assert record["searches"][0]["status"] == "left_alone"
    assert np.array_equal(done, stack)


def test_methods_are_compared_by_the_loss(tmp_path):
    given = ", method: {sweep: [neighbours, bilateral, nl_means]}"
    _, record = run(tmp_path, NOISY, "methods", given, OPTIMIZE)
    assert record["searches"][0]["chosen"] == {"method": "neighbours"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (", method: bilateral, h: 1", "belongs to method neighbours"),
        (", weight: 0.1", "belongs to method tv_chambolle"),
        (", noise: [0, -4]", "must be positive"),
        (", patch: 4", "must be 3, 5, 7 or 9"),
    ],
)
def test_what_makes_no_sense_is_refused(given, said, tmp_path):
    with pytest.raises(ProtocolError) as refused:
        run(tmp_path, NOISY, "refused", given)
    assert said in str(refused.value)


# Known truth


@needs_reference
def test_reaches_the_figure_asked_for_on_real_slices():
    clean = fibsem_clean()[1:6, 100:356, 100:356]
    random = np.random.default_rng(0)
    counts = random.poisson(clean * 0.3) / 0.3
    stack = (counts + random.normal(0, 6, clean.shape)).astype(np.float32)
    done = stackmend.steps.denoise(stack)
    psnr = 10 * np.log10(255**2 / np.mean((done[2] - clean[2]) ** 2))
    assert psnr >= 29.2
