"""Protocols of other programs: read as data, and written as protocols of this one.

Each module knows one program. What has no equal here is listed with the reason; nothing is left out
without a word. No file is read that could run code.
"""

from __future__ import annotations

from pathlib import Path

from stackmend.errors import UsageError
from stackmend.translation import bmiptools, pystack3d
from stackmend.translation.writing import Translation, protocol_text

__all__ = ["Translation", "protocol_text", "translate"]

MAX_BYTES = 4 * 1024**2
"""Larger than any such file."""

_PICKLES = (".dill", ".pkl", ".pickle")


def translate(file: Path) -> Translation:
    """What a file of another program says, in terms of this one.

    Raises
    ------
    UsageError
        If it cannot be read, is not one of those known, or nothing in it has an equal here.
    """
    if file.suffix.lower() in _PICKLES:
        what = "is a pickle, and to open one runs whatever it says"
        raise UsageError(f"{file}: {what}; give the .json file that lies beside it")
    text = _text(file)
    readers = {".json": bmiptools.translation, ".toml": pystack3d.translation}
    read = readers.get(file.suffix.lower())
    if read is None:
        known = "the .json of a bmiptools pipeline, or the .toml of PyStack3D"
        raise UsageError(f"{file}: is of no program that is known here; give {known}")
    try:
        found = read(text, file.stem)
    except (ValueError, RecursionError, TypeError) as error:
        why = "a value is of another kind than it must be" if type(error) is TypeError else error
        raise UsageError(
            f"{file}: cannot be understood ({why}); give the file as it was"
        ) from error
    if not found.steps:
        why = "; ".join(found.left_out) or "it has no steps"
        raise UsageError(f"{file}: nothing in it has an equal here ({why})")
    return found


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise UsageError(f"{file}: {what}; give the path of the file") from error
    if len(source) > MAX_BYTES:
        what = f"is larger than {MAX_BYTES // 1024**2} MB, which no such file is"
        raise UsageError(f"{file}: {what}; give the file of the pipeline itself")
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file}: is not UTF-8 text; give the file as it was") from error
