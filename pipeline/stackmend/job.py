"""Everything that is checked before the first pixel is computed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from stackmend.errors import InputError, Problem, ProtocolError, UsageError
from stackmend.protocol import Draft, Protocol, check_stack, named_slices, remaining
from stackmend.result.workspace import Workspace
from stackmend.stacks import (
    FORMATS,
    Layout,
    Reader,
    Selection,
    Writer,
    new_stack,
    open_phantom,
    open_stack,
)
from stackmend.stacks.extras import command_for, is_missing
from stackmend.stacks.given import as_given, facts_from, impossible_lengths


@dataclass(frozen=True)
class Job:
    """A protocol that fits its stack and its output folder.

    ``readers`` are those of the channels that are restored, ``channels`` the numbers of these in
    the input, ``slices`` the numbers of the slices. Of each slice, ``window`` is what the chain
    leaves.
    """

    protocol: Protocol
    readers: tuple[Reader, ...]
    channels: tuple[int, ...]
    slices: tuple[int, ...]
    window: tuple[slice, slice]
    workspace: Workspace

    @property
    def reader(self) -> Reader:
        """That of the first channel, for what all channels have in common."""
        return self.readers[0]

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the restored pixels."""
        return _dtype(self.protocol, self.reader)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)`` of the restored stack.

        Rows below that show no specimen are among them, unless the chain cuts a part out.
        """
        y, x = (window.stop - window.start for window in self.window)
        whole = (y, x) == self.reader.shape[1:]
        return len(self.slices), y + self.reader.bar * whole, x

    @property
    def origin(self) -> tuple[int, int, int]:
        """Where the first restored pixel lies in the input, ``(z, y, x)`` in px."""
        return self.slices[0], self.window[0].start, self.window[1].start

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
        slices, window = _restored(protocol, self.reader)
        return Job(protocol, readers, channels, slices, window, Workspace(output))

    def raise_problems(self) -> None:
        """Raise what was found wrong, if anything."""
        wrong = any(problem.severity == "error" for problem in self.draft.problems)
        if self.input_error is None:
            self.draft.accepted()
        elif not wrong:
            raise self.input_error
        else:
            text = self.draft.protocol.text if self.draft.protocol else None
            message = str(self.input_error)
            more = text.problem(("input",), message) if text else Problem("input", message)
            raise ProtocolError(self.draft.name, self.draft.with_problems([more]).problems)


def examine_stack(draft: Draft) -> CheckResult:
    """Check a protocol against its stack and its output folder, as far as both are known."""
    protocol = draft.protocol
    if protocol is None:
        return CheckResult(draft, (), None)
    try:
        readers = _readers(protocol)
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
        draft = replace(draft, protocol=protocol)
    problems += _stack_problems(protocol, readers)
    return CheckResult(draft.with_problems(problems), readers, None)


def _readers(protocol: Protocol) -> tuple[Reader, ...]:
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


_OF_FILES = {"axes": None, "flip": "none", "data_bar": "auto"}
"""What is said of the pages of files, and what says nothing of them."""


def _said(protocol: Protocol) -> Iterator[Problem]:
    """What a protocol says of its stack that cannot be."""
    for key, nothing in _OF_FILES.items():
        if protocol.input.phantom is not None and getattr(protocol.input, key) != nothing:
            message = "is for stacks in files, and this one is synthetic; leave it out"
            yield protocol.text.problem(("input", key), message)
    for key in ("pixel_size", "spacing"):
        for length in impossible_lengths(getattr(protocol.input, key)):
            message = f"is {length:g} nm, which no pixel has; give it in nm, or with its unit"
            yield protocol.text.problem(("input", key), message)


def _dtype(protocol: Protocol, reader: Reader) -> np.dtype[Any]:
    wanted = protocol.output.dtype
    return reader.dtype if wanted == "input" else np.dtype(wanted)


def _restored(protocol: Protocol, reader: Reader) -> tuple[tuple[int, ...], tuple[slice, slice]]:
    """The slices that are restored, by their numbers, and what the chain leaves of each."""
    slices = protocol.input.slices.indices(reader.shape[0])
    z, y, x = remaining(protocol.chain, (len(slices), *reader.shape[1:]))
    return tuple(slices[place] for place in z), (slice(y.start, y.stop), slice(x.start, x.stop))


def _stack_problems(protocol: Protocol, readers: tuple[Reader, ...]) -> Iterator[Problem]:
    needed = 0
    yield from _format(protocol)
    yield from _said(protocol)
    if readers:
        reader = readers[0]
        yield from check_stack(protocol, reader.shape, len(readers), reader.label)
        yield from _narrowing(protocol, reader)
        slices, window = _restored(protocol, reader)
        channels = len(protocol.input.channels or readers)
        item = _dtype(protocol, reader).itemsize
        needed = len(slices) * channels * prod(ends.stop - ends.start for ends in window) * item
    if protocol.output.path is not None:
        objection = Workspace(protocol.output.path).objection(protocol.input.path, needed)
        if objection:
            yield protocol.text.problem(("output", "path"), objection)


def _format(protocol: Protocol) -> Iterator[Problem]:
    """Options that the format of the output does not have, and packages that it needs."""
    output, text = protocol.output, protocol.text
    format = FORMATS[output.format]
    if output.pyramid and not format.pyramid:
        other = next(name for name, each in FORMATS.items() if each.pyramid)
        what = f"{output.format} has no place for smaller copies"
        message = f"{what}; add format: {other}, or leave it out"
        yield text.problem(("output", "pyramid"), message)
    if format.needs and is_missing(format.needs):
        message = f"{output.format} needs one more package; run: {command_for(format.needs)}"
        yield text.problem(("output", "format"), message)
    if output.compression not in format.compressions:
        what = f"{output.format} cannot be compressed in this way"
        message = f"{what}; choose {' or '.join(format.compressions)}"
        yield text.problem(("output", "compression"), message)
        return
    package = format.compressions[output.compression]
    if package and is_missing(package):
        message = f"{output.compression} needs one more package; run: {command_for(package)}"
        yield text.problem(("output", "compression"), message)


def _narrowing(protocol: Protocol, reader: Reader) -> Iterator[Problem]:
    target = _dtype(protocol, reader)
    if target.kind != "f" and not np.can_cast(reader.dtype, target):
        limits = np.iinfo(target)
        message = (
            f"{reader.dtype} grey levels are kept as they are, not rescaled: what lies "
            f"outside {limits.min} to {limits.max} is clipped and counted"
        )
        yield protocol.text.problem(("output", "dtype"), message, severity="warning")
