"""The volume turned, scaled, sheared and moved, in the plane of its slices and out of it."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from scipy import ndimage

import stackmend
from stackmend import api, registry, steps
from stackmend.errors import ProtocolError, WrongValue
from stackmend.job.resliced import as_resliced
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.volume_affine import changed_slices, changed_volume, linear_part
from stackmend.protocol import examine
from stackmend.stacks import open_phantom

STILL = {"rotation": (0, 0, 0), "scale": (1, 1, 1), "shear": (0, 0, 0), "shift": (0, 0, 0)}
STILL["voxel"] = (1, 1, 1)


def volume(shape=(22, 61, 70), grain=1.5, seed=5):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).standard_normal(shape), grain)
    return (128 + 30 * field / field.std()).clip(0, 255).astype(np.float32)


VOLUME = volume()


def apply(stack, dtype="input", **parameters):
    protocol = {
        "protocol": 1,
        "chain": [{"step": "affine", **parameters}],
        "output": {"dtype": dtype},
    }
    return np.asarray(stackmend.apply(protocol, stack))


def peer(stack, matrix, shape, mode="mirror"):
    """What SciPy makes of the whole volume in double precision."""
    how = {"output_shape": shape, "order": 3, "mode": mode}
    return ndimage.affine_transform(stack.astype(np.float64), matrix[:, :3], matrix[:, 3], **how)


def inside(matrix, shape, source, beyond=0.499):
    """Which voxels lie within the volume, so much beyond the last centres included."""
    places = matrix[:, :3] @ np.indices(shape).reshape(3, -1) + matrix[:, 3:]
    last = np.array(source)[:, None] - 1
    within = ((places >= -beyond) & (places <= last + beyond)).all(axis=0)
    return within.reshape(shape)


CHANGES = [
    {"rotation": (5, 3, -4)},
    {"rotation": (0, 20, 0), "scale": (1.5, 1, 0.8), "shear": (0, 0.1, 0.2)},
    {"rotation": (0, 0, 40), "voxel": (3, 1, 1), "shift": (2.5, -3, 1)},
    {"scale": (3, 0.5, 0.5)},
]


# Slices made of many


@pytest.mark.parametrize("canvas", ["input", "union"])
@pytest.mark.parametrize("change", CHANGES)
def test_equals_the_peer_whatever_is_made_along(change, canvas):
    matrix, shape = changed_volume({**STILL, **change}, VOLUME.shape, canvas)
    whole = changed_slices(
        VOLUME.__getitem__, VOLUME.shape, matrix, (0, shape[0]), shape[1:], fill=-7
    )
    known = inside(matrix, shape, VOLUME.shape)
    np.testing.assert_allclose(whole[known], peer(VOLUME, matrix, shape)[known], atol=1e-4)
    assert (whole[~inside(matrix, shape, VOLUME.shape, beyond=0.501)] == -7).all()
    made = apply(VOLUME, canvas=canvas, fill=-7, **{k: list(v) for k, v in change.items()})
    np.testing.assert_allclose(made, whole, atol=1e-4)


def test_blocks_know_nothing_of_where_they_end():
    big = volume((40, 300, 40), grain=1)
    matrix, shape = changed_volume({**STILL, "rotation": (3, 2, 9)}, big.shape, "union")
    seen = set()

    def read(number):
        seen.add(number)
        return big[number]

    part = changed_slices(read, big.shape, matrix, (20, 23), shape[1:], fill=0)
    known = inside(matrix, shape, big.shape)[20:23]
    np.testing.assert_allclose(part[known], peer(big, matrix, shape)[20:23][known], atol=1e-4)
    middle = changed_slices(read, big.shape, matrix, (21, 22), shape[1:], fill=0)
    np.testing.assert_allclose(middle[0], part[1], atol=1e-4)


def test_right_angles_give_the_pixels_themselves():
    stack = VOLUME.astype(np.uint8)
    turned = apply(stack, rotation=[0, 90, 0], canvas="union")
    assert np.array_equal(turned, np.rot90(stack, -1, (0, 2)))
    turned = apply(stack, rotation=[0, 0, 90], canvas="union")
    assert np.array_equal(turned, np.rot90(stack, -1, (1, 0)))
    assert np.array_equal(apply(turned, rotation=[0, 0, -90], canvas="union"), stack)


def test_size_and_sides_when_scaled():
    assert apply(VOLUME, scale=[2, 0.5, 1], canvas="union").shape == (44, 31, 70)
    assert apply(VOLUME, scale=[2, 0.5, 1]).shape == VOLUME.shape
    ramp = np.tile(np.arange(40, dtype=np.float32), (8, 9, 1))
    twice = apply(ramp, scale=[1, 1, 2], canvas="union", fill="edge")
    np.testing.assert_allclose(twice[4, 4, 20:-20], np.arange(20, 60) / 2 - 0.25, atol=1e-4)


def test_angles_are_those_of_the_specimen():
    thick = linear_part({**STILL, "rotation": (0, 30, 0), "voxel": (4, 1, 1)})
    z, _, x = thick @ [0, 0, 1]
    assert np.degrees(np.arctan2(4 * z, x)) == pytest.approx(30)


def test_only_the_first_step_makes_other_slices():
    chain = [{"step": "standardize"}, {"step": "affine", "rotation": [0, 2, 0]}]
    with pytest.raises(ProtocolError, match="makes each slice of many, so it must be the first"):
        stackmend.apply({"protocol": 1, "chain": chain, "output": {"dtype": "float32"}}, VOLUME)


def test_function_and_chain_agree():
    made = steps.affine(VOLUME, rotation=[0, 4, 0], scale=[1, 2, 1])
    assert np.array_equal(made, apply(VOLUME, rotation=[0, 4, 0], scale=[1, 2, 1]))
    made = steps.affine(VOLUME, rotation=[8, 0, 0], canvas="union")
    assert np.array_equal(made, apply(VOLUME, rotation=[8, 0, 0], canvas="union"))
    with pytest.raises(WrongValue, match=r"give a stack \(Z, Y, X\)"):
        steps.affine(VOLUME[0], rotation=[0, 4, 0])


def test_runs_of_any_workers_and_parts_agree(tmp_path):
    (tmp_path / "in").mkdir()
    for number, image in enumerate(VOLUME.astype(np.uint8)):
        tifffile.imwrite(tmp_path / "in" / f"{number:02d}.tif", image)
    chain = "[{step: affine, rotation: [3, 5, 0], canvas: union}, {step: median_z}]"
    text = f"protocol: 1\ninput: {{path: in, spacing: 8, pixel_size: 4}}\nchain: {chain}\n"
    (tmp_path / "p.yaml").write_text(text)
    hashes = []
    for name, workers in (("one", 1), ("two", 2)):
        given = {"output": tmp_path / name, "workers": workers}
        result = api.run(tmp_path / "p.yaml", **given)
        with (result.folder / "slices.csv").open() as file:
            hashes.append([row["output_hash"] for row in csv.DictReader(file)])
    assert hashes[0] == hashes[1]
    assert len(hashes[0]) == 29
    assert api.verify(tmp_path / "one", input=tmp_path / "in").outcome == "identical"


def test_an_edited_protocol_keeps_what_was_made():
    protocol = {"protocol": 1, "chain": [{"step": "affine", "rotation": [0, 3, 0]}]}
    draft = examine(Path("p"), text=yaml.safe_dump(protocol), base=Path())
    readers = (open_phantom({"slices": 4, "height": 64, "width": 64}),)
    first = as_resliced(draft.protocol, readers)
    assert as_resliced(draft.protocol, readers)[0] is first[0]
    assert first[0].truth(0).shape == first[0].read(0).shape


# In the plane


def test_a_turn_in_the_plane_is_that_of_each_slice():
    made = apply(VOLUME, rotation=[12, 0, 0])
    matrix, _ = changed_volume({**STILL, "rotation": (12, 0, 0)}, VOLUME.shape, "input")
    within = inside(matrix, VOLUME.shape, VOLUME.shape, beyond=0)
    np.testing.assert_allclose(made[within], peer(VOLUME, matrix, VOLUME.shape)[within], atol=0.01)


def test_slices_slide_and_the_canvas_grows():
    made = apply(VOLUME, shear=[2, 0, 0], canvas="union")
    assert made.shape == (22, 61 + 42, 70)
    for number, image in enumerate(made):
        np.testing.assert_allclose(image[2 * number :][:61], VOLUME[number])


def test_whole_shifts_give_the_pixels_themselves():
    stack = VOLUME.astype(np.uint8)
    made = apply(stack, shift=[0, 3, -4], fill=9)
    assert np.array_equal(made[:, 3:, :-4], stack[:, :-3, 4:])
    assert (made[:, :3] == 9).all()
    assert np.array_equal(apply(stack), stack)


def test_an_open_alignment_is_applied_in_the_same_interpolation():
    step = registry.steps().get("affine")
    changed, given = step.stages[0].function, dict(STILL)
    record = {"box": [0, 0, 61, 70], "shape": [61, 70]}
    change = {**given, "rotation": (9, 0, 0)}
    place = step.survey.settle({0: record}, range(3), canvas="input", **change).values[1]
    lying = SliceTransform(np.array([[1.0, 0, 3], [0, 1, -2]]), (61, 70))
    how = {"rotation": (9, 0, 0), "scale": (1, 1, 1), "shift": (0, 0, 0), "fill": "edge"}
    made = changed(VOLUME[4], place, lying, **how)
    moved = np.roll(VOLUME[4], (-3, 2), (0, 1))
    apart = (made - changed(moved, place, **how))[12:-12, 12:-12]
    assert np.abs(apart).max() < 0.01
    assert changed(VOLUME[4], None, None, **how) is None
