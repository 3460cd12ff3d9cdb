"""The result folder: filled out of sight, then put in place as a whole.

A run works in ``.partial`` inside the result folder. What an earlier run left is untouched until everything new is
complete; then the parts change places one by one, the old ones kept in ``.previous`` until the last has moved.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from stackmend.errors import OutputError, Problem
from stackmend.protocol import Protocol

RECORD = "run.json"
_PARTIAL = ".partial"
_PREVIOUS = ".previous"


@dataclass(frozen=True)
class Workspace:
    """A result folder and the place in it where a run works."""

    folder: Path

    @property
    def partial(self) -> Path:
        """Where the run writes."""
        return self.folder / _PARTIAL

    def problems(self, protocol: Protocol, needed_bytes: int) -> list[Problem]:
        """What stands against writing results into this folder."""
        path = ("output", "path")
        existing = self.folder
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            return [protocol.text.problem(path, f"{existing} is a file; choose a folder for the results")]
        if not _writable(existing):
            return [protocol.text.problem(path, f"{existing} cannot be written to; choose another folder")]
        foreign = existing == self.folder and any(self.folder.iterdir())
        known = any((self.folder / name).exists() for name in (RECORD, _PARTIAL, _PREVIOUS))
        if foreign and not known:
            what = f"{self.folder} holds files that are no result of a run; choose a new or empty folder"
            return [protocol.text.problem(path, what)]
        free = shutil.disk_usage(existing).free
        if needed_bytes > free:
            what = f"the result takes {needed_bytes / 1e9:.1f} GB, {existing} has {free / 1e9:.1f} GB free; make room"
            return [protocol.text.problem(path, what)]
        return []

    def open(self) -> None:
        """Make the folder ready for a new run; the remains of an unfinished one are cleared away.

        Raises
        ------
        OutputError
            If that cannot be done.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._settle()
            if self.partial.exists():
                shutil.rmtree(self.partial)
            self.partial.mkdir()
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be prepared ({error.strerror}); choose another folder") from error

    def publish(self) -> None:
        """Put everything from the partial result in its place, the record last.

        Raises
        ------
        OutputError
            If that cannot be done; old and new parts are then all still there.
        """
        previous = self.folder / _PREVIOUS
        try:
            previous.mkdir()
            parts = sorted(self.partial.iterdir(), key=lambda part: (part.name == RECORD, part.name))
            for old in sorted(self.folder.iterdir(), key=lambda part: (part.name != RECORD, part.name)):
                if _is_result(old.name):
                    old.replace(previous / old.name)
            for part in parts:
                part.replace(self.folder / part.name)
            self.partial.rmdir()
            shutil.rmtree(previous)
        except OSError as error:
            raise OutputError(f"{self.folder}: the result cannot be put in place ({error}); run again") from error

    def _settle(self) -> None:
        """Undo a publication that was cut off: without a record the old parts come back."""
        previous = self.folder / _PREVIOUS
        if not previous.exists():
            return
        if not (self.folder / RECORD).exists():
            for old in previous.iterdir():
                target = self.folder / old.name
                if target.is_dir():
                    shutil.rmtree(target)
                old.replace(target)
        shutil.rmtree(previous)


def _is_result(name: str) -> bool:
    known = (RECORD, "protocol.yaml", "losses.csv", "slices.csv", "log.jsonl", "report.html")
    return name in known or name.split(".")[0] in ("stack", "truth")


def _writable(folder: Path) -> bool:
    probe = folder / ".stackmend-probe"
    try:
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True
