"""What stands against results in a folder; nothing is written to find out."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stackmend.result import names
from stackmend.result.journal import Ledger, has_lines
from stackmend.words import size

_CHANNEL = re.compile(r"_c[0-9]+$")
"""What names of slices end with where there are several channels."""

_DESCRIPTION = re.compile(r"zarr\.json|\.z[a-z]+")
_IN_ZARR = re.compile(rf"{_DESCRIPTION.pattern}|stackmend|[0-9]+")
"""What runs put into an OME-Zarr; labels, for instance, may be their owner's."""


def objection(folder: Path, source: Path | None) -> str | None:
    """What speaks against a folder as that of a run that reads ``source``, in a sentence."""
    try:
        return next(_objections(folder, source), None)
    except OSError as error:
        what = f"cannot be looked into ({error.strerror})"
        return f"{folder} {what}; choose another folder"


def hindrance(folder: Path, needed_bytes: int) -> str | None:
    """What hinders writing to a folder now, in a sentence: permission, or room for so much."""
    try:
        existing = _existing(folder)
        if not existing.is_dir():
            return None
        if not os.access(existing, os.W_OK | os.X_OK):
            return f"{existing} cannot be written to; choose another folder"
        free = shutil.disk_usage(existing).free
    except OSError:  # which is said by what cannot be looked into
        return None
    if needed_bytes > free:
        room = f"{existing} has {size(free)} free"
        return f"what is to be written takes {size(needed_bytes)}, {room}; make room"
    return None


def is_result(folder: Path) -> bool:
    """Whether a run has written here: its record or its journal, or its place of work."""
    if (folder / names.WORK).is_dir() or has_lines(folder / names.JOURNAL):
        return True
    return "record" in _record_in(folder)


def _record_in(folder: Path) -> dict[str, Any]:
    """The content of a record; empty where there is none."""
    try:
        record = json.loads((folder / names.RECORD).read_text(encoding="utf-8"))
    # What is nothing but brackets is no record either.
    except (OSError, ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def is_junk(name: str) -> bool:
    """Whether a file is one of those that file managers leave wherever they look."""
    return name.casefold() in (".ds_store", "thumbs.db", "desktop.ini")


def _existing(folder: Path) -> Path:
    return next(path for path in (folder, *folder.parents) if path.exists())


def _objections(folder: Path, source: Path | None) -> Iterator[str]:
    existing = _existing(folder)
    if not existing.is_dir():
        yield f"{existing} is a file; choose a folder for the results"
        return
    if existing == folder:
        yield from _foreign(folder)
    # that the input is the result itself is known from the protocol, and said there
    inner: tuple[str, ...] = ()
    if source and folder in source.parents:
        inner = source.relative_to(folder).parts
    if inner and (inner[0] == names.WORK or (len(inner) > 1 and inner[0] in names.STACKS)):
        what = f"the input lies in {inner[0]}, which this run would replace"
        yield f"{what}; choose another folder"
    for parent in folder.parents:
        if parent.name in (*names.STACKS, names.WORK) and is_result(parent.parent):
            yield f"{parent} belongs to the result of another run; choose another folder"


def _is_own(entry: Path, written: set[str] | None) -> bool:
    """Whether something in a stack is what runs put there, such as those slices."""
    if entry.parent.suffix == ".zarr":
        return _IN_ZARR.fullmatch(entry.name) is not None
    if entry.suffix.casefold() not in (".tif", ".tiff") or entry.is_dir():
        return False
    return written is None or _of_all_channels(entry.name) in written


def _written(folder: Path) -> set[str] | None:
    """The names of the slices that the result says it has, without their channels.

    ``None`` if it does not say so for sure: edited, or a run is about to replace it.
    """
    if (folder / names.WORK).exists():
        return None
    ledger = Ledger().read([folder / names.JOURNAL])
    if ledger.work is None or ledger.doubted:
        return None
    return {_of_all_channels(name) for name in ledger.work["layout"]["names"]}


def _of_all_channels(name: str) -> str:
    file = Path(name)
    return _CHANNEL.sub("", file.stem) + file.suffix


def _foreign(folder: Path) -> Iterator[str]:
    """Objections to a folder that holds what no run has written there."""
    if (folder / names.WORK).is_symlink():
        what = "is a link, and a run would write where it leads"
        yield f"{folder / names.WORK} {what}; remove it, or choose another folder"
    entries = (entry.name for entry in folder.iterdir())
    others = sorted(name for name in entries if not is_junk(name))
    if others and not is_result(folder):
        what = f"holds files that are no result of a run ({others[0]})"
        yield f"{folder} {what}; choose a new or empty folder"
    yield from _foreign_masks(folder)
    written = _written(folder)
    for name in names.STACKS:
        stack = folder / name
        for entry in sorted(stack.iterdir()) if _is_folder(stack) else ():
            labels = entry == folder / names.ZARR / names.LABELS  # which were looked at
            if not labels and not _is_own(entry, written) and not is_junk(entry.name):
                yield _in_the_way(entry)


def _foreign_masks(folder: Path) -> Iterator[str]:
    """Objections to masks and labels that no run has put there, by what its journal says."""
    labels = folder / names.ZARR / names.LABELS
    places = [folder / name for name in names.MASK_PLACES]
    there = [place for place in places if place.is_symlink() or place.exists()]
    # A publication that was cut off has left the journal in one of these.
    work = folder / names.WORK
    results = (folder, work / names.COMPLETE, work / names.PREVIOUS)
    if there and not any(map(_has_masks, results)):
        yield from map(_in_the_way, there)
        return
    beside = rf"{_DESCRIPTION.pattern}|{names.MASKS}"
    for place, ours in ((labels, beside), (labels / names.MASKS, _IN_ZARR.pattern)):
        for entry in sorted(place.iterdir()) if _is_folder(place) else ():
            if not re.fullmatch(ours, entry.name) and not is_junk(entry.name):
                yield _in_the_way(entry)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _has_masks(folder: Path) -> bool:
    """Whether a run says that it has put masks there: in its journal, else in its record."""
    work = Ledger().read([folder / names.JOURNAL]).work
    if work is not None:
        return bool(work["beside"]["masks"])
    output = _record_in(folder).get("output")
    return isinstance(output, dict) and bool(output.get("masks"))


def _in_the_way(entry: Path) -> str:
    return f"{entry} would be deleted with the earlier result; move it away first"
