"""Everything that is checked before the first pixel is computed."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stackmend.errors import InputError, OutputError, Problem, ProtocolError, UsageError
from stackmend.job.fit import (
    check_facts,
    check_format,
    check_narrowing,
    dtype_of,
    grid_of,
    restored_part,
)
from stackmend.job.masks import Masks
from stackmend.job.resliced import as_resliced
from stackmend.job.room import output_error
from stackmend.protocol import (
    Draft,
    Protocol,
    check_stack,
    named_slices,
    with_pixels,
)
from stackmend.result.suitable import objection
from stackmend.result.workspace import Workspace
from stackmend.stacks import (
    Layout,
    Reader,
    Selection,
    Writer,
    new_stack,
    open_phantom,
    open_stack,
)
from stackmend.stacks.given import as_given, facts_from


@dataclass(frozen=True)
class Job:
    """A protocol that fits its stack and its output folder.

    ``readers`` are those of the channels that are restored, ``channels`` the numbers of these in
    the input, ``slices`` the numbers of the slices. Of each slice, ``window`` is what the chain
    leaves; ``frame`` is where the restored slice lies in that, once it is known to be another part
    of the plane: first row, first column, rows and columns.
    """

    protocol: Protocol
    readers: tuple[Reader, ...]
    channels: tuple[int, ...]
    slices: tuple[int, ...]
    window: tuple[slice, slice]
    workspace: Workspace
    frame: tuple[int, int, int, int] | None = None

    @property
    def reader(self) -> Reader:
        """That of the first channel, for what all channels have in common."""
        return self.readers[0]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the restored pixels."""
        return dtype_of(self.protocol, self.reader)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)`` of the restored stack.

        Rows below that show no specimen are among them, unless the chain cuts a part out.
        """
        y, x = self.specimen
        whole = (y, x) == self.reader.shape[1:] and self.frame is None
        return len(self.slices), y + self.reader.bar * whole, x

    @property
    def specimen(self) -> tuple[int, int]:
        """Rows and columns of a restored slice that show specimen."""
        if self.frame is not None:
            return self.frame[2:]
        y, x = (window.stop - window.start for window in self.window)
        return y, x

    @property
    def origin(self) -> tuple[int, int, int]:
        """Where the first restored pixel lies in the input, ``(z, y, x)`` in px."""
        y, x = self.frame[:2] if self.frame else (0, 0)
        return self.slices[0], self.window[0].start + y, self.window[1].start + x

    @property
    def places(self) -> list[SliceOfChannel]:
        """Every slice of every channel, in the order of the output."""
        channels = range(len(self.channels))
        return [
            SliceOfChannel(at, number, channel)
            for at, number in enumerate(self.slices)
            for channel in channels
        ]

    def layout(self) -> Layout:
        """The stack that is to be written."""
        output = self.protocol.output
        return Layout(
            shape=self.shape,
            dtype=self.dtype,
            names=tuple(self.reader.names[index] for index in self.slices),
            channels=len(self.channels),
            photometric=self.reader.photometric,
            selection=Selection(self.readers, self.slices),
            origin=self.origin,
            compression=output.compression,
            pyramid=output.pyramid,
        )

    def writer(self, stem: str = "stack", folder: Path | None = None) -> Writer:
        """Write the restored stack, or another of its shape, by default where the run works."""
        layout = (
            self.layout() if stem == "stack" else replace(self.layout(), dtype=self.reader.dtype)
        )
        return new_stack(
            self.protocol.output.format, folder or self.workspace.partial, layout, stem=stem
        )

    def masks(self, folder: Path | None = None) -> Masks | None:
        """Write the masks, by default where the run works; ``None`` where none are wanted."""
        output = self.protocol.output
        place = folder or self.workspace.partial
        return Masks.of(output.format, place, self.layout()) if output.masks else None


class SliceOfChannel(NamedTuple):
    """A slice of a channel: its position in the output, its number in the input, its channel.

    ``channel`` counts the channels that are restored.
    """

    position: int
    number: int
    channel: int


@dataclass(frozen=True)
class CheckResult:
    """The outcome of a check: all problems and warnings, and the stack if it could be opened."""

    draft: Draft
    readers: tuple[Reader, ...]
    input_error: InputError | None
    output_error: OutputError | None = None

    @property
    def reader(self) -> Reader | None:
        """That of the first channel of the stack."""
        return self.readers[0] if self.readers else None

    def job(self, *, written: bool = True) -> Job:
        """What a run needs.

        Parameters
        ----------
        written
            Whether anything will be written; if not, no output need be given.

        Raises
        ------
        ProtocolError
            If there are problems with the protocol.
        InputError
            If the protocol is sound and the stack cannot be used.
        OutputError
            If both are, and the result cannot be written now.
        UsageError
            If the protocol leaves input or output open and the command line does not give them.
        """
        self.raise_problems()
        protocol = self.draft.accepted()
        output = protocol.output.path if written else Path(os.devnull)
        for what, path in (("input", self.reader), ("output", output)):
            if path is None:
                advice = f"add --{what} PATH, or {what}.path to the file"
                raise UsageError(f"{self.draft.name}: gives no {what}; {advice}")
        assert self.reader is not None
        assert output is not None
        channels = protocol.input.channels or tuple(range(len(self.readers)))
        readers = tuple(self.readers[channel] for channel in channels)
        slices, window = restored_part(protocol, self.reader)
        return Job(protocol, readers, channels, slices, window, Workspace(output))

    def raise_problems(self) -> None:
        """Raise what was found wrong, if anything."""
        wrong = any(problem.severity == "error" for problem in self.draft.problems)
        places = {"input": self.input_error, "output.path": self.output_error}
        errors = {place: error for place, error in places.items() if error}
        if not wrong and errors:
            raise next(iter(errors.values()))
        if not errors:
            self.draft.accepted()
            return
        text = self.draft.protocol.text if self.draft.protocol else None
        more = []
        for place, error in errors.items():
            where = tuple(place.split("."))
            more.append(text.problem(where, str(error)) if text else Problem(place, str(error)))
        raise ProtocolError(self.draft.name, self.draft.with_problems(more).problems)


def examine_stack(
    draft: Draft, opened: Callable[[Protocol], tuple[Reader, ...]] | None = None
) -> CheckResult:
    """Check a protocol against its stack and its output folder, as far as both are known.

    ``opened`` gives the readers of its stack, where that may be open already.
    """
    protocol = draft.protocol
    if protocol is None:
        return CheckResult(draft, (), None)
    try:
        readers = as_resliced(protocol, (opened or readers_of)(protocol))
    except InputError as error:
        return CheckResult(draft, (), error)
    except OSError as error:
        where = protocol.input.path
        return CheckResult(
            draft,
            (),
            InputError(f"{where}: cannot be read ({error.strerror}); check its permissions"),
        )
    problems: list[Problem] = []
    if readers:
        protocol, problems = named_slices(protocol, readers[0].names, readers[0].label)
        protocol, more = with_pixels(protocol, grid_of(readers[0]), readers[0].label)
        problems += more
        draft = replace(draft, protocol=protocol)
    draft = draft.with_problems([*problems, *_stack_problems(protocol, readers)])
    return CheckResult(draft, readers, None, output_error(protocol, readers))


def readers_of(protocol: Protocol) -> tuple[Reader, ...]:
    """Readers for the channels of the stack of a protocol; none where it gives no stack.

    Raises
    ------
    InputError
        If the stack cannot be opened.
    """
    given = protocol.input
    if given.phantom is not None:
        sizes = facts_from(given.pixel_size, given.spacing, "none", 0)
        return as_given((open_phantom(given.phantom),), sizes)
    if given.path is None:
        return ()
    return open_stack(
        given.path,
        dataset=given.dataset,
        axes=given.axes,
        facts=facts_from(given.pixel_size, given.spacing, given.flip, given.data_bar),
        tolerant=given.on_bad_slice != "stop",
    )


def _stack_problems(protocol: Protocol, readers: tuple[Reader, ...]) -> Iterator[Problem]:
    yield from check_format(protocol)
    yield from check_facts(protocol)
    if readers:
        yield from check_stack(protocol, readers[0].shape, len(readers), readers[0].label)
        yield from check_narrowing(protocol, readers[0])
    if protocol.output.path is not None:
        against = objection(protocol.output.path, protocol.input.path)
        if against:
            yield protocol.text.problem(("output", "path"), against)
        rejected = Workspace(protocol.output.path).rejected
        against = objection(rejected, protocol.input.path) if protocol.gates else None
        if against:
            yield protocol.text.problem(("gates",), against, key=True)
