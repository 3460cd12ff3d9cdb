"""Everything that is checked before the first pixel is computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from stackmend.errors import InputError, Problem, ProtocolError, UsageError
from stackmend.protocol import Draft, Protocol, check_stack
from stackmend.runner.workspace import Workspace
from stackmend.stacks import Reader, open_phantom, open_stack
from stackmend.stacks.extras import command_for, missing


@dataclass(frozen=True)
class Job:
    """A protocol that fits its stack and its output folder."""

    protocol: Protocol
    reader: Reader
    slices: tuple[int, ...]
    workspace: Workspace

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type of the restored pixels."""
        wanted = self.protocol.output.dtype
        return self.reader.dtype if wanted == "input" else np.dtype(wanted)

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)`` of the restored stack."""
        return (len(self.slices), *self.reader.shape[1:])


@dataclass(frozen=True)
class Findings:
    """The outcome of a check: all problems and warnings, and the stack if it could be opened."""

    draft: Draft
    reader: Reader | None
    input_error: InputError | None

    def job(self) -> Job:
        """What a run needs.

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
        for what, path in (("input", self.reader), ("output", protocol.output.path)):
            if path is None:
                raise UsageError(f"{self.draft.name}: gives no {what}; add --{what} PATH, or {what}.path to the file")
        assert self.reader is not None
        assert protocol.output.path is not None
        slices = protocol.input.slices.indices(self.reader.shape[0])
        return Job(protocol, self.reader, slices, Workspace(protocol.output.path))

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


def examine_stack(draft: Draft) -> Findings:
    """Check a protocol against its stack and its output folder, as far as both are known."""
    protocol = draft.protocol
    if protocol is None:
        return Findings(draft, None, None)
    try:
        reader = _reader(protocol)
    except InputError as error:
        return Findings(draft, None, error)
    except OSError as error:
        where = protocol.input.path
        return Findings(draft, None, InputError(f"{where}: cannot be read ({error.strerror}); check its permissions"))
    return Findings(draft.with_problems(_stack_problems(protocol, reader)), reader, None)


def _reader(protocol: Protocol) -> Reader | None:
    if protocol.input.phantom is not None:
        return open_phantom(protocol.input.phantom)
    return open_stack(protocol.input.path, protocol.input.channel) if protocol.input.path is not None else None


def _stack_problems(protocol: Protocol, reader: Reader | None) -> Iterator[Problem]:
    needed = 0
    yield from _format(protocol)
    if protocol.input.phantom is not None and protocol.input.channel:
        message = f"a synthetic stack has 1 channel, got {protocol.input.channel}; leave it out"
        yield protocol.text.problem(("input", "channel"), message)
    if reader is not None:
        yield from check_stack(protocol, reader.shape, reader.label)
        yield from _narrowing(protocol, reader)
        count = len(protocol.input.slices.indices(reader.shape[0]))
        item = np.dtype(reader.dtype if protocol.output.dtype == "input" else protocol.output.dtype).itemsize
        needed = count * prod(reader.shape[1:]) * item
    if protocol.output.path is not None:
        yield from Workspace(protocol.output.path).problems(protocol, needed)


def _format(protocol: Protocol) -> Iterator[Problem]:
    """Options that the format of the output does not have, and packages that it needs."""
    output, text = protocol.output, protocol.text
    zarr = output.format.startswith("ome-zarr")
    if output.pyramid and not zarr:
        message = f"{output.format} has no place for smaller copies; add format: ome-zarr, or leave it out"
        yield text.problem(("output", "pyramid"), message)
    if zarr and missing("zarr"):
        yield text.problem(("output", "format"), f"{output.format} needs one more package; run: {command_for('zarr')}")
    if output.compression == "zstd" and not zarr and missing("imagecodecs"):
        message = f"zstd needs one more package; run: {command_for('imagecodecs')}"
        yield text.problem(("output", "compression"), message)


def _narrowing(protocol: Protocol, reader: Reader) -> Iterator[Problem]:
    target = np.dtype(reader.dtype if protocol.output.dtype == "input" else protocol.output.dtype)
    if target.kind != "f" and not np.can_cast(reader.dtype, target):
        limits = np.iinfo(target)
        message = (
            f"{reader.dtype} grey levels are kept as they are, not rescaled: what lies outside {limits.min} to "
            f"{limits.max} is clipped and counted"
        )
        yield protocol.text.problem(("output", "dtype"), message, severity="warning")
