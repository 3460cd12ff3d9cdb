"""The stack of a result, opened from what its record says of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from stackmend.errors import InputError
from stackmend.result.record import Record
from stackmend.result.rows import SliceRow
from stackmend.stacks import DTYPES, FORMATS, Layout, Pixels, Writer, new_stack
from stackmend.verification.recorded import Key, Recorded


@dataclass(frozen=True)
class Stack:
    """A restored stack that can be read slice by slice: its writer, and the place of each slice."""

    writer: Writer
    places: Mapping[Key, tuple[int, int]]

    @classmethod
    def of(cls, known: Recorded) -> Stack:
        """The stack of a result.

        Raises
        ------
        InputError
            If the record describes none that could be.
        """
        record, output = known.record, known.record.output
        if output.format not in FORMATS or output.dtype not in DTYPES:
            what = f"the stack is said to be {output.format} of {output.dtype}"
            raise InputError(f"{known.folder}: {what}; no run writes that")
        first = record.input.channels[0]
        layout = Layout(
            shape=output.shape,
            dtype=np.dtype(output.dtype),
            names=_names(record, {row.slice: row for row in known.rows if row.channel == first}),
            channels=len(record.input.channels),
            compression=output.compression,
            pyramid=output.pyramid,
        )
        places: dict[Key, tuple[int, int]] = {}
        for position, number in enumerate(record.input.slices):
            for place, channel in enumerate(record.input.channels):
                places[number, channel] = position, place
        return cls(new_stack(output.format, known.folder, layout), places)

    def read(self, key: Key) -> Pixels | None:
        """The pixels of a slice; ``None`` where there are none that can be read."""
        try:
            return self.writer.read_back(*self.places[key])
        # A name in an edited table may be none that a file could have.
        except (OSError, ValueError, IndexError, KeyError):
            return None

    def path_of(self, key: Key) -> str:
        """The file of a slice, as seen from the result folder."""
        file = self.writer.file_of(*self.places[key]) if key in self.places else self.writer.path
        return file.relative_to(self.writer.path.parent).as_posix()


def _names(record: Record, rows: Mapping[int, SliceRow]) -> tuple[str, ...]:
    return tuple(rows[each].name if each in rows else "" for each in record.input.slices)
