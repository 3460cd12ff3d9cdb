"""The masks of a run, as a stack beside the restored one or as labels inside of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stackmend.result.names import MASKS
from stackmend.stacks import Layout, Selection, Slice, Tags, Writer, new_labels, new_stack

Mask = NDArray[np.bool_]

LABEL, WHITE = 1, 255
"""What a marked pixel is in labels, and in a stack, where people look at it as an image."""


class _Untagged(Selection):
    """Slices without what a microscope said of them, which is about images."""

    def tags_at(self, position: int, channel: int) -> Tags:
        """None."""
        return ()


@dataclass(frozen=True)
class Masks:
    """What is marked of each slice: uint8, ``marked`` there and 0 elsewhere."""

    writer: Writer
    marked: int

    @classmethod
    def of(cls, format: str, folder: Path, layout: Layout) -> Masks:
        """Those of a stack of this layout in a folder."""
        selection = layout.selection
        own = replace(
            layout,
            dtype=np.dtype(np.uint8),
            photometric="minisblack",
            selection=selection and _Untagged(selection.readers, selection.slices),
        )
        labels = new_labels(format, folder, own, name=MASKS)
        if labels:
            return cls(labels, LABEL)
        return cls(new_stack(format, folder, own, stem=MASKS), WHITE)

    def page(self, mask: Mask | None) -> Mask:
        """A mask in the size of the written slices; rows below it are not marked."""
        page = np.zeros(self.writer.layout.shape[1:], np.bool_)
        if mask is not None:
            page[: mask.shape[0]] = mask
        return page

    def write(self, position: int, page: Mask, channel: int) -> None:
        """Write the mask of a slice."""
        pixels = np.where(page, np.uint8(self.marked), np.uint8(0))
        self.writer.write(position, Slice(pixels), channel)

    def read_back(self, position: int, channel: int) -> Mask | None:
        """The mask of a slice as it was written; ``None`` where what is there is none."""
        pixels = self.writer.read_back(position, channel)
        if pixels is None or not np.isin(pixels, (0, self.marked)).all():
            return None
        return np.asarray(pixels == self.marked)
