"""A run made again from what it has left in writing."""

from __future__ import annotations

from pathlib import Path

from stackmend.disk import remedy
from stackmend.errors import OutputError, UsageError
from stackmend.result import Result, names
from stackmend.result.atomic import write_new
from stackmend.runner.frozen import effective_text, frozen_protocol


def folder_beside(run: Path) -> Path:
    """A folder for a replay beside that of the run; one whose replay was cut off is gone on with.

    ``RUN-replay``, or the first of ``RUN-replay-2``, ... that holds no finished result.
    """
    number, folder = 2, run.with_name(f"{run.name}-replay")
    while (folder / names.RECORD).exists():
        folder = run.with_name(f"{run.name}-replay-{number}")
        number += 1
    return folder


def replay_protocol(result: Result, folder: Path, *, search_again: bool) -> Path:
    """Write the protocol of a replay beside its folder, where relative paths lead to the input.

    Parameters
    ----------
    result
        The run.
    folder
        Where the replay will write.
    search_again
        Whether sweeps are kept; else the chosen values stand in their place.

    Raises
    ------
    InputError
        If the run is not finished.
    UsageError
        If the folder is that of the run, or one protocol cannot say what was chosen.
    OutputError
        If the file cannot be written, or another one is there.
    """
    record = result.record
    if folder.resolve() == result.folder.resolve():
        raise UsageError(f"--output: {folder} is the run itself; choose another folder")
    file = folder.with_name(f"{folder.name}.yaml")
    try:
        if search_again:
            text = effective_text(record.protocol, file.parent)
        else:
            text = frozen_protocol(result, file.parent)
    except UsageError as error:
        error.add_note("--search-again makes the whole run again, searches and all")
        raise
    if not (file.is_file() and file.read_text(encoding="utf-8") == text):
        _write(file, text)
    return file


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"cannot be made ({error.strerror or error})"
        raise OutputError(f"{file.parent}: {what}; {remedy(error)}") from error
    write_new(file, text)
