"""The commands that take results: whether they hold, what they differ in, where all came from.

Each imports what it needs when it is called, so that others need not wait for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from stackmend.result import open_result

if TYPE_CHECKING:
    from stackmend.comparison import Comparison
    from stackmend.explanation import Told
    from stackmend.result.log import Listener
    from stackmend.stacks import Reader
    from stackmend.verification import Verification


def verify(
    run: str | Path,
    *,
    input: str | Path | None = None,
    output_of: str | Path | None = None,
    tolerance: float | None = None,
    workers: int | None = None,
) -> Verification:
    """Whether a result is what its record says: every file of it, and the pixels of every slice.

    Parameters
    ----------
    run
        The result folder, or the ``run.json`` in it.
    input
        The stack that it was made from, wherever that is now, to be held against the record, too.
    output_of
        The result folder of another run, whose stack is held against the record instead.
    tolerance
        Grey levels by which pixels may differ and be equivalent. By default none in the result
        itself; in that of another run 1, for float32 a 10000th of the spread of a slice.
    workers
        Slices that are decoded at a time, one for each core by default.

    Returns
    -------
    Verification
        With ``outcome`` and all ``findings``.

    Raises
    ------
    InputError
        If there is no finished result of a run, its record cannot be understood, or the input
        cannot be read.
    """
    from stackmend.verification import verify

    folder = Path(run).expanduser()
    readers: tuple[Reader, ...] = ()
    if input is not None:
        from stackmend.runner import input_of

        readers = input_of(open_result(folder).record.protocol, input)
    other = None if output_of is None else Path(output_of).expanduser()
    return verify(folder, output_of=other, readers=readers, tolerance=tolerance, workers=workers)


def replay(
    run: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    search_again: bool = False,
    tolerance: float | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> Verification:
    """Make a run again from its record, into another folder, and hold the pixels against it.

    Parameters
    ----------
    run
        The result folder.
    input
        The stack, if it is no longer where the run has read it.
    output
        The folder of the replay, a new one beside that of the run by default. Its protocol, with
        the chosen values in place of sweeps, is written beside it.
    search_again
        Whether the values are chosen again.
    tolerance
        As for ``verify`` with ``output_of``.
    workers, listener
        As for ``run``.

    Raises
    ------
    StackmendError
        As ``freeze``, ``run`` and ``verify``.
    """
    from stackmend import runner
    from stackmend.runner.replay import folder_beside, replay_protocol

    result = open_result(Path(run).expanduser())
    folder = folder_beside(result.folder) if output is None else Path(output).expanduser()
    file = replay_protocol(result, folder, search_again=search_again)
    runner.run(file, input=input, output=folder, workers=workers, listener=listener)
    return verify(result.folder, output_of=folder, tolerance=tolerance, workers=workers)


def diff(run: str | Path, other: str | Path, *, workers: int | None = None) -> Comparison:
    """What two runs differ in, and which of that can be why their pixels do.

    Protocols, steps, parameters, versions, input, output, searches, losses and choices are compared
    as they were written down; pixels by their hashes, and one by one where both stacks are there.

    Raises
    ------
    InputError
        If one of them is no finished result, or its record cannot be understood.
    """
    from stackmend.comparison import compare

    return compare(Path(run).expanduser(), Path(other).expanduser(), workers=workers)


def explain(run: str | Path, slice: str | int | None = None) -> list[Told]:
    """Where every value of a run came from, in words; or what happened to one of its slices.

    Parameters
    ----------
    run
        The result folder.
    slice
        A slice by its number in the input, or by its name.

    Raises
    ------
    InputError
        If there is no finished result of a run.
    UsageError
        If it has no such slice.
    """
    from stackmend.explanation import explain

    return explain(open_result(Path(run).expanduser()), None if slice is None else str(slice))
