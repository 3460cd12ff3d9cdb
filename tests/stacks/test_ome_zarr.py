"""OME-Zarr as other programs write it, and what they find in ours."""

from __future__ import annotations

import importlib
import itertools
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.errors import BadSlice, InputError
from stackmend.job.masks import Masks
from stackmend.stacks import (
    Layout,
    Metadata,
    Selection,
    Slice,
    Tag,
    Writer,
    extras,
    new_stack,
    ome_zarr_reader,
    open_stack,
    slabs,
)
from stackmend.stacks.ome_zarr_writer import halve

zarr = pytest.importorskip("zarr")

TRUTH = np.arange(2 * 9 * 20 * 30, dtype=np.uint16).reshape(2, 9, 20, 30)
"""``(C, Z, Y, X)``."""


def save(path: Path, axes: str, chunks: tuple[int, ...], format: int = 3, **how: Any) -> Path:
    """The truth as an image with these axes, written by zarr alone."""
    stack = TRUTH[:, :, :, :, np.newaxis, np.newaxis]
    order = ["czyxtm".index(axis) for axis in axes] + [
        "czyxtm".index(a) for a in "czyxtm" if a not in axes
    ]
    stack = stack.transpose(order)[(..., *(0 for axis in "czyxtm" if axis not in axes))]
    stack = np.repeat(stack, how.pop("times", 1), axes.find("t")) if "t" in axes else stack
    dtype = how.pop("dtype", "uint16")
    scale, unit = (
        how.pop("scale", [0.1 * 2**place for place in range(len(axes))]),
        how.pop("unit", "micrometer"),
    )
    root = zarr.create_group(str(path), zarr_format=format)
    kinds = {"c": {"type": "channel"}, "t": {"type": "time", "unit": "second"}}
    image = {
        "axes": [
            {"name": axis, **kinds.get(axis, {"type": "space", "unit": unit})} for axis in axes
        ],
        "datasets": [
            {"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
        ],
        **how.pop("image", {}),
    }
    root.attrs.update(
        {"multiscales": [image]}
        if format == 2
        else {"ome": {"version": "0.5", "multiscales": [image]}}
    )
    array = root.create_array("s0", shape=stack.shape, chunks=chunks, dtype=dtype, **how)
    array[:] = stack
    return path


@pytest.mark.parametrize("format", [2, 3])
@pytest.mark.parametrize(
    ("axes", "chunks", "size"),
    [
        ("zyx", (1, 20, 30), (100, 200, 400)),
        ("zyx", (4, 7, 11), (100, 200, 400)),
        ("czyx", (1, 4, 8, 8), (200, 400, 800)),
        ("czyx", (2, 9, 20, 30), (200, 400, 800)),
        ("zcyx", (4, 1, 20, 30), (100, 400, 800)),
        ("tczyx", (1, 1, 4, 8, 8), (400, 800, 1600)),
        ("xyz", (30, 20, 4), (400, 200, 100)),
        ("yxcz", (8, 8, 2, 3), (800, 100, 200)),
        ("yx", (8, 8), (None, 100, 200)),
    ],
)
def test_axes_in_any_order(
    tmp_path: Path, axes: str, chunks: tuple[int, ...], size: Any, format: int
) -> None:
    readers = open_stack(
        save(tmp_path / "a.zarr", axes, chunks, format, dtype=">u2" if format == 2 else "uint16")
    )
    assert len(readers) == (2 if "c" in axes else 1)
    for channel, reader in enumerate(readers):
        assert reader.shape == (9 if "z" in axes else 1, 20, 30)
        assert reader.notes == ()
        assert (reader.metadata.pixel_size, reader.metadata.source) == (size, "OME-Zarr")
        for index in np.random.default_rng(1).permutation(reader.shape[0]):
            assert np.array_equal(reader.read(int(index)), TRUTH[channel, index])
        assert reader.read(0).dtype == np.dtype("uint16")


def test_shards(tmp_path: Path) -> None:
    (reader,) = open_stack(save(tmp_path / "a.zarr", "zyx", (2, 5, 10), shards=(4, 20, 30)))
    assert np.array_equal([reader.read(index) for index in range(9)], TRUTH[0])
    assert reader.notes == ()


def test_chunks_of_several_slices_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (reader,) = open_stack(save(tmp_path / "a.zarr", "zyx", (4, 8, 30)), tolerant=True)
    read = []
    load = ome_zarr_reader.ZarrReader._load
    monkeypatch.setattr(
        ome_zarr_reader.ZarrReader,
        "_load",
        lambda self, index: read.append(index) or load(self, index),
    )
    for index in range(9):
        reader.read(index)
    assert [index[0] for index in read] == [slice(0, 4), slice(4, 8), 8]


def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readers = open_stack(save(tmp_path / "a.zarr", "czyx", (1, 4, 8, 30)))
    monkeypatch.setattr(
        slabs, "LIMIT", 4 * 3 * TRUTH[0, 0].nbytes
    )  # three slices at a time, in chunks of four
    for reader, channel in zip(readers, TRUTH, strict=True):
        for index in (0, 8, 3, 4, 2, 7, 0):
            pixels = reader.read(index)
            assert np.array_equal(pixels, channel[index])
            pixels[:] = 0  # it is the caller's own
            assert sum(kept.nbytes for kept in slabs._KEPT.values()) <= slabs.LIMIT


def test_a_stack_opened_again_is_read_again(tmp_path: Path) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (4, 8, 30))
    before = open_stack(path)[0].read(3)
    zarr.open_array(str(path / "s0"))[:] = 7
    assert open_stack(path)[0].read(3).max() == 7 != before.max()


