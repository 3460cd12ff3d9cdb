"""The result folder: filled out of sight, then put in place as a whole.

Inside the result folder a run works in ``.stackmend/partial``. Publication moves the earlier result
to ``previous``, renames ``partial`` to ``complete`` (the point of no return), and moves its parts
up. A publication cut off before that point is undone when the folder is next opened, one cut off
after it is finished: old or new, never a mixture. Only names that are a run's own are ever moved or
deleted, and links are never followed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stackmend.errors import OutputError
from stackmend.result import atomic, locks, names
from stackmend.words import size

_JUNK = (".ds_store", "thumbs.db", "desktop.ini")  # what file managers leave wherever they look


@dataclass(frozen=True)
class Workspace:
    """A result folder and the place in it where a run works."""

    folder: Path

    @property
    def partial(self) -> Path:
        """Where the run writes."""
        return self._work / names.PARTIAL

    @property
    def journal(self) -> Path:
        """Where the run notes what it has finished."""
        return self._work / names.ENTRIES

    @property
    def _work(self) -> Path:
        return self.folder / names.WORK

    @property
    def _lock_file(self) -> Path:
        return self._work / names.LOCK

    @property
    def _complete(self) -> Path:
        return self._work / names.COMPLETE

    @property
    def _previous(self) -> Path:
        return self._work / names.PREVIOUS

    def objection(self, source: Path | None, needed_bytes: int) -> str | None:
        """What stands against results here of a run that reads ``source``, in a sentence.

        Nothing is written to find out.
        """
        try:
            return next(self._objections(source, needed_bytes), None)
        except OSError as error:
            what = f"cannot be looked into ({error.strerror})"
            return f"{self.folder} {what}; choose another folder"

    def _objections(self, source: Path | None, needed_bytes: int) -> Iterator[str]:
        existing = next(path for path in (self.folder, *self.folder.parents) if path.exists())
        if not existing.is_dir():
            yield f"{existing} is a file; choose a folder for the results"
            return
        if not os.access(existing, os.W_OK | os.X_OK):
            yield f"{existing} cannot be written to; choose another folder"
        if existing == self.folder:
            yield from self._foreign()
        # that the input is the result itself is known from the protocol, and said there
        inner: tuple[str, ...] = ()
        if source and self.folder in source.parents:
            inner = source.relative_to(self.folder).parts
        if inner and (inner[0] == names.WORK or (len(inner) > 1 and inner[0] in names.STACKS)):
            what = f"the input lies in {inner[0]}, which this run would replace"
            yield f"{what}; choose another folder"
        for parent in self.folder.parents:
            if parent.name in (*names.STACKS, names.WORK) and _is_result(parent.parent):
                yield f"{parent} belongs to the result of another run; choose another folder"
        free = shutil.disk_usage(existing).free
        if needed_bytes > free:
            room = f"{existing} has {size(free)} free"
            yield f"the result takes {size(needed_bytes)}, {room}; make room"

    def _foreign(self) -> Iterator[str]:
        """Objections to a folder that holds what no run has written there."""
        entries = (entry.name for entry in self.folder.iterdir())
        others = sorted(name for name in entries if name.casefold() not in _JUNK)
        if others and not _is_result(self.folder):
            what = f"holds files that are no result of a run ({others[0]})"
            yield f"{self.folder} {what}; choose a new or empty folder"
        for name in names.STACKS:
            stack = self.folder / name
            if name.endswith(".zarr") or stack.is_symlink() or not stack.is_dir():
                continue
            for entry in sorted(stack.iterdir()):
                image = entry.suffix.casefold() in (".tif", ".tiff") and not entry.is_dir()
                if not image and entry.name.casefold() not in _JUNK:
                    yield f"{entry} would be deleted with the earlier result; move it away first"

    @property
    def alone(self) -> bool:
        """Whether no other run can be at work here."""
        return locks.alone(self._lock_file)

    @property
    def busy(self) -> bool:
        """Whether another run is at work here."""
        return locks.taken(self._lock_file)

    def open(self, *, shared: bool = False) -> None:
        """Make the folder ready for a run; what an unfinished one has left is kept.

        Parameters
        ----------
        shared
            Others who say the same may be at work here. The first of them is alone until it says
            ``share``.

        Raises
        ------
        OutputError
            If that cannot be done, or another run is at work there.
        """
        try:
            if shared:
                locks.join(self._lock_file, lambda: (self.journal / names.BEGUN).exists())
            else:
                locks.exclude(self._lock_file)
            if self.alone:
                self._settle()
                self._clean()
        except locks.InUse as error:
            what = "another run is writing into this folder"
            raise OutputError(
                f"{self.folder}: {what}; wait for it, or choose another folder"
            ) from error
        except OSError as error:
            what = f"cannot be prepared ({error.strerror or error})"
            raise OutputError(f"{self.folder}: {what}; choose another folder") from error

    def _clean(self) -> None:
        if self.partial.is_symlink():
            _remove(self.partial)
        self.partial.mkdir(exist_ok=True)
        for half_written in self.partial.rglob(atomic.HALF_WRITTEN):
            half_written.unlink()

    def share(self) -> None:
        """Let others in who opened this folder as shared."""
        locks.share(self._lock_file)

    def close(self) -> None:
        """Leave the folder with nothing of this run in it."""
        locks.release(self._lock_file)
        _remove(self._work)

    def clear(self) -> None:
        """Remove the stacks that an unfinished run has left."""
        for name in names.STACKS:
            _remove(self.partial / name)

    def publish(self, *, stacks: bool = True) -> None:
        """Put everything from the partial result in its place.

        Parameters
        ----------
        stacks
            Whether there are new stacks; otherwise those of the earlier result stay.

        Raises
        ------
        OutputError
            If that cannot be done; the earlier result is then there again, or will be when the
            folder is next opened.
        """
        try:
            if not stacks:
                self.clear()
            self._set_aside({*names.PARTS} if stacks else {*names.PARTS} - {*names.STACKS})
            self.partial.replace(self._complete)
            self._finish()
        except BaseException as error:
            with suppress(OSError):
                self._settle()
            if not isinstance(error, OSError):
                raise
            raise OutputError(
                f"{self.folder}: the result cannot be put in place ({error}); run again"
            ) from error

    def _set_aside(self, ours: set[str]) -> None:
        self._previous.mkdir()
        ours |= {part.name for part in self.partial.iterdir()}
        for old in _record_last(self.folder)[::-1]:
            if old.name in ours:
                old.replace(self._previous / old.name)

    def _finish(self) -> None:
        for part in _record_last(self._complete):
            part.replace(self.folder / part.name)
        _remove(self._previous)  # before the mark that there is nothing to undo
        self._complete.rmdir()
        self.close()

    def _settle(self) -> None:
        """Finish or undo a publication that was cut off."""
        if self._complete.exists():
            self._finish()
            locks.exclude(self._lock_file)
        elif self._previous.exists():
            for old in _record_last(self._previous):
                old.replace(self.folder / old.name)
            self._previous.rmdir()


def _is_result(folder: Path) -> bool:
    """Whether a run has written here: its record lies there, or its place of work."""
    if (folder / names.WORK).is_dir():
        return True
    try:
        record = json.loads((folder / names.RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and "record" in record


def _record_last(folder: Path) -> list[Path]:
    """The contents of a folder, the record at the end: what lies beside a record is complete."""
    return sorted(folder.iterdir(), key=lambda part: (part.name == names.RECORD, part.name))


def _remove(path: Path) -> None:
    """Delete a file, a folder or a link (not what it leads to), if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bytes_in(path: Path) -> int:
    """What a file, or all files of a folder, hold."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
