"""Whether there is room for what a protocol would write, and who keeps it from that."""

from __future__ import annotations

from math import prod
from pathlib import Path

from stackmend.errors import OutputError
from stackmend.job.fit import dtype_of, restored_part
from stackmend.protocol import Protocol
from stackmend.result.journal import Journal
from stackmend.result.names import RECORD
from stackmend.result.suitable import hindrance
from stackmend.result.workspace import Workspace, bytes_taken_by
from stackmend.stacks import Reader


def output_error(protocol: Protocol, readers: tuple[Reader, ...]) -> OutputError | None:
    """What hinders writing the result now: permission, or room for what is missing of it."""
    folder = protocol.output.path
    if folder is None:
        return None
    try:
        hindered = hindrance(folder, _needed(protocol, readers, folder))
    except OSError:  # a folder that cannot be looked into is a problem of the protocol
        return None
    return OutputError(hindered) if hindered else None


def _needed(protocol: Protocol, readers: tuple[Reader, ...], folder: Path) -> int:
    """Bytes that are missing of the stack, as far as that can be said before its slices are seen.

    Of a finished result, how much stays is only known then.
    """
    if not readers or (folder / RECORD).exists():
        return 0
    slices, window = restored_part(protocol, readers[0])
    pixels = prod(ends.stop - ends.start for ends in window)
    masks = int(protocol.output.masks)
    each: int = pixels * (dtype_of(protocol, readers[0]).itemsize + masks)
    work = Workspace(folder)
    done = len(Journal(work.journal).ledger().slices) * each
    count = len(slices) * len(protocol.input.channels or readers)
    return max(count * each - max(done, bytes_taken_by(work.partial)), 0)