def test_several_time_points_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"got 2 \(T\) x 9 \(Z\) x 20 \(Y\) x 30 \(X\); save one time point"
    ):
        open_stack(save(tmp_path / "a.zarr", "tzyx", (1, 1, 20, 30), times=2))


def test_axes_of_other_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a.zarr: expected axes z, y, x \(and c\), got m, y, z; state them"
    ):
        open_stack(save(tmp_path / "a.zarr", "myz", (1, 20, 9)))


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nanometer", 1),
        ("angstrom", 0.1),
        ("millimeter", 1e6),
        ("picometer", 1e-3),
        ("parsec", None),
    ],
)
def test_units(tmp_path: Path, unit: str, nm: float | None) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (1, 20, 30), unit=unit, scale=[8, 4, 2])
    expected = (None, None, None) if nm is None else (8 * nm, 4 * nm, 2 * nm)
    assert open_stack(path)[0].metadata.pixel_size == pytest.approx(expected)


def test_the_scale_of_the_whole_image_counts_as_well(tmp_path: Path) -> None:
    whole = {"coordinateTransformations": [{"type": "scale", "scale": [10, 1, 1]}]}
    path = save(
        tmp_path / "a.zarr", "zyx", (1, 20, 30), scale=[1, 4, 4], unit="nanometer", image=whole
    )
    assert open_stack(path)[0].metadata.pixel_size == (10, 4, 4)


@pytest.mark.parametrize("format", [2, 3])
def test_images_in_a_container(tmp_path: Path, format: int) -> None:
    root = zarr.create_group(str(tmp_path / "a.zarr"), zarr_format=format)
    layout = {"bioformats2raw.layout": 3}
    root.attrs.update(layout if format == 2 else {"ome": {"version": "0.5", **layout}})
    root.create_group("OME")
    save(tmp_path / "a.zarr" / "0", "zyx", (1, 20, 30), format)
    (reader,) = open_stack(tmp_path / "a.zarr")
    assert np.array_equal(reader.read(4), TRUTH[0, 4])
    assert (reader.label, reader.names[0]) == ("a.zarr", "a_0000.tif")
    save(tmp_path / "a.zarr" / "1", "zyx", (1, 20, 30), format)
    with pytest.raises(
        InputError,
        match=r"a.zarr: expected one image, got 2: 0, 1; give one of them, such as .*a.zarr",
    ):
        open_stack(tmp_path / "a.zarr")
    assert open_stack(tmp_path / "a.zarr" / "1")[0].shape == (9, 20, 30)


def test_a_field_of_a_plate(tmp_path: Path) -> None:
    plate = zarr.create_group(str(tmp_path / "plate"), zarr_format=2, attributes={"plate": {}})
    plate.create_group("A").create_group("1", attributes={"well": {}})
    save(tmp_path / "plate" / "A" / "1" / "0", "zyx", (1, 20, 30), 2)
    assert open_stack(tmp_path / "plate")[0].shape == (9, 20, 30)
    save(tmp_path / "plate" / "A" / "1" / "1", "zyx", (1, 20, 30), 2)
    with pytest.raises(InputError, match=r"got 2: A/1/0, A/1/1;"):
        open_stack(tmp_path / "plate")


