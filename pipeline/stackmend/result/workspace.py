"""The result folder: filled out of sight, then put in place as a whole.

Inside the result folder a run works in ``.stackmend/partial``. Publication moves the earlier result
to ``previous``, renames ``partial`` to ``complete`` (the point of no return), and moves its parts
up. A publication cut off before that point is undone when the folder is next opened, one cut off
after it is finished: old or new, never a mixture. What fails its gates is published like that into
a folder beside. Only names that are a run's own are ever moved or deleted, and links are never
followed.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stackmend import disk
from stackmend.errors import OutputError
from stackmend.result import locks, names


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
        if self._work.is_symlink():
            what = f"{names.WORK} in it is a link, and a run would write where it leads"
            raise OutputError(f"{self.folder}: {what}; remove it, or choose another folder")
        try:
            if shared:
                locks.join(self._lock_file, lambda: (self.journal / names.BEGUN).exists())
            else:
                locks.exclude(self._lock_file)
            if self.alone:
                if self._settle():
                    locks.exclude(self._lock_file)
                self._clean()
        except locks.InUse as error:
            what = "another run is writing into this folder"
            raise OutputError(
                f"{self.folder}: {what}; wait for it, or choose another folder"
            ) from error
        except OSError as error:
            what = f"cannot be prepared ({error.strerror or error})"
            raise OutputError(f"{self.folder}: {what}; {disk.remedy(error)}") from error

    def _clean(self) -> None:
        """Remove half-written files, and links, through which a run would write elsewhere."""
        for place, folders, files in os.walk(self._work):
            for entry in (Path(place, name) for name in (*folders, *files)):
                if entry.is_symlink() or entry.match(disk.HALF_WRITTEN):
                    _remove(entry)
        self.partial.mkdir(exist_ok=True)

    def leave(self) -> None:
        """Let others in, whatever is left here."""
        locks.release(self._lock_file)

    def share(self) -> None:
        """Let others in who opened this folder as shared."""
        locks.share(self._lock_file)

    def close(self) -> None:
        """Leave the folder with nothing of this run in it.

        What says that slices are finished goes first, so that nothing believes it where a kill has
        left it without them, and the lock last.
        """
        self._forget()
        for entry in sorted(self._work.iterdir()):
            if entry != self._lock_file:
                _remove(entry)
        locks.retire(self._lock_file)
        try:
            self._work.rmdir()
        except OSError as error:
            # Who has waited for the lock has made a new one.
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise

    def _forget(self) -> None:
        """Remove the journal of this run, the identity of its work first."""
        (self.journal / names.BEGUN).unlink(missing_ok=True)
        _remove(self.journal)

    def clear(self) -> None:
        """Remove the stacks that an unfinished run has left."""
        for name in names.STACKS:
            _remove(self.partial / name)

    def clear_masks(self) -> None:
        """Remove the masks that an unfinished run has left."""
        for name in names.MASK_PLACES:
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
            disk.make_lasting(self.partial)
            self._set_aside({*names.PARTS} if stacks else {*names.PARTS} - {*names.STACKS})
            self.partial.replace(self._complete)
            disk.make_names_lasting(self._previous, self._work, self.folder)
            self._finish()
        except BaseException as error:
            with suppress(OSError):
                self._settle()
            if not isinstance(error, OSError):
                raise
            raise OutputError(
                f"{self.folder}: the result cannot be put in place ({error}); run again"
            ) from error

    @property
    def rejected(self) -> Path:
        """The folder of a result that does not pass its gates."""
        return self.folder.with_name(f"{self.folder.name}{names.REJECTED}")

    def reject(self) -> None:
        """Put everything into the folder of rejected results; the result in place stays as it is.

        What a kill leaves there before it is in place is no result, and begins anew.

        Raises
        ------
        OutputError
            If that cannot be done.
        """
        other = Workspace(self.rejected)
        other.open()
        try:
            _remove(other.partial)
            self.partial.replace(other.partial)
            other.publish()
        except OSError as error:
            what = f"the rejected result cannot be put there ({error.strerror or error})"
            raise OutputError(f"{other.folder}: {what}; {disk.remedy(error)}") from error
        finally:
            other.leave()
        self.close()
        with suppress(OSError):  # the folder of an earlier result, which stays
            self.folder.rmdir()

    def _set_aside(self, ours: set[str]) -> None:
        self._previous.mkdir()
        ours |= {part.name for part in self.partial.iterdir()}
        for old in _record_last(self.folder)[::-1]:
            if old.name in ours:
                old.replace(self._previous / old.name)

    def _finish(self) -> None:
        for part in _record_last(self._complete):
            part.replace(self.folder / part.name)
        disk.make_names_lasting(self._complete, self.folder)
        self._forget()  # before the mark that there is nothing to undo
        _remove(self._previous)
        self._complete.rmdir()
        self.close()

    def _settle(self) -> bool:
        """Finish or undo a publication that was cut off; whether the run there is then over."""
        if _is_folder(self._complete):
            self._finish()
            return True
        if _is_folder(self._previous):
            for old in _record_last(self._previous):
                old.replace(self.folder / old.name)
            self._previous.rmdir()
        return False

    def recover(self) -> None:
        """Settle a publication that was cut off, unless somebody is at work here.

        Where that cannot be done (the folder may be another's), all stays as it is.
        """
        if self._work.is_symlink() or not (
            _is_folder(self._complete) or _is_folder(self._previous)
        ):
            return
        with suppress(locks.InUse, OSError):
            locks.exclude(self._lock_file)
            try:
                self._settle()
            finally:
                locks.release(self._lock_file)


def _record_last(folder: Path) -> list[Path]:
    """The contents of a folder, the record at the end: what lies beside a record is complete."""
    return sorted(folder.iterdir(), key=lambda part: (part.name == names.RECORD, part.name))


def _is_folder(path: Path) -> bool:
    """Whether there is a folder, and not a link to one."""
    return path.is_dir() and not path.is_symlink()


def _remove(path: Path) -> None:
    """Delete a file, a folder or a link (not what it leads to), if it is there."""
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def bytes_in(path: Path) -> int:
    """What a file, or all files of a folder, hold."""
    return sum(status.st_size for status in _statuses(path))


def bytes_taken_by(path: Path) -> int:
    """What they take on the disk already; of what is only reserved, nothing."""
    taken = 0
    for status in _statuses(path):
        blocks = getattr(status, "st_blocks", None)  # which not all systems tell
        taken += status.st_size if blocks is None else min(status.st_size, 512 * blocks)
    return taken


def _statuses(path: Path) -> Iterator[os.stat_result]:
    files = path.rglob("*") if path.is_dir() else [path]
    return (file.stat() for file in files if file.is_file())
