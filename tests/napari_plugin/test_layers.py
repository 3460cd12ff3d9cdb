"""Results and protocols as layers, without napari: what is taken, what it shows, what is said."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import tifffile

from conftest import CHAIN
from stackmend import api
from stackmend.errors import InputError, ProtocolError
from stackmend.napari_plugin import layers
from stackmend.napari_plugin.layers import OWN, layers_of_protocol, layers_of_result
from stackmend.napari_plugin.reading import reader_of
from stackmend.napari_plugin.source import scale_of
from stackmend.stacks import open_stack


@pytest.fixture
def told(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(layers, "tell", said.append)
    return said


def by_kind(found):
    return {attributes["metadata"][OWN].kind: data for data, attributes, _ in found}


def test_a_result_is_shown_as_it_was_written(cell, protocol, told, tmp_path):
    api.run(protocol(input={"path": "cell", "slices": [0, 2], "pixel_size": 4, "spacing": 10}))
    found = layers_of_result(tmp_path / "result")
    shown = by_kind(found)
    assert list(shown) == ["before", "after", "mask"]
    (after,) = open_stack(tmp_path / "result" / "stack")
    for position, number in enumerate((0, 2)):
        assert np.array_equal(shown["after"][position], after.read(position))
        original = tifffile.imread(cell / f"slice{number}.tif")
        assert np.array_equal(shown["before"][position], original)
        changed = shown["after"][position] != original
        assert changed.any()
    for data, attributes, _ in found:
        assert attributes["scale"] == (20.0, 4.0, 4.0)
        assert attributes["units"] == ("nm", "nm", "nm")
        assert data.shape == (2, 48, 64)
    assert [kind for *_, kind in found] == ["image", "image", "labels"]
    assert not found[2][1]["visible"], "a mask that was not written is computed when it is shown"
    assert not told


def test_a_mask_is_computed_with_what_the_run_has_chosen(cell, protocol, told, tmp_path):
    result = api.run(protocol())
    shown = by_kind(layers_of_result(tmp_path / "result"))
    areas = [int(shown["mask"][position].sum()) for position in range(4)]
    assert areas == [row.mask_area for row in api.show(result.folder).slices]
    assert shown["mask"].dtype == np.uint8


@pytest.mark.parametrize("format", ["tiff-folder", "ome-zarr"])
def test_a_mask_that_was_written_is_read(cell, protocol, told, tmp_path, format):
    if format.startswith("ome"):
        pytest.importorskip("zarr", reason="needs zarr: pip install 'stackmend[zarr]'")
    computed = by_kind(layers_of_protocol(protocol(chain=fixed(), optimize=None)))["mask"]
    output = {"path": "result", "format": format, "masks": True}
    result = api.run(protocol(chain=fixed(), optimize=None, output=output))
    (*_, (mask, attributes, kind)) = layers_of_result(result.folder)
    assert kind == "labels"
    assert attributes["metadata"][OWN].stored
    assert attributes.get("visible", True)
    assert np.array_equal(mask[:], computed[:])
    assert mask[1].any()


def test_channels_are_layers_of_their_own(tmp_path, told, charged, protocol):
    stack = np.stack((charged(3), charged(3, seed=2)), axis=1)
    tifffile.imwrite(tmp_path / "two.tif", stack, imagej=True, metadata={"axes": "ZCYX"})
    file = protocol(
        input={"path": "two.tif", "channel": [1, 0]},
        output={"path": "result", "format": "tiff"},
        optimize={"slices": [1], "channel": "each", "loss": "common_histogram"},
    )
    api.run(file)
    found = layers_of_result(tmp_path / "result")
    names = [attributes["name"] for _, attributes, _ in found]
    assert names == [
        *("tiny: before", "tiny: after", "tiny: mask"),
        *("tiny: before, channel 1", "tiny: after, channel 1", "tiny: mask, channel 1"),
    ]
    readers = open_stack(tmp_path / "result" / "stack.tif")
    for data, attributes, _ in found:
        source = attributes["metadata"][OWN]
        if source.kind == "after":
            assert np.array_equal(data[2], readers[source.channel].read(2))
    result = api.show(tmp_path / "result")
    masks = [data for data, attributes, kind in found if kind == "labels"]
    for channel, mask in zip(
        api.show(tmp_path / "result").record.input.channels, masks, strict=True
    ):
        areas = [row.mask_area for row in result.slices if row.channel == channel]
        assert areas == [int(mask[position].sum()) for position in range(3)]


def test_of_several_chains_the_one_that_was_taken_is_shown(cell, protocol, told, tmp_path):
    first, find, correct, last = fixed()
    several = {"bright": [{**find, "inverse": False, "min_area": 3000}, correct]}
    several["dark"] = [{**find, "gf1_sigma": {"sweep": [8, 12]}}, correct]
    search = {"slices": [1], "loss": "common_histogram"}
    result = api.run(protocol(chain=[first, {"one_of": several}, last], optimize=search))
    found = layers_of_result(tmp_path / "result")
    assert {data[1]["metadata"][OWN].document.alternative for data in found} == {"dark"}
    mask = by_kind(found)["mask"]
    areas = [row.mask_area for row in api.show(result.folder).slices]
    assert areas == [int(mask[position].sum()) for position in range(4)]
    assert any(areas)


def test_a_result_whose_stack_is_gone_shows_what_is_there(cell, protocol, told, tmp_path):
    api.run(protocol())
    shutil.rmtree(cell)
    assert list(by_kind(layers_of_result(tmp_path / "result"))) == ["after"]
    (said,) = told
    assert "only what the run has written is shown" in said


def test_a_result_that_is_not_whole_is_refused(cell, protocol, told, tmp_path):
    api.run(protocol())
    (tmp_path / "result" / "stack" / "slice1.tif").unlink()
    with pytest.raises(InputError, match=r"3 slices, slices.csv 4"):
        layers_of_result(tmp_path / "result")
    shutil.rmtree(tmp_path / "result" / "stack")
    with pytest.raises(InputError, match="stack is not there any more"):
        layers_of_result(tmp_path / "result")


def test_a_protocol_shows_what_a_run_of_it_writes(cell, protocol, told, tmp_path):
    file = protocol(chain=[{**step} for step in fixed()], optimize=None)
    shown = by_kind(layers_of_protocol(file))
    api.run(file)
    (after,) = open_stack(tmp_path / "result" / "stack")
    for position in range(4):
        assert np.array_equal(shown["after"][position], after.read(position))
    copy = by_kind(layers_of_protocol(tmp_path / "result" / "protocol.yaml"))
    assert np.array_equal(copy["after"][1], after.read(1))


def fixed():
    values = {"gf1_sigma": 8, "rb_radius": 5}
    return [{**step, **{key: values[key] for key in values if key in step}} for step in CHAIN]


def test_a_protocol_with_problems_names_them_all(cell, protocol):
    file = protocol(chain=[{"step": "standardise"}], input={"path": "elsewhere"}, optimize=None)
    with pytest.raises(ProtocolError) as caught:
        layers_of_protocol(file)
    assert "did you mean standardize" in str(caught.value)
    assert "elsewhere" in str(caught.value)


def test_a_bad_slice_is_said_and_black(cell, protocol, told):
    (cell / "slice2.tif").write_bytes(b"II*\0 no picture")
    file = protocol(chain=fixed(), optimize=None, input={"path": "cell", "on_bad_slice": "keep"})
    shown = by_kind(layers_of_protocol(file))
    assert not shown["before"][2].any()
    assert shown["after"][1].any()


@pytest.mark.parametrize(
    ("name", "text", "taken"),
    [
        ("a.yaml", "protocol: 1\nchain: []\n", True),
        ("a.yml", "protocol: 1\ninput: [\n", True),
        ("a.yaml", "protocol: tcp\nport: 80\n", False),
        ("a.yaml", "name: other\n", False),
        ("a.yaml", "- 1\n", False),
        ("a.yaml", "", False),
        ("a.txt", "protocol: 1\nchain: []\n", False),
    ],
)
def test_only_protocols_are_taken(tmp_path, name, text, taken):
    (tmp_path / name).write_text(text)
    assert (reader_of(str(tmp_path / name)) is not None) == taken


def test_other_files_and_folders_are_left_to_others(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    assert reader_of(str(tmp_path / "a.yaml")) is None
    assert reader_of(str(tmp_path)) is None
    (tmp_path / "run.json").write_text(json.dumps({"runs": []}))
    assert reader_of(str(tmp_path)) is None
    assert reader_of(str(tmp_path / "run.json")) is None
    (tmp_path / "run.json").write_text("{")
    assert reader_of(str(tmp_path)) is not None
    assert reader_of([str(tmp_path)]) is None


@pytest.mark.parametrize(
    ("size", "slices", "scale", "units"),
    [
        ((10, 4, 5), (0, 1, 2), (10, 4, 5), ("nm", "nm", "nm")),
        ((10, 4, 5), (0, 3, 6), (30, 4, 5), ("nm", "nm", "nm")),
        ((10, 4, 5), (0, 1, 6), (1, 4, 5), ("pixel", "nm", "nm")),
        ((10, 4, 5), (7,), (10, 4, 5), ("nm", "nm", "nm")),
        ((None, None, None), (0, 1), (1, 1, 1), ("pixel", "pixel", "pixel")),
    ],
)
def test_what_is_not_known_has_no_size(size, slices, scale, units):
    assert scale_of(size, slices) == {"scale": scale, "units": units}