@pytest.mark.parametrize("format", [2, 3])
def test_plain_arrays_have_the_usual_axes_and_that_is_said(tmp_path: Path, format: int) -> None:
    zarr.create_array(
        str(tmp_path / "a.zarr"), data=TRUTH[0], chunks=(2, 20, 30), zarr_format=format
    )
    (reader,) = open_stack(tmp_path / "a.zarr")
    assert np.array_equal(reader.read(5), TRUTH[0, 5])
    assert reader.notes == ("a.zarr: axes are not stated and are taken as z, y, x",)
    zarr.create_array(str(tmp_path / "b.zarr"), data=TRUTH, zarr_format=format)
    with pytest.raises(
        InputError, match="expected stated axes, got an array of 4 axes that have no names"
    ):
        open_stack(tmp_path / "b.zarr")


def test_plain_arrays_whose_axes_have_names(tmp_path: Path) -> None:
    named = TRUTH.transpose(1, 0, 2, 3)
    zarr.create_array(
        str(tmp_path / "a.zarr"), data=named, dimension_names=("z", "channel", "y", "x")
    )
    readers = open_stack(tmp_path / "a.zarr")
    assert [reader.notes for reader in readers] == [(), ()]
    assert np.array_equal(readers[1].read(5), TRUTH[1, 5])


def test_missing_chunks_are_said(tmp_path: Path) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (1, 20, 30), fill_value=3)
    (path / "s0" / "c" / "4" / "0" / "0").unlink()
    (reader,) = open_stack(path)
    assert reader.notes == ("a.zarr: 1 of 9 chunks are not there and count as 3",)
    assert reader.read(4).min() == reader.read(4).max() == 3


def test_a_damaged_chunk_is_a_bad_slice(tmp_path: Path) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (1, 20, 30))
    (path / "s0" / "c" / "0" / "0" / "0").write_bytes(b"no chunk")
    with pytest.raises(BadSlice, match=r"a.zarr slice 0: cannot be read .*; copy it again"):
        open_stack(path)
    (reader,) = open_stack(path, tolerant=True)
    with pytest.raises(BadSlice):
        reader.read(0)
    assert np.array_equal(reader.read(1), TRUTH[0, 1])


@pytest.mark.parametrize(
    "content", ["{", "[]", '{"zarr_format": 3, "node_type": "group", "attributes": {"ome": 5}}']
)
def test_damaged_metadata(tmp_path: Path, content: str) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (1, 20, 30))
    (path / "zarr.json").write_text(content)
    with pytest.raises(InputError, match=r"a.zarr: is not OME-Zarr that can be read"):
        open_stack(path)


def test_an_image_that_is_not_there(tmp_path: Path) -> None:
    zarr.create_group(str(tmp_path / "a.zarr"))
    with pytest.raises(InputError, match=r"a.zarr: there is no image in it"):
        open_stack(tmp_path / "a.zarr")
    (tmp_path / "b.zarr").mkdir()
    with pytest.raises(InputError, match=r"b.zarr: is not OME-Zarr that can be read"):
        open_stack(tmp_path / "b.zarr")


def test_other_types_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"must be uint8, uint16, int16, float32, got float64; convert"
    ):
        open_stack(save(tmp_path / "a.zarr", "zyx", (1, 20, 30), dtype="float64"))


def test_without_the_package_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.zarr", "zyx", (1, 20, 30))
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        InputError,
        match=r"a.zarr: needs one more package, zarr; run: pip install 'stackmend\[zarr\]'",
    ):
        open_stack(path)


class Tagged:
    """As much of a reader as metadata needs."""

    metadata = Metadata((10.0, 4.0, 5.0), "FEI")

    def metadata_of(self, index: int) -> Metadata:
        return self.metadata

    def tags(self, index: int) -> tuple[Tag, ...]:
        return (Tag(34682, 2, 6, f"[{index}]\xb5\0\xff".encode("latin-1")),)


def write_stack(folder: Path, format: str, stack: NDArray[Any], **how: Any) -> Writer:
    layout = Layout(stack.shape[1:], stack.dtype, tuple("abc"), len(stack), **how)
    writer = new_stack(format, folder, layout)
    writer.create()
    for position in range(stack.shape[1]):
        for channel in range(len(stack)):
            tags = layout.tags_at(position, channel)
            writer.write(position, Slice(stack[channel, position], tags), channel)
    writer.finish()
    return writer


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
def test_every_slice_keeps_its_own_tags_and_its_pixel_size(tmp_path: Path, format: str) -> None:
    selection = Selection((Tagged(),), (5, 7, 9))
    writer = write_stack(tmp_path, format, TRUTH[:1, :3], selection=selection)
    (reader,) = open_stack(writer.path)
    assert reader.metadata.pixel_size == (20, 4, 5)  # every second slice
    for position, index in enumerate((5, 7, 9)):
        assert reader.tags(position) == reader.read_slice(position).tags == Tagged().tags(index)
    assert reader.metadata == reader.metadata_of(0)
    zarr.create_group(str(tmp_path / "all.zarr"), zarr_format=3 if format == "ome-zarr" else 2)
    last = reader.tags(2)
    writer.path.replace(tmp_path / "all.zarr" / "0")
    assert open_stack(tmp_path / "all.zarr")[0].tags(2) == last != ()


