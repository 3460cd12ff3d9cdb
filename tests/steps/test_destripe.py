"""Curtains with known truth: taken away where they are, and nothing where there are none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, gaussian_filter1d

from reference_data import FOLDER, needs_reference
from stackmend import steps
from stackmend.api import run
from stackmend.kernels.curtains import CurtainShape, Drawn, curtain_bands, find_curtain
from stackmend.kernels.turning import turned, turned_back
from stackmend.kernels.wavelets import (
    column_spectra,
    less_columns,
    most_levels,
    wavelet_names,
)
from stackmend.protocol import examine

SHAPE = (150, 161)


def structure(seed, shape=SHAPE):
    fields = [gaussian_filter(np.random.default_rng(seed).normal(size=shape), s) for s in (1, 3)]
    return (128 + sum(25 * field / field.std() for field in fields)).astype(np.float32)


def curtained(shape=SHAPE, angle=0.0, seed=9):
    y, x = np.mgrid[: shape[0], : shape[1]] - (np.array(shape) - 1)[:, None, None] / 2
    across = x * np.cos(np.deg2rad(angle)) - y * np.sin(np.deg2rad(angle))
    levels = gaussian_filter1d(np.random.default_rng(seed).normal(size=600), 0.8)
    found = np.interp(across, np.arange(600) - 300, levels)
    return (10 * (found - found.mean()) / found.std()).astype(np.float32)


CLEAN = np.array([structure(seed) for seed in range(3)])


def left_of(restored, clean):
    left = np.asarray(restored, np.float64) - clean
    return float((left - left.mean()).std())


@pytest.mark.parametrize("angle", [0, 25, -90])
def test_curtains_of_any_angle_are_taken_away(angle):
    stack = CLEAN + curtained(angle=angle)
    assert left_of(steps.destripe(stack, angle=angle), CLEAN) < 8.6


def test_a_stack_without_curtains_is_left_alone():
    np.testing.assert_array_equal(steps.destripe(CLEAN), CLEAN)


def test_a_constant_stack_stays():
    flat = np.full((2, 80, 70), 7, np.float32)
    np.testing.assert_array_equal(steps.destripe(flat), flat)


def test_the_angle_is_found():
    from stackmend.steps.destripe.robust import plan_of_stack, powers

    shape = (128, 128)
    looks = {}
    for number in range(1):
        image = structure(number, shape) + 4 * curtained(shape, angle=12)
        looks[number] = powers(image, bands=3, ratio=48, shortest=48, clip=1.5, angle="auto")
    assert plan_of_stack(looks, angle="auto")["angle"] == pytest.approx(12, abs=1)


def test_a_turned_stack_gives_the_turned_result():
    stack = CLEAN + curtained()
    upright = np.asarray(steps.destripe(stack))
    lying = steps.destripe(np.rot90(stack, axes=(1, 2)), angle=90)
    np.testing.assert_array_equal(np.rot90(lying, -1, axes=(1, 2)), upright)


def test_turning_there_and_back():
    image = structure(1)
    for angle in (90, -90, 0):
        np.testing.assert_array_equal(turned_back(turned(image, angle), angle, SHAPE), image)
    back = turned_back(turned(image, 30), 30, SHAPE)
    assert np.abs(back - image)[5:-5, 5:-5].std() < 1


ALIKE = np.array([structure(1) + 0.3 * structure(seed) for seed in (5, 6, 7, 8)])


def of_both_passes(stack, **values):
    restored = (steps.destripe(stack, neighbours=each, **values) for each in (0, 1))
    return [left_of(each, ALIKE) for each in restored]


@pytest.mark.parametrize("angle", [0, 25])
def test_neighbours_help_where_curtains_differ(angle):
    stack = ALIKE + np.array([curtained(angle=angle, seed=seed) for seed in (9, 10, 11, 12)])
    once, twice = of_both_passes(stack, angle=angle)
    assert twice < 0.9 * once


def test_neighbours_do_no_harm_where_curtains_persist():
    once, twice = of_both_passes(ALIKE + curtained())
    assert twice < 1.01 * once


def test_without_curtains_or_neighbours_there_is_no_second_pass():
    np.testing.assert_array_equal(steps.destripe(CLEAN, neighbours=1), CLEAN)
    alone = ALIKE[:1] + curtained()
    np.testing.assert_array_equal(steps.destripe(alone, neighbours=1), steps.destripe(alone))


def test_charge_of_a_neighbour_does_not_take_part():
    from stackmend.registry import Window
    from stackmend.steps.destripe import robust

    mask = np.zeros((3, *SHAPE), bool)
    mask[2, 40:80, 50:90] = True
    image = Window(list(ALIKE[:3]), 1)
    curtain = find_curtain(ALIKE[1], 0, CurtainShape(48, 48, 1.5))
    bands, own = Window([{0: curtain}] * 3, 1), Window([{0: Drawn(curtain, 1.0)}] * 3, 1)
    found = robust.beside(image, image, bands, own, Window(list(mask), 1), neighbours=1)
    np.testing.assert_array_equal(found.mask, mask[2])
    np.testing.assert_allclose(found.alike[0], 1)


def test_a_second_pass_is_the_same_for_any_workers(tmp_path):
    hashes = set()
    for workers in (1, 2):
        file = tmp_path / f"{workers}.yaml"
        file.write_text(
            "protocol: 1\ninput: {phantom: {slices: 5, height: 96, width: 96}}\n"
            f"output: {{path: out{workers}}}\n"
            "chain: [{step: destripe, neighbours: 1, gate: 0}]\n"
        )
        hashes.add(run(file, workers=workers).record["output"]["pixel_hash"])
    assert len(hashes) == 1


def test_more_strength_takes_more():
    stack = CLEAN + curtained()
    taken = [stack - np.asarray(steps.destripe(stack, strength=each)) for each in (0, 0.5, 1)]
    assert not taken[0].any()
    np.testing.assert_allclose(2 * taken[1], taken[2], atol=1e-4)


def test_charged_pixels_do_not_take_part():
    image = structure(2) + curtained()
    mask = np.zeros(SHAPE, bool)
    mask[40:80, 50:90] = True
    charged = image + np.float32(400) * mask
    bands = [next(curtain_bands(each, 1)).copy() for each in (image, charged)]
    shape = CurtainShape(48, 48, 1.5)
    one, other, blind = (
        find_curtain(bands[0], 0, shape, mask).levels,
        find_curtain(bands[1], 0, shape, mask).levels,
        find_curtain(bands[1], 0, shape).levels,
    )
    inside = slice(56, 84)
    assert np.abs(one - other)[:, inside].max() < np.abs(one - blind)[:, inside].max() / 4


def test_the_mask_of_an_earlier_step_is_heeded(tmp_path):
    file = tmp_path / "protocol.yaml"
    chain = "[{step: standardize, per: stack}, {step: find_charging}, {step: destripe}]"
    file.write_text(
        "protocol: 1\ninput: {phantom: {slices: 2, height: 96, width: 96}}\n"
        f"output: {{path: out, dtype: float32}}\nchain: {chain}\n"
    )
    protocol = examine(file).accepted()
    from stackmend.chain import compile_chain
    from stackmend.tuning.bindings import bind

    bound = [bind(each) for each in protocol.chain]
    given = ("image", *(each.survey_product for each in bound if each.survey_product))
    graph = compile_chain(bound, given=given)
    [node] = [each for each in graph.nodes if each.stage.makes == "curtains_by_band"]
    assert len(node.sources) == 3


def test_a_slice_that_is_too_small_is_refused():
    with pytest.raises(Exception, match="at least 64 x 64 px, got 60 x 90"):
        steps.destripe(np.zeros((2, 60, 90)) + np.arange(90))


def test_a_search_leaves_a_stack_without_curtains_alone(tmp_path):
    file = tmp_path / "protocol.yaml"
    chain = "[{step: destripe, method: {sweep: [robust, wavelet]}, gate: {sweep: [0.2, 0.5]}}]"
    file.write_text(
        "protocol: 1\ninput: {phantom: {slices: 1, height: 96, width: 96}}\n"
        f"output: {{path: out}}\nchain: {chain}\n"
        "optimize: {slices: [0], loss: stripe_isotropy, also: stripe_gradient}\n"
    )
    record = run(file).record
    assert record["chain"] == []
    [search] = record["searches"]
    assert search["combinations"] == 4
    assert search["known_weakness"].endswith("Choose optimization slices without charge.")
    assert search["also"]["known_weakness"].startswith("stripe_gradient is known to")


# Wavelets


def test_levels_end_where_the_wavelet_does_not_fit():
    with pytest.raises(ValueError, match="db4 has levels 1 to 4"):
        column_spectra(np.zeros((150, 150)), "db4", 5)


@pytest.mark.parametrize("shape", [(97, 128), (64, 65)])
@pytest.mark.parametrize("wavelet", ["db1", "db4", "bior3.3", "rbio2.4", "coif2"])
def test_all_that_is_taken_of_what_is_constant_along_y(shape, wavelet):
    columns = np.tile(np.random.default_rng(1).normal(size=shape[1]), (shape[0], 1))
    level = most_levels(shape, wavelet)
    taken = columns - less_columns(columns, column_spectra(columns, wavelet, level), 1e6)
    # With all frequencies taken, only the coarsest part of the columns is left.
    left = columns - taken
    assert left.std() < 0.8 * columns.std()
    np.testing.assert_allclose(taken, np.tile(taken[:1], (shape[0], 1)), atol=1e-9)


@pytest.mark.parametrize("shape", [(150, 96), (139, 97)])
@pytest.mark.parametrize("wavelet", ["db1", "db4", "sym8"])
def test_single_precision_takes_what_double_does(shape, wavelet):
    image = np.random.default_rng(2).normal(size=shape)
    level = most_levels(shape, wavelet)
    for sigma in (0.01, 0.7, 5.3, 21.0, 400.0):
        taken = []
        for each in (image, image.astype(np.float32)):
            taken.append(each - less_columns(each, column_spectra(each, wavelet, level), sigma))
        assert np.abs(taken[1] - taken[0]).max() <= 1e-5 * max(np.abs(taken[0]).max(), 0.1)


def test_there_are_all_discrete_wavelets():
    assert len(wavelet_names()) == 106


def test_wavelets_take_curtains_away_and_match_the_histogram():
    stack = CLEAN + curtained()
    restored = np.asarray(steps.destripe(stack, method="wavelet", level=3, sigma=2))
    before, after = ((each - CLEAN).mean(axis=1).std() for each in (stack, restored))
    assert after < 0.85 * before
    matched = np.asarray(
        steps.destripe(stack, method="wavelet", level=3, sigma=2, match_contrast=True)
    )
    np.testing.assert_allclose(np.sort(matched[0].ravel()), np.sort(stack[0].ravel()), atol=0.1)


def test_a_level_that_does_not_fit_is_refused_by_the_step():
    with pytest.raises(Exception, match="levels 1 to 4"):
        steps.destripe(CLEAN, method="wavelet", level=9)


@needs_reference
@pytest.mark.parametrize(
    ("wavelet", "sigma", "level"), [("db4", 4, 3), ("db1", 2, 5), ("sym5", 8, 2)]
)
def test_reference_outputs(wavelet, sigma, level):
    from skimage.exposure import match_histograms

    with np.load(FOLDER / "reference" / "restoration_reference.npz") as arrays:
        image = arrays["A_input"]
        expected = arrays[f"A_out_{wavelet}_s{sigma}_L{level}"]
        matched = arrays[f"A_out_match_{wavelet}_s{sigma}_L{level}"]
    restored = less_columns(image, column_spectra(image, wavelet, level), sigma)
    np.testing.assert_allclose(restored, expected, atol=1e-12)
    np.testing.assert_allclose(match_histograms(restored, image), matched, atol=1e-12)
    single = image.astype(np.float32)
    restored = less_columns(single, column_spectra(single, wavelet, level), sigma)
    np.testing.assert_allclose(restored, expected, atol=1e-6)


@needs_reference
def test_clean_tissue_is_left_alone():
    from PIL import Image

    files = sorted((FOLDER / "data" / "fibsem_clean").glob("*.png"))[:2]
    stack = np.array([np.asarray(Image.open(file)) for file in files])
    changed = np.asarray(steps.destripe(stack), np.float64) - stack
    assert np.sqrt(np.mean(changed**2)) <= 0.4
