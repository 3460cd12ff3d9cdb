"""Writing the protocol that is being edited to a new file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any, NamedTuple

from stackmend import disk
from stackmend.addresses import Address, as_path
from stackmend.errors import OutputError, ProtocolError, UsageError
from stackmend.preview.controls import step_controls
from stackmend.preview.document import Document, alternatives
from stackmend.protocol import examine
from stackmend.protocol.effective import rebased
from stackmend.protocol.freezing import Origin, frozen
from stackmend.result import atomic, names
from stackmend.words import command_text

SUFFIXES = (".yaml", ".yml")
"""How the name of a protocol may end; the first is added where it does not."""


class Saved(NamedTuple):
    """Where a protocol was saved, and the command that runs it."""

    path: Path
    command: str


def save(
    document: Document,
    name: str,
    *,
    folder: Path | None = None,
    replace: bool = False,
    freeze: bool = False,
    origins: Mapping[str, Origin] | None = None,
) -> Saved:
    """Write the protocol to a file; relative paths in it then lead from there to the same places.

    Parameters
    ----------
    document
        What is being edited.
    name
        Of the file; ``.yaml`` is added where it has no such ending.
    folder
        Where it goes, relative to that of the protocol, which is the default.
    replace
        Whether a file of that name may be replaced.
    freeze
        Whether values on the screen take the place of sweeps, so that nothing is searched.
    origins
        Where searches have chosen values, by full name; written beside those that are frozen.

    Raises
    ------
    ProtocolError
        If the protocol has errors.
    UsageError
        If the name is none of a file, or a sweep cannot be frozen.
    OutputError
        If there is such a file already, or it cannot be written.
    """
    path = _place(document, name, folder)
    text = rebased(document.text, document.base, path.parent)
    try:
        found = _examined(text, path)
        if freeze:
            sound = replaced(document, text=text, base=path.parent)
            text = frozen_text(sound, origins or {})
            _examined(text, path)
    except OSError as error:
        what = f"cannot be written ({error.strerror or error})"
        raise OutputError(f"{path}: {what}; {disk.remedy(error)}") from error
    atomic.write_new(path, text, replace=replace)
    words: list[object] = ["stackmend", "run", path]
    if not found:
        words += ["--output", path.parent / "results" / path.stem]
    return Saved(path, command_text(*words))


def frozen_text(document: Document, origins: Mapping[str, Origin]) -> str:
    """The text with the values that are on the screen in the place of its sweeps."""
    known = alternatives(document.data)
    taken = document.alternative or next(iter(known), None)
    values: dict[str, Any] = {}
    for step in step_controls(document):
        if step["alternative"] in (None, taken):
            for each in step["parameters"]:
                if each["sweep"] is not None:
                    values[f"{step['id']}.{each['name']}"] = each["value"]
    return frozen(document.text, values, alternative=taken, origins=origins)


def _examined(text: str, path: Path) -> bool:
    """Whether a sound protocol says where its result goes."""
    trial = disk.part_of(path)
    try:
        atomic.write_text(trial, text)
        draft = examine(trial, base=path.parent)
    finally:
        trial.unlink(missing_ok=True)
        disk.part_of(trial).unlink(missing_ok=True)
    errors = [problem for problem in draft.problems if problem.severity == "error"]
    if errors or draft.protocol is None:
        raise ProtocolError(path.name, errors)
    return draft.protocol.output.path is not None


def _place(document: Document, name: str, folder: Path | None) -> Path:
    """The file that is meant, in a folder in which a protocol may lie."""
    if not name.strip(" .") or not name.isprintable() or set(name) & set("/\\"):
        raise UsageError(f"name: must be that of a file, without a folder, got {name!r}; change it")
    if not name.lower().endswith(SUFFIXES):
        name += SUFFIXES[0]
    where = (document.base / folder.expanduser() if folder else document.base).resolve()
    if not where.is_dir():
        raise UsageError(f"folder: {where} is no folder; make it, or choose another one")
    if (where / names.RECORD).exists():
        raise UsageError(f"folder: {where} is the result of a run; choose another one")
    section = document.data.get("input") if isinstance(document.data, dict) else None
    given = section.get("path") if isinstance(section, dict) else None
    source = as_path(given) if isinstance(given, str) else None
    if source is not None and not isinstance(source, Address):
        stack = (document.base / source.expanduser()).resolve()
        if where == stack or stack in where.parents:
            raise UsageError(
                f"folder: {where} is in the stack, which is never written to; choose another"
            )
    return where / name