def test_the_place_of_a_crop_is_kept(tmp_path: Path) -> None:
    how: dict[str, Any] = {"selection": Selection((Tagged(),), (5, 7, 9)), "origin": (5, 100, 200)}
    writer = write_stack(tmp_path, "ome-zarr", TRUTH[:1, :3], **how)
    (dataset,) = zarr.open_group(str(writer.path)).attrs["ome"]["multiscales"][0]["datasets"]
    assert dataset["coordinateTransformations"][1] == {
        "type": "translation",
        "translation": [50, 400, 1000],
    }


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("channels", [1, 2])
def test_levels_are_halves_of_each_other(tmp_path: Path, format: str, channels: int) -> None:
    stack = np.random.default_rng(0).integers(0, 256, (channels, 3, 601, 320), np.uint8)
    writer = write_stack(tmp_path, format, stack, pyramid=True)
    root = zarr.open_group(str(writer.path), mode="r")
    attributes = root.attrs.asdict()
    (image,) = attributes.get("ome", attributes)["multiscales"]
    levels = [root[dataset["path"]] for dataset in image["datasets"]]
    assert [level.shape[-2:] for level in levels] == [(601, 320), (301, 160), (151, 80)]
    scales = [
        dataset["coordinateTransformations"][0]["scale"][-2:] for dataset in image["datasets"]
    ]
    assert scales == [[1, 1], [2, 2], [4, 4]]
    first = [
        dataset["coordinateTransformations"][1]["translation"][-2:] for dataset in image["datasets"]
    ]
    assert first == [[0, 0], [0.5, 0.5], [1.5, 1.5]]
    for large, small in itertools.pairwise(levels):
        for channel in range(channels):
            got = small[channel, 1] if channels > 1 else small[1]
            assert np.array_equal(got, halve(large[channel, 1] if channels > 1 else large[1]))


def test_the_mean_of_four() -> None:
    image = np.array([[0, 1, 255, 255, 7], [1, 0, 255, 254, 8]], np.uint8)
    assert halve(image).tolist() == [[1, 255, 8]]  # 0.5, 254.75 and 7.5: halves up
    assert halve(image[:1]).tolist() == [[1, 255, 7]]
    assert halve(np.array([[-3, -2]], np.int16)).tolist() == [[-2]]
    assert halve(np.array([[1.5, 2]], np.float32)).tolist() == [[1.75]]
    assert (
        halve(np.full((2, 2), 3e38, np.float32)).tolist()
        == np.full((1, 1), 3e38, np.float32).tolist()
    )


def test_the_same_stack_is_the_same_files(tmp_path: Path) -> None:
    contents = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        path = write_stack(
            tmp_path / name, "ome-zarr", TRUTH[:1, :3], compression="zlib", pyramid=True
        ).path
        files = [file for file in path.rglob("*") if file.is_file()]
        contents.append({file.relative_to(path): file.read_bytes() for file in files})
    assert contents[0] == contents[1]


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("pyramid", [False, True])
def test_the_reference_reader_finds_the_image(
    tmp_path: Path, format: str, channels: int, pyramid: bool
) -> None:
    if find_spec("ome_zarr") is None:
        pytest.skip("ome-zarr is not installed")
    from ome_zarr.io import parse_url
    from ome_zarr.reader import Reader

    how: dict[str, Any] = {
        "selection": Selection((Tagged(),) * channels, (5, 7, 9)),
        "pyramid": pyramid,
    }
    stack = np.random.default_rng(0).integers(0, 256, (channels, 3, 400, 320), np.uint8)
    writer = write_stack(tmp_path, format, stack, **how)
    location = parse_url(str(writer.path))
    assert location is not None
    (node,) = Reader(location)()
    assert [axis["name"] for axis in node.metadata["axes"]] == ["c", "z", "y", "x"][
        -3 if channels == 1 else -4 :
    ]
    assert [axis.get("unit") for axis in node.metadata["axes"]][-3:] == ["nanometer"] * 3
    transforms = node.metadata["coordinateTransformations"]
    assert transforms[0][0]["scale"][-3:] == [20, 4, 5]
    assert len(node.data) == (2 if pyramid else 1)
    pixels = np.asarray(node.data[0])
    assert np.array_equal(pixels if channels > 1 else pixels[np.newaxis], stack)


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_the_metadata_is_valid(
    tmp_path: Path, format: str, channels: int, compression: str
) -> None:
    models = pytest.importorskip("ome_zarr_models")
    stack = TRUTH[:channels, :3]
    path = write_stack(tmp_path, format, stack, pyramid=True, compression=compression).path
    found = models.open_ome_zarr(zarr.open_group(str(path), mode="r"))
    assert type(found).__name__ == "Image"
    assert found.ome_zarr_version == {"ome-zarr": "0.5", "ome-zarr-0.4": "0.4"}[format]


