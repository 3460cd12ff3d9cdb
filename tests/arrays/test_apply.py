"""A protocol on an array gives the pixels of a run on the same stack in files."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml
from numpy.typing import NDArray

import stackmend
from conftest import CHAIN, OPTIMIZE
from spied import Spied
from stackmend import api, resources
from stackmend.arrays.application import tune
from stackmend.arrays.given import job_of, session_of
from stackmend.arrays.restoring import Restoring
from stackmend.arrays.stack import stack_of
from stackmend.errors import (
    BadSlice,
    InputError,
    NothingFound,
    ProtocolError,
    UnknownParameter,
    UsageError,
    WrongValue,
)
from stackmend.result.hashes import combined_hash, pixel_hash
from stackmend.stacks import open_phantom
from test_pixels import PHANTOM_RUNS, expected, small_phantom

MEDIAN = {"protocol": 1, "chain": [{"step": "median_z", "radius": 1}]}
PLAIN = {"protocol": 1, "chain": [{"step": "standardize"}, {"step": "destandardize"}]}
SEARCHED = {"protocol": 1, "chain": CHAIN, "optimize": OPTIMIZE}
STREAKS = {
    "protocol": 1,
    "chain": [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}],
}


def phantom(name: str) -> NDArray[Any]:
    reader = open_phantom(yaml.safe_load(small_phantom(name)))
    return np.stack([reader.read(number) for number in range(reader.shape[0])])


@pytest.mark.parametrize("name", PHANTOM_RUNS)
def test_pixels_are_those_of_the_shipped_configurations(name: str) -> None:
    stack, known = phantom(name), expected(name)
    if combined_hash(map(pixel_hash, stack)) != known["input"]:
        pytest.skip("the phantom comes out differently with this NumPy on this processor")
    before = stack.copy()
    given = {"optimize.slices": [1], "optimize.validate": "[2]"}
    restored = stackmend.apply(resources.config(name), stack, set=given)
    assert combined_hash(map(pixel_hash, restored)) == known["output"]
    assert np.array_equal(stack, before)


@pytest.mark.slow
def test_every_slice_of_the_demo_is_that_of_a_run(tmp_path: Path) -> None:
    file = resources.config("demo")
    reader = open_phantom(yaml.safe_load(file.read_text())["input"]["phantom"])
    stack = np.stack([reader.read(number) for number in range(reader.shape[0])])
    run = api.run(file, output=tmp_path / "run")
    written = [tifffile.imread(each) for each in sorted((tmp_path / "run/stack").iterdir())]
    assert run.record is not None
    restored = stackmend.apply(file, stack)
    assert [pixel_hash(each) for each in restored] == [pixel_hash(each) for each in written]


@pytest.fixture
def written(tmp_path: Path, charged: Any) -> Any:
    """Runs a protocol on a stack in files: the stack that comes out."""

    def run(protocol: Any, stack: NDArray[Any]) -> NDArray[Any]:
        folder = tmp_path / "files"
        folder.mkdir()
        for number, image in enumerate(stack):
            tifffile.imwrite(folder / f"s{number:02}.tif", image)
        content = {**protocol, "input": {**protocol.get("input", {}), "path": str(folder)}}
        file = tmp_path / "protocol.json"
        file.write_text(json.dumps(content))
        api.run(file, output=tmp_path / "out", workers=1)
        return np.stack(
            [tifffile.imread(each) for each in sorted((tmp_path / "out/stack").iterdir())]
        )

    return run


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_every_type_of_pixel_comes_out_as_from_a_run(
    dtype: str, charged: Any, written: Any
) -> None:
    stack = charged(dtype=dtype)
    stack[3] = stack[3, 0, 0]  # of one grey level
    restored = stackmend.apply(SEARCHED, stack, workers=2)
    assert restored.dtype == np.dtype(dtype)
    assert not np.array_equal(restored, stack)
    assert np.array_equal(restored, written(SEARCHED, stack))


@pytest.mark.parametrize(
    "sections",
    [
        {"output": {"dtype": "float32"}},
        {"output": {"dtype": "uint8"}},
        {"input": {"data_bar": 9}},
        {"input": {"flip": "y"}},
        {"input": {"slices": [3, 1]}},
        {"input": {"data_bar": 9, "flip": "y", "slices": [3, 0, 1]}},
    ],
    ids=str,
)
def test_what_the_protocol_says_counts_as_in_a_run(
    sections: dict[str, Any], charged: Any, written: Any
) -> None:
    stack = charged(dtype="uint16")
    median = {"step": "median_z", "radius": 1, "threshold": 3000}
    protocol = {"protocol": 1, "chain": [median, *PLAIN["chain"]], **sections}
    restored = stackmend.apply(protocol, stack)
    assert np.array_equal(restored, stackmend.apply(protocol, stack, workers=1))
    order = np.argsort(sections.get("input", {}).get("slices", range(4)))  # files lie by name
    assert np.array_equal(restored[order], written(protocol, stack))


def test_much_that_is_masked_leaves_the_slice(charged: Any, written: Any) -> None:
    stack = charged()
    find = {"step": "find_charging", "inverse": True, "gf1_sigma": 40, "color_shift": 0}
    chain = [{"step": "standardize"}, find, {"step": "correct_charging"}, {"step": "destandardize"}]
    protocol = {"protocol": 1, "chain": chain}
    restored = stackmend.apply(protocol, stack)
    assert np.array_equal(restored, written(protocol, stack))


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (3, 2), (17, 5), (5, 31)])
def test_odd_sizes(shape: tuple[int, int], charged: Any) -> None:
    image = charged()[0][: shape[0], : shape[1]]
    restored = stackmend.apply(PLAIN, image)
    assert restored.shape == shape
    assert np.array_equal(restored, image)


def test_a_slice_is_a_stack_of_one(charged: Any) -> None:
    stack = charged()
    protocol = {**SEARCHED, "optimize": {"slices": [0], "loss": "charging_histogram"}}
    alone = stackmend.apply(protocol, stack[1])
    assert alone.shape == stack[1].shape
    assert np.array_equal(alone, stackmend.apply(protocol, stack[1:2])[0])


def test_a_part_is_cut_out(charged: Any, written: Any) -> None:
    stack = charged()
    protocol = {"protocol": 1, "chain": [{"step": "crop", "z": [1, 3], "y": [5, 20], "x": [1, 9]}]}
    restored = stackmend.apply(protocol, stack)
    assert np.array_equal(restored, stack[1:3, 5:20, 1:9])
    assert np.array_equal(restored, written(protocol, stack))


def test_a_memory_map_gives_the_same_and_is_read_slice_by_slice(
    tmp_path: Path, charged: Any
) -> None:
    stack = charged(9)
    np.save(tmp_path / "stack.npy", stack)
    mapped = np.load(tmp_path / "stack.npy", mmap_mode="r")
    known = stackmend.apply(MEDIAN, stack)
    assert np.array_equal(stackmend.apply(MEDIAN, mapped), known)
    spied = Spied(stack)
    assert np.array_equal(stackmend.apply(MEDIAN, spied, workers=1), known)
    assert all(isinstance(key, int) for key in spied.taken)
    assert set(spied.taken) == set(range(9))


def test_a_result_can_be_written_to_another_map(tmp_path: Path, charged: Any) -> None:
    stack = charged(5)
    out = np.lib.format.open_memmap(tmp_path / "out.npy", "w+", stack.dtype, stack.shape)
    assert stackmend.apply(MEDIAN, stack, out=out) is out
    assert np.array_equal(out, stackmend.apply(MEDIAN, stack))


def test_however_an_array_lies_in_memory_it_gives_the_same(charged: Any) -> None:
    stack = charged(3, dtype="uint16")
    known = stackmend.apply(STREAKS, stack)
    turned = np.ascontiguousarray(stack[::-1, :, ::-1])[::-1, :, ::-1]
    read_only = stack.copy()
    read_only.flags.writeable = False
    for other in (turned, np.asfortranarray(stack), read_only, stack.astype(">u2")):
        restored = stackmend.apply(STREAKS, other)
        assert np.array_equal(restored, known)
        assert restored.dtype == np.dtype("uint16")


def test_channels_are_restored_one_by_one(charged: Any) -> None:
    one, other = charged(3, seed=1), charged(3, seed=2)
    expected = [stackmend.apply(STREAKS, each) for each in (one, other)]
    for axis in (0, 1, -1):
        both = np.stack([one, other], axis)
        restored = stackmend.apply(STREAKS, both, channel_axis=axis)
        assert np.array_equal(restored, np.stack(expected, axis))
    out = np.empty((3, 48, 64, 2), np.uint8)
    stackmend.apply(STREAKS, np.stack([one, other], -1), channel_axis=-1, out=out)
    assert np.array_equal(out, np.stack(expected, -1))
    alone = stackmend.apply(STREAKS, np.stack([one[0], other[0]]), channel_axis=0)
    assert alone.shape == (2, 48, 64)


def pixels_of(key: tuple[slice, ...]) -> bool:
    """Whether any pixels are taken; Dask looks at an empty part to know the type."""
    return key[0] != slice(0, 0)


@pytest.mark.parametrize("protocol", [MEDIAN, STREAKS, PLAIN], ids=["window", "mask", "slice"])
@pytest.mark.parametrize("chunks", [(1, 48, 64), (3, 20, 64), (7, 48, 9)], ids=str)
def test_dask_is_lazy_and_gives_the_same(
    protocol: Any, chunks: tuple[int, int, int], charged: Any
) -> None:
    dask = pytest.importorskip("dask.array", reason="needs: pip install 'stackmend[dask]'")
    stack, spied = charged(7), Spied(charged(7))
    lazy = dask.from_array(spied, chunks=chunks, asarray=False)
    restored = stackmend.apply(protocol, lazy)
    assert isinstance(restored, dask.Array)
    assert not any(map(pixels_of, spied.taken))
    assert restored.shape == stack.shape
    assert restored.dtype == stack.dtype
    known = stackmend.apply(protocol, stack)
    assert np.array_equal(restored.compute(scheduler="threads"), known)
    assert np.array_equal(restored[2].compute(scheduler="sync"), known[2])


def test_dask_takes_only_what_a_slice_needs(charged: Any) -> None:
    dask = pytest.importorskip("dask.array", reason="needs: pip install 'stackmend[dask]'")
    spied = Spied(charged(9))
    lazy = dask.from_array(spied, chunks=(1, 48, 64), asarray=False)
    stackmend.apply(MEDIAN, lazy)[4].compute(scheduler="sync")
    assert sorted(key[0].start for key in filter(pixels_of, spied.taken)) == [3, 4, 5]


def test_what_is_stored_together_is_taken_together(charged: Any) -> None:
    stack, spied = charged(9), Spied(charged(9))
    spied.chunks = (4, 48, 32)  # as arrays of HDF5 say it
    assert np.array_equal(stackmend.apply(MEDIAN, spied, workers=1), stackmend.apply(MEDIAN, stack))
    assert spied.taken == [slice(0, 4), slice(4, 8), slice(8, 12)]


def test_dask_with_a_survey_a_selection_and_channels(charged: Any) -> None:
    dask = pytest.importorskip("dask.array", reason="needs: pip install 'stackmend[dask]'")
    stack = np.stack([charged(6, seed=1), charged(6, seed=2)], 1)
    chain = [{"step": "standardize", "per": "stack"}, {"step": "median_z"}]
    given = {"slices": [5, 4, 0, 1], "data_bar": 3}
    protocol = {"protocol": 1, "input": given, "chain": chain, "output": {"dtype": "float32"}}
    known = stackmend.apply(protocol, stack, channel_axis=1)
    lazy = stackmend.apply(protocol, dask.from_array(stack, chunks=(2, 1, 48, 33)), channel_axis=1)
    assert np.array_equal(lazy.compute(scheduler="threads"), known)


def test_what_a_block_needs_can_be_sent(charged: Any) -> None:
    stack = charged(5)
    given = stack_of(stack, None, "apply")
    job = job_of(MEDIAN, given, None, "apply")
    chains = tune(session_of(job, 1, None)).chains
    sent = pickle.dumps(Restoring.of(given, job, chains).without_pixels())
    assert len(sent) < stack.nbytes
    part = pickle.loads(sent).of_part(stack[1:5], 1, 0, [2, 3])
    assert np.array_equal(part, stackmend.apply(MEDIAN, stack)[2:4])


def test_a_protocol_may_be_a_path_a_text_or_a_mapping(tmp_path: Path, charged: Any) -> None:
    stack, text = charged(), yaml.safe_dump(MEDIAN)
    file = tmp_path / "median.yaml"
    file.write_text(text)
    known = stackmend.apply(MEDIAN, stack)
    for protocol in (file, str(file), text, json.dumps(MEDIAN)):
        assert np.array_equal(stackmend.apply(protocol, stack), known)
    odd = {**MEDIAN, "chain": [{"step": "median_z", "radius": np.int64(1)}], "name": "no: 1"}
    assert np.array_equal(stackmend.apply(odd, stack), known)


def test_the_copy_of_a_protocol_in_a_result_means_what_the_run_did(
    tmp_path: Path, charged: Any
) -> None:
    stack = charged()
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    (tmp_path / "median.yaml").write_text(yaml.safe_dump(MEDIAN))
    given = {"median_z.threshold": "9"}
    api.run(
        tmp_path / "median.yaml", input=tmp_path / "stack.tif", output=tmp_path / "out", set=given
    )
    restored = stackmend.apply(tmp_path / "out/protocol.yaml", stack)
    assert np.array_equal(restored, stackmend.apply(MEDIAN, stack, set={"median_z.threshold": 9}))


def test_progress_and_warnings_are_told(charged: Any) -> None:
    told: list[Any] = []
    protocol = {**PLAIN, "output": {"dtype": "uint8"}}
    stackmend.apply(protocol, charged(dtype="uint16"), listener=lambda *each: told.append(each))
    done = [fields["done"] for kind, fields in told if kind == "progress"]
    assert done[-1] == 4
    assert any("clipped" in fields["message"] for kind, fields in told if kind == "warning")


def test_bad_slices_are_named_with_their_place(charged: Any) -> None:
    stack = charged(dtype="float32")
    stack[2, 5, 7] = np.nan
    with pytest.raises(BadSlice, match=r"slice 2: 1 pixels .* first at y 5, x 7"):
        stackmend.apply(PLAIN, stack)
    kept = stackmend.apply({**PLAIN, "input": {"on_bad_slice": "keep"}}, stack)
    assert np.array_equal(kept[2], stack[2], equal_nan=True)
    assert not stackmend.apply({**PLAIN, "input": {"on_bad_slice": "skip"}}, stack)[2].any()


IMAGE = np.zeros((4, 5), np.uint8)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        ((PLAIN, np.zeros(3)), WrongValue, r"must be a slice .* got shape \(3,\)"),
        ((PLAIN, np.zeros((2, 2, 2, 2))), WrongValue, "give channel_axis"),
        ((PLAIN, np.zeros((0, 4, 4), np.uint8)), InputError, "has no pixels, got 0 x 4 x 4"),
        ((PLAIN, IMAGE.astype(float)), InputError, r"got float64; .* astype\('float32'\)"),
        ((PLAIN, IMAGE > 0), InputError, "got bool"),
        ((PLAIN, [[1, 2], [3, 4]]), InputError, "got int64"),
        ((PLAIN, np.ma.masked_less(IMAGE, 1)), WrongValue, "a masked one; fill it first"),
        ((PLAIN, "image"), WrongValue, r"got shape \(\)"),
        ((3, IMAGE), WrongValue, "the path of a protocol, its text or a mapping, got int"),
        (({"protocol": 1, "chain": object()}, IMAGE), WrongValue, "mapping of plain values"),
        (("no such file", IMAGE), UsageError, "no such file: cannot be read"),
        (({"protocol": 1}, IMAGE), ProtocolError, "chain is missing"),
        (({"protocol": 1, "chain": [{"step": "crpo"}]}, IMAGE), ProtocolError, "mean crop"),
    ],
    ids=range(13),
)
def test_mistakes_are_told(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        stackmend.apply(*call)


def test_mistakes_in_the_arguments_are_told(charged: Any) -> None:
    stack = charged()
    with pytest.raises(WrongValue, match="out must have shape"):
        stackmend.apply(PLAIN, stack, out=np.empty((1, 2, 3), np.uint8))
    with pytest.raises(WrongValue, match="must not lie in the memory"):
        stackmend.apply(PLAIN, stack, out=stack)
    with pytest.raises(WrongValue, match="channel_axis must be an axis"):
        stackmend.apply(PLAIN, stack, channel_axis=3)
    with pytest.raises(UnknownParameter, match="channel_axis is for arrays of NumPy and Dask"):
        stackmend.apply(PLAIN, Spied(stack), channel_axis=0)
    with pytest.raises(UsageError, match="no step and no key"):
        stackmend.apply(PLAIN, stack, set={"nothing.here": 1})
    with pytest.raises(NothingFound):
        stackmend.apply(
            SEARCHED, np.full((3, 48, 64), 7, np.uint8) + np.eye(64, dtype=np.uint8)[:48]
        )
