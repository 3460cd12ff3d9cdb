"""Files that are there completely or not at all."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from stackmend import disk
from stackmend.errors import OutputError
from stackmend.result.encoding import plain


@contextmanager
def writing(path: Path) -> Iterator[IO[str]]:
    """A text file to be written under a temporary name, which replaces ``path`` at the end.

    Names of files may have bytes that are no text: they are written with a backslash, which is what
    JSON does with them as well.
    """
    temporary = disk.part_of(path)
    how: dict[str, Any] = {"encoding": "utf-8", "errors": "backslashreplace", "newline": ""}
    with open(temporary, "w", opener=disk.open_no_link, **how) as file:
        yield file
    temporary.replace(path)


def write_text(path: Path, text: str) -> None:
    """Write a text as it is."""
    with writing(path) as file:
        file.write(text)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """Write JSON that people can read, too."""
    text = json.dumps(data, indent=2, default=plain, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


def write_table(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV; the columns are those of all rows, in order of first appearance."""
    columns: dict[str, None] = {}
    for row in rows:
        columns.update(dict.fromkeys(row))
    with writing(path) as file:
        writer = csv.DictWriter(file, list(columns), restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_new(path: Path, text: str, *, replace: bool = False) -> None:
    """Write a text to a file that is not there yet, or, if told so, in the place of another one.

    Raises
    ------
    OutputError
        If there is such a file, or it cannot be written.
    """
    try:
        if not replace:
            path.open("x").close()  # nobody else takes the name meanwhile
        try:
            write_text(path, text)
        # Whatever stops it, Ctrl-C too: the name that was taken must not stay as an empty file.
        except BaseException:
            if not replace:
                path.unlink(missing_ok=True)
            disk.part_of(path).unlink(missing_ok=True)
            raise
    except FileExistsError as error:
        raise OutputError(f"{path}: there is such a file already; choose another name") from error
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{path}: {what}; {disk.remedy(error)}") from error