def write_masks(writer: Writer, format: str, marked: NDArray[np.bool_]) -> Masks:
    """The labels of a stack that was written before; ``(C, Z, Y, X)``."""
    masks = Masks.of(format, writer.path.parent, writer.layout)
    masks.writer.create()
    for channel, slices in enumerate(marked):
        for position, mask in enumerate(slices):
            masks.write(position, masks.page(mask), channel)
    masks.writer.finish()
    return masks


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_labels_are_valid(tmp_path: Path, format: str, channels: int, compression: str) -> None:
    models = pytest.importorskip("ome_zarr_models")
    stack = np.random.default_rng(0).integers(0, 256, (channels, 3, 401, 320), np.uint8)
    how: dict[str, Any] = {"pyramid": True, "compression": compression}
    how["selection"] = Selection((Tagged(),) * channels, (5, 7, 9))
    writer = write_stack(tmp_path, format, stack, **how)
    labels = write_masks(writer, format, stack > 99).writer.path
    version = {"ome-zarr": "v05", "ome-zarr-0.4": "v04"}[format]
    model = importlib.import_module(f"ome_zarr_models.{version}.labels").Labels
    assert type(models.open_ome_zarr(zarr.open_group(str(writer.path)))).__name__ == "Image"
    model.from_zarr(zarr.open_group(str(labels.parent), mode="r"))
    assert attributes_of(labels.parent)["labels"] == ["masks"]

    # They lie where the image lies, level by level, and say whose they are.
    of_image, of_labels = map(attributes_of, (writer.path, labels))
    assert of_labels["image-label"]["source"] == {"image": "../../"}
    assert of_labels["image-label"]["version"] == {"v05": "0.5", "v04": "0.4"}[version]
    (image,), (own,) = of_image["multiscales"], of_labels["multiscales"]
    assert own["datasets"] == image["datasets"]
    assert own["axes"] == image["axes"]
    assert (image["type"], own["type"], len(own["datasets"])) == ("mean", "nearest", 2)


def attributes_of(group: Path) -> dict[str, Any]:
    attributes = zarr.open_group(str(group), mode="r").attrs.asdict()
    return dict(attributes.get("ome", attributes))


@pytest.mark.parametrize("format", ["ome-zarr", "ome-zarr-0.4"])
def test_small_labels_are_labels(tmp_path: Path, format: str) -> None:
    marked = np.random.default_rng(0).random((1, 3, 401, 320)) > 0.7
    writer = write_stack(tmp_path, format, marked.astype(np.uint16), pyramid=True)
    masks = write_masks(writer, format, marked)
    root = zarr.open_group(str(masks.writer.path), mode="r")
    assert root["0"].dtype == np.uint8
    for level, step in (("0", 1), ("1", 2)):
        assert np.array_equal(root[level][:], marked[0, :, ::step, ::step])
    assert all(np.array_equal(masks.read_back(n, 0), marked[0, n]) for n in range(3))
    (reader,) = open_stack(writer.path)  # the image is what it was
    assert np.array_equal(reader.read(1), marked[0, 1])


def test_labels_that_are_not_listed_do_not_open(tmp_path: Path) -> None:
    writer = write_stack(tmp_path, "ome-zarr", TRUTH[:1, :3])
    labels = write_masks(writer, "ome-zarr", TRUTH[:1, :3] > 9).writer
    assert labels.opens()
    for content in ("[]", "{", "{}", '{"attributes": {"ome": {"labels": ["cells"]}}}'):
        (labels.path.parent / "zarr.json").write_text(content)
        assert not labels.opens()
    assert writer.opens()
