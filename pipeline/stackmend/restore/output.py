"""Where restored slices lie: their stack, and beside it the known truth and the masks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from stackmend.job import Job, SliceOfChannel
from stackmend.job.masks import Mask, Masks
from stackmend.result.hashes import pixel_hash
from stackmend.result.rows import SliceRow
from stackmend.stacks import Pixels, Slice, Writer


class Restored(NamedTuple):
    """A slice with what is written beside it; without pixels it is left out."""

    row: SliceRow
    new: Slice | None = None
    mask: Mask | None = None


@dataclass(frozen=True)
class Output:
    """The stacks of a run, or of an earlier one, as far as this one wants them."""

    stack: Writer
    truth: Writer | None = None
    masks: Masks | None = None

    @classmethod
    def of(cls, job: Job) -> Output:
        """Those that a job writes."""
        known = job.reader.truth(job.slices[0]) is not None
        return cls(job.writer(), job.writer("truth") if known else None, job.masks())

    @property
    def writers(self) -> tuple[Writer, ...]:
        """Of all stacks; that of masks inside another one behind that."""
        masks = self.masks.writer if self.masks else None
        return tuple(writer for writer in (self.stack, self.truth, masks) if writer)

    def opens(self) -> bool:
        """Whether every stack is there."""
        return all(writer.opens() for writer in self.writers)

    def create(self) -> None:
        """Make what is missing of them."""
        for writer in self.writers:
            writer.create()

    def finish(self) -> None:
        """Bring them into their final form."""
        for writer in self.writers:
            writer.finish()

    def write(self, place: SliceOfChannel, restored: Restored, truth: Pixels | None) -> None:
        """Write a slice, or leave it out.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        where = place.position, place.channel
        masks = self.masks.writer if self.masks else None
        for writer in (self.stack, masks) if restored.new is None else ():
            if writer:
                writer.leave_out(*where)
        if restored.new is not None:
            self.stack.write(place.position, restored.new, place.channel)
        if self.masks and restored.mask is not None:
            self.masks.write(place.position, restored.mask, place.channel)
        if self.truth and truth is not None:
            self.truth.write(place.position, Slice(truth), place.channel)

    def read_back(self, position: int, channel: int) -> tuple[Pixels | None, Mask | None]:
        """A slice and its mask as they were written; ``None`` for what is not there."""
        mask = self.masks.read_back(position, channel) if self.masks else None
        return self.stack.read_back(position, channel), mask

    def holds(self, row: SliceRow, position: int, channel: int) -> bool:
        """Whether a slice and its mask are there as the row says."""
        if not row.output_hash:
            return True
        written, mask = self.read_back(position, channel)
        if written is None or pixel_hash(written) != row.output_hash:
            return False
        return not self.masks or (mask is not None and pixel_hash(mask) == row.mask_hash)
