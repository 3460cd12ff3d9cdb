"""A stack as OME-Zarr: one chunk is one slice, so that a slice is there completely or not at all.

The zarr package writes the descriptions and reads slices back. Chunks, which are nothing but
encoded pixels, are written here: the same bytes each time, and under a temporary name first.
"""

from __future__ import annotations

import gzip
import json
import shutil
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from stackmend.disk import part_of, remedy
from stackmend.errors import OutputError
from stackmend.stacks.files import write_file
from stackmend.stacks.interface import UNKNOWN, Pixels, Slice, Tags, Writer
from stackmend.stacks.ome_zarr_reader import OWN_GROUP

_SMALLEST = 256
"""The pyramid ends when no side is longer, in px."""

_ZLIB_LEVEL, _ZSTD_LEVEL = 6, 3


class OmeZarrWriter(Writer):
    """Writes OME-Zarr 0.5, that is zarr format 3."""

    version: ClassVar[str] = "0.5"
    zarr_format: ClassVar[Literal[2, 3]] = 3
    shrinking: ClassVar[str] = "mean"

    def create(self) -> None:
        """Write the descriptions of the image and of each level, that of the image last."""
        made = part_of(self.path)
        try:
            shutil.rmtree(made, ignore_errors=True)
            self._describe(made)
            described = [file for file in made.rglob("*") if file.is_file()]
            for file in sorted(described, key=lambda file: (file.parent == made, file)):
                place = self.path / file.relative_to(made)
                place.parent.mkdir(parents=True, exist_ok=True)
                file.replace(place)
            shutil.rmtree(made)
        except OSError as error:
            what = f"cannot be made ({error.strerror or error})"
            raise OutputError(f"{self.path}: {what}; {remedy(error)}") from error

    def opens(self) -> bool:
        """Whether there are the descriptions of the image and of each level."""
        import zarr

        planes, layout = self._planes, self.layout
        try:
            root = zarr.open_group(str(self.path), mode="r")
            described: Any = root.attrs.get("ome", root.attrs)
            for level, size in enumerate(self._sizes):
                array: Any = root[str(level)]
                if array.shape != (*planes, *size) or array.dtype != layout.dtype:
                    return False
        # Descriptions that are damaged make the library raise whatever it trips over.
        except Exception:  # noqa: BLE001 - see above
            return False
        own = ["zarr.json"] if self.zarr_format == 3 else [".zattrs", ".zgroup"]
        there = all((self.path / OWN_GROUP / name).is_file() for name in own)
        return there and "multiscales" in described

    @property
    def _planes(self) -> tuple[int, ...]:
        """How many slices there are, behind how many channels if there are several."""
        channels = (self.layout.channels,) if self.layout.channels > 1 else ()
        return (*channels, self.layout.shape[0])

    def _describe(self, path: Path) -> None:
        """Write the descriptions of an image without pixels."""
        import zarr

        layout, newer, planes = self.layout, self.zarr_format == 3, self._planes
        attributes = self._attributes()
        if newer:
            attributes = {"ome": {"version": self.version, **attributes}}
        root = zarr.create_group(
            str(path), zarr_format=self.zarr_format, overwrite=True, attributes=attributes
        )
        for level, size in enumerate(self._sizes):
            root.create_array(
                str(level),
                shape=(*planes, *size),
                chunks=(*(1 for _ in planes), *size),
                dtype=layout.dtype.newbyteorder("<"),
                fill_value=0,
                compressors=self._compressor(),
                chunk_key_encoding={"name": "default" if newer else "v2", "separator": "/"},
                dimension_names="czyx"[-len(planes) - 2 :] if newer else None,
            )
        self._write_group(path / OWN_GROUP, {})

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write one slice, its full size last: if that is there, all that belongs to it is."""
        # One place for the tags of all channels, which the first one fills.
        if new.tags and channel == 0:
            self._write_tags(position, new.tags)
        images = [np.ascontiguousarray(new.pixels, dtype=self.layout.dtype)]
        while len(images) < len(self._sizes):
            images.append(self._shrunk(images[-1]))
        for level in reversed(range(len(images))):
            chunk = self._chunk(level, position, channel)
            chunk.parent.mkdir(parents=True, exist_ok=True)
            write_file(chunk, self._encode(images[level]))

    def _shrunk(self, image: Pixels) -> Pixels:
        """The next smaller level of a slice."""
        return halve(image)

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """One slice as zarr reads it, if its tags are there as well.

        A chunk that is not there would read as zeros.
        """
        import zarr

        if not self._chunk(0, position, channel).is_file():
            return None
        if channel == 0 and not self._has_tags(position) and self.layout.tags_at(position):
            return None
        index = (channel, position) if self.layout.channels > 1 else (position,)
        try:
            return np.asarray(zarr.open_array(str(self.path / "0"), mode="r")[index])
        # Decoders raise whatever they trip over: the slice is not there as it should be.
        except Exception:  # noqa: BLE001 - see above
            return None

    def file_of(self, position: int, channel: int) -> Path:
        """The chunk of a slice at its full size."""
        return self._chunk(0, position, channel)

    def leave_out(self, position: int, channel: int = 0) -> None:
        """No chunk for this slice, which then counts as full of zeros."""
        for level in range(len(self._sizes)):
            self._chunk(level, position, channel).unlink(missing_ok=True)

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        """``(Y, X)`` of each level, each half of the one before."""
        sizes = [(self.layout.shape[1], self.layout.shape[2])]
        while self.layout.pyramid and max(sizes[-1]) > _SMALLEST:
            y, x = sizes[-1]
            sizes.append(((y + 1) // 2, (x + 1) // 2))
        return sizes

    def _attributes(self) -> dict[str, Any]:
        """The metadata of the image, and how it may be shown."""
        channels = [self._channel(number) for number in range(self.layout.channels)]
        return {"multiscales": [self._multiscale()], "omero": {"channels": channels}}

    def _multiscale(self) -> dict[str, Any]:
        """Axes and levels."""
        spaces = list(self._spaces())
        channels = self.layout.channels

        # Each level has the scale of the first, times how much smaller it is.
        datasets = []
        for level in range(len(self._sizes)):
            grown = [1, 2**level, 2**level]
            scale = [size * factor for (_, _, size, _), factor in zip(spaces, grown, strict=True)]
            # The middle of the first pixel of a level lies between those it is made of.
            first = [
                start + size * (factor - 1) / 2
                for (_, _, size, start), factor in zip(spaces, grown, strict=True)
            ]
            if channels > 1:
                scale, first = [1.0, *scale], [0.0, *first]
            transforms = [
                {"type": "scale", "scale": scale},
                {"type": "translation", "translation": first},
            ]
            datasets.append({"path": str(level), "coordinateTransformations": transforms})

        axes = [{"name": name, "type": "space", **unit} for name, unit, _, _ in spaces]
        image: dict[str, Any] = {"name": self.path.stem}
        image["axes"] = [{"name": "c", "type": "channel"}, *axes] if channels > 1 else axes
        image["datasets"] = datasets
        if len(datasets) > 1:
            image["type"] = self.shrinking
        if self.zarr_format == 2:
            image["version"] = self.version
        return image

    def _spaces(self) -> Iterator[tuple[str, dict[str, str], float, float]]:
        """Each axis of space: its name, its unit, the size of a pixel, where the first one lies."""
        layout = self.layout
        sizes = layout.metadata_at(0).pixel_size
        selection = layout.selection
        given = selection.readers[0].metadata.pixel_size if selection else UNKNOWN
        for name, size, before, start in zip("zyx", sizes, given, layout.origin, strict=True):
            if size is None:
                yield name, {}, 1.0, float(start)
            else:
                yield name, {"unit": "nanometer"}, size, start * (before or size)

    def _channel(self, number: int) -> dict[str, Any]:
        """How a viewer may show a channel."""
        low, high = 0.0, 1.0
        if self.layout.dtype.kind != "f":
            limits = np.iinfo(self.layout.dtype)
            low, high = float(limits.min), float(limits.max)
        return {
            "label": str(number),
            "color": "FFFFFF",
            "window": {"min": low, "max": high, "start": low, "end": high},
            "active": True,
            "inverted": self.layout.photometric == "miniswhite",
        }

    def _compressor(self) -> Any:
        from numcodecs import Zlib, Zstd
        from zarr.codecs import GzipCodec, ZstdCodec

        if self.layout.compression == "none":
            return None
        newer = self.zarr_format == 3
        if self.layout.compression == "zlib":
            return (GzipCodec if newer else Zlib)(level=_ZLIB_LEVEL)
        return (ZstdCodec if newer else Zstd)(level=_ZSTD_LEVEL)

    def _encode(self, image: Pixels) -> bytes | memoryview:
        stored = np.ascontiguousarray(image, dtype=self.layout.dtype.newbyteorder("<"))
        if self.layout.compression == "none":
            return stored.data
        # zarr format 3 knows zlib with the header of gzip.
        if self.layout.compression == "zlib":
            packed = stored.tobytes()
            if self.zarr_format == 3:
                return gzip.compress(packed, _ZLIB_LEVEL, mtime=0)
            return zlib.compress(packed, _ZLIB_LEVEL)
        from numcodecs import Zstd

        encoded: bytes = Zstd(level=_ZSTD_LEVEL).encode(stored)
        return encoded

    def _chunk(self, level: int, position: int, channel: int) -> Path:
        """The file of a slice."""
        names = [str(level), *(["c"] if self.zarr_format == 3 else [])]
        names += [str(channel)] if self.layout.channels > 1 else []
        return self.path.joinpath(*names, str(position), "0", "0")

    def _write_tags(self, position: int, tags: Tags) -> None:
        kept = []
        for code, dtype, length, value in tags:
            text = value.decode("latin-1")
            kept.append({"code": code, "type": dtype, "count": length, "text": text})
        self._write_group(self.path / OWN_GROUP / str(position), {"vendor_tags": kept})

    def _has_tags(self, position: int) -> bool:
        """Whether all is there that stands for the tags of a slice."""
        names = ["zarr.json"] if self.zarr_format == 3 else [".zattrs", ".zgroup"]
        folder = self.path / OWN_GROUP / str(position)
        return all((folder / name).is_file() for name in names)

    def _write_group(self, folder: Path, attributes: dict[str, Any]) -> None:
        """A group of its own, in which other programs see nothing they know."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.zarr_format == 3:
            node = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            write_file(folder / "zarr.json", json.dumps(node).encode())
        else:
            write_file(folder / ".zattrs", json.dumps(attributes).encode())
            write_file(folder / ".zgroup", json.dumps({"zarr_format": 2}).encode())


class OmeZarr04Writer(OmeZarrWriter):
    """Writes OME-Zarr 0.4, that is zarr format 2, for programs that do not know the newer one."""

    version: ClassVar[str] = "0.4"
    zarr_format: ClassVar[Literal[2, 3]] = 2


def halve(image: Pixels) -> Pixels:
    """The mean of each 2 x 2 pixels; an odd last row or column counts twice.

    Whole numbers are rounded to the nearest, halves up.
    """
    even = np.pad(image, ((0, image.shape[0] % 2), (0, image.shape[1] % 2)), mode="edge")
    whole = image.dtype.kind != "f"
    total = np.add(even[::2, ::2], even[1::2, ::2], dtype=np.int32 if whole else np.float64)
    total += even[::2, 1::2]
    total += even[1::2, 1::2]
    mean: Pixels = ((total + 2) >> 2 if whole else total / 4).astype(image.dtype)
    return mean
