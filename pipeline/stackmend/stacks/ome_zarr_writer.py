"""A stack as OME-Zarr: one chunk is one slice, so that a slice is there completely or not at all.

The zarr package writes the descriptions and reads slices back. Chunks, which are nothing but encoded pixels, are
written here: the same bytes each time, and under a temporary name first.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from stackmend.errors import OutputError
from stackmend.stacks import Layout, Pixels
from stackmend.stacks.files import publish
from stackmend.stacks.metadata import UNKNOWN
from stackmend.stacks.ome_zarr_reader import OWN_GROUP

_SMALLEST = 256
"""The pyramid ends when no side is longer, in px."""

_ZLIB_LEVEL, _ZSTD_LEVEL = 6, 3


@dataclass(frozen=True)
class OmeZarrWriter:
    """Writes OME-Zarr 0.5, that is zarr format 3."""

    path: Path
    layout: Layout

    version: ClassVar[str] = "0.5"
    zarr_format: ClassVar[Literal[2, 3]] = 3

    def create(self) -> None:
        """Write the descriptions of the image and of each level."""
        import zarr

        layout = self.layout
        attributes = self._attributes()
        if self.zarr_format == 3:
            attributes = {"ome": {"version": self.version, **attributes}}
        try:
            root = zarr.create_group(
                str(self.path), zarr_format=self.zarr_format, overwrite=True, attributes=attributes
            )
            for level, size in enumerate(self._sizes):
                planes = (
                    (layout.channels, layout.shape[0])
                    if layout.channels > 1
                    else (layout.shape[0],)
                )
                root.create_array(
                    str(level),
                    shape=(*planes, *size),
                    chunks=(*(1 for _ in planes), *size),
                    dtype=layout.dtype.newbyteorder("<"),
                    fill_value=0,
                    compressors=self._compressor(),
                    chunk_key_encoding={
                        "name": "default" if self.zarr_format == 3 else "v2",
                        "separator": "/",
                    },
                    dimension_names="czyx"[-len(planes) - 2 :] if self.zarr_format == 3 else None,
                )
            self._group(self.path / OWN_GROUP, {})
        except OSError as error:
            raise OutputError(
                f"{self.path}: cannot be made ({error.strerror or error}); make room"
            ) from error

    def write(self, position: int, pixels: Pixels, channel: int = 0) -> None:
        """Write one slice, its full size last: if that is there, all that belongs to it is."""
        tags = self.layout.metadata_at(position).tags
        if tags:
            kept = {
                str(tag.code): {"type": tag.dtype, "text": tag.value.decode("latin-1")}
                for tag in tags
            }
            self._group(self.path / OWN_GROUP / str(position), {"vendor_tags": kept})
        images = [np.ascontiguousarray(pixels, dtype=self.layout.dtype)]
        while len(images) < len(self._sizes):
            images.append(halved(images[-1]))
        for level in reversed(range(len(images))):
            chunk = self._chunk(level, position, channel)
            chunk.parent.mkdir(parents=True, exist_ok=True)
            publish(chunk, self._encoded(images[level]))

    def written(self, position: int, channel: int = 0) -> Pixels | None:
        """One slice as zarr reads it; a chunk that is not there would read as zeros."""
        import zarr

        if not self._chunk(0, position, channel).is_file():
            return None
        index = (channel, position) if self.layout.channels > 1 else (position,)
        try:
            return np.asarray(zarr.open_array(str(self.path / "0"), mode="r")[index])
        # Decoders raise whatever they trip over: the slice is not there as it should be.
        except Exception:  # noqa: BLE001 - see above
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """No chunk for this slice, which then counts as full of zeros."""
        for level in range(len(self._sizes)):
            self._chunk(level, position, channel).unlink(missing_ok=True)

    def finish(self) -> None:
        """Nothing: every slice is where it belongs."""

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        """``(Y, X)`` of each level, each half of the one before."""
        sizes = [(self.layout.shape[1], self.layout.shape[2])]
        while self.layout.pyramid and max(sizes[-1]) > _SMALLEST:
            y, x = sizes[-1]
            sizes.append(((y + 1) // 2, (x + 1) // 2))
        return sizes

    def _attributes(self) -> dict[str, Any]:
        """The metadata of the image."""
        spaces = list(self._spaces())
        channels = self.layout.channels
        axes = [{"name": name, "type": "space", **unit} for name, unit, _, _ in spaces]
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
        image: dict[str, Any] = {"name": self.path.stem}
        image["axes"] = [{"name": "c", "type": "channel"}, *axes] if channels > 1 else axes
        image |= {"datasets": datasets, **({"type": "mean"} if len(datasets) > 1 else {})}
        if self.zarr_format == 2:
            image["version"] = self.version
        return {
            "multiscales": [image],
            "omero": {"channels": [self._channel(number) for number in range(channels)]},
        }

    def _spaces(self) -> Iterator[tuple[str, dict[str, str], float, float]]:
        """Each axis of space: its name, its unit, the size of a pixel, and where the first one lies."""
        layout = self.layout
        sizes = layout.metadata_at(0).pixel_size
        given = layout.metadata.reader.metadata.pixel_size if layout.metadata else UNKNOWN
        for name, size, before, start in zip("zyx", sizes, given, layout.origin, strict=True):
            if size is None:
                yield name, {}, 1.0, float(start)
            else:
                yield name, {"unit": "nanometer"}, size, start * (before or size)

    def _channel(self, number: int) -> dict[str, Any]:
        """How a viewer may show a channel."""
        whole = self.layout.dtype.kind != "f"
        low, high = (
            (np.iinfo(self.layout.dtype).min, np.iinfo(self.layout.dtype).max) if whole else (0, 1)
        )
        window = {"min": float(low), "max": float(high), "start": float(low), "end": float(high)}
        inverted = self.layout.photometric == "miniswhite"
        return {
            "label": str(number),
            "color": "FFFFFF",
            "window": window,
            "active": True,
            "inverted": inverted,
        }

    def _compressor(self) -> Any:
        from numcodecs import Zlib, Zstd
        from zarr.codecs import GzipCodec, ZstdCodec

        if self.layout.compression == "none":
            return None
        if self.layout.compression == "zlib":
            return (
                GzipCodec(level=_ZLIB_LEVEL) if self.zarr_format == 3 else Zlib(level=_ZLIB_LEVEL)
            )
        return ZstdCodec(level=_ZSTD_LEVEL) if self.zarr_format == 3 else Zstd(level=_ZSTD_LEVEL)

    def _encoded(self, image: Pixels) -> bytes | memoryview:
        stored = np.ascontiguousarray(image, dtype=self.layout.dtype.newbyteorder("<"))
        if self.layout.compression == "none":
            return stored.data
        if self.layout.compression == "zlib":  # zarr format 3 knows it with the header of gzip
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

    def _group(self, folder: Path, attributes: dict[str, Any]) -> None:
        """A group of its own, in which other programs see nothing they know."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.zarr_format == 3:
            node = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
            publish(folder / "zarr.json", json.dumps(node).encode())
        else:
            publish(folder / ".zattrs", json.dumps(attributes).encode())
            publish(folder / ".zgroup", json.dumps({"zarr_format": 2}).encode())


@dataclass(frozen=True)
class OmeZarr04Writer(OmeZarrWriter):
    """Writes OME-Zarr 0.4, that is zarr format 2, for programs that do not know the newer one."""

    version: ClassVar[str] = "0.4"
    zarr_format: ClassVar[Literal[2, 3]] = 2


def halved(image: Pixels) -> Pixels:
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
