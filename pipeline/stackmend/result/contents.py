"""What there is of a run, finished or as far as it has come, and how to go on with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmend.errors import InputError
from stackmend.result import names
from stackmend.result.journal import shards_text
from stackmend.result.previews import Previews
from stackmend.result.record import Record, SearchRecord
from stackmend.result.rows import LossRow, SliceRow
from stackmend.words import command_text


@dataclass(frozen=True)
class Progress:
    """How far a run has come, as its log says; empty where it does not.

    ``wanted`` is how many slices are to be restored, once that has begun, ``total`` how many by all
    parts of the run together; ``given`` is where the protocol lies and what
    the command line added to it, ``sharded`` that it is one of several parts. ``error`` and
    ``message`` say what has stopped it.
    """

    protocol: str = ""
    command: tuple[str, ...] = ()
    wanted: int | None = None
    total: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    sharded: bool = False
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class Result:
    """A run in the words of its files; parts that are not there are empty.

    ``finished_record`` is ``None`` where only an unfinished run is there; ``interrupted_since``
    says that a later run into the same folder was begun and has not ended. ``altered`` says which
    of the files are not as the run left them.
    """

    folder: Path
    finished_record: Record | None = field(default=None, repr=False)
    interrupted_since: bool = False
    losses: Sequence[LossRow] = field(default=(), repr=False)
    slices: Sequence[SliceRow] = field(default=(), repr=False)
    events: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    previews: Previews = field(default_factory=Previews, repr=False)
    shards: Sequence[Mapping[str, Any]] = ()
    altered: Sequence[str] = ()

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.finished_record is not None

    @property
    def record(self) -> Record:
        """The record of the finished run.

        Raises
        ------
        InputError
            If it has not ended: how far it is, and the command that goes on with it.
        """
        if self.finished_record is None:
            raise InputError(self._unfinished())
        return self.finished_record

    @property
    def searches(self) -> tuple[SearchRecord, ...]:
        """The records of the searches; none while the run is unfinished."""
        return self.finished_record.searches if self.finished_record else ()

    @property
    def name(self) -> str:
        """What people call the run."""
        named = self.finished_record.name if self.finished_record else ""
        return named or self.progress.protocol or self.folder.name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run has warned of, and what has been altered since."""
        if self.finished_record:
            since = [f"{what} since the run; run it again" for what in self.altered]
            return (*self.finished_record.warnings, *since)
        return tuple(str(event.get("message", "")) for event in self._events("warning"))

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        found: dict[str, Any] = {}
        for event in self._events("started"):
            found = {
                "protocol": str(event.get("protocol", "")),
                "command": tuple(map(str, event.get("command", ()))),
                "total": event.get("slices"),
                "given": event.get("given", {}),
                "sharded": "shard" in event,
            }
        for event in self._events("application started"):
            found["wanted"] = event.get("slices")
        for event in self._events("stopped"):
            found["error"] = str(event.get("error", ""))
            found["message"] = str(event.get("message", ""))
        return Progress(**found)

    def _events(self, kind: str) -> Iterator[Mapping[str, Any]]:
        return (event for event in self.events if event.get("event") == kind)

    def picture(self, name: str) -> bytes | None:
        """A picture of the run, by its name in ``previews``; ``None`` if it is not there."""
        file = self.folder / names.PREVIEWS / Path(name).name
        return file.read_bytes() if file.is_file() else None

    def _unfinished(self) -> str:
        progress = self.progress
        reached, advice = "no slice is done yet", "run the same protocol again to continue"
        if progress.wanted:
            reached = f"{len(self.slices)} of {progress.wanted} slices done"
        if progress.sharded:
            reached = f"{len(self.slices)} of {progress.total} slices done"
            reached = "; ".join(filter(None, (reached, shards_text(self.shards))))
            what = f"the run there is not joined ({reached})"
            join = same_command("finish", progress.given)
            if len(self.slices) == progress.total:
                return f"{self.folder}: {what}; join its parts: {join}"
            part = same_command("run", progress.given, "--shard", "I/N")
            return f"{self.folder}: {what}; run the parts that are missing: {part}; then: {join}"
        if progress.command[1:2] == ("run",):
            advice = f"continue with: {command_text('stackmend', *progress.command[1:])}"
        what = f"the run there is not finished ({reached})"
        return f"{self.folder}: {what}; wait for it, or {advice}"


def same_command(verb: str, given: Mapping[str, Any], *more: str) -> str:
    """A command for the same protocol, stack and result, as a shell takes it."""
    words = ["stackmend", verb, _no_option(str(given.get("file", "PROTOCOL")))]
    for name in ("input", "output"):
        if given.get(name) is not None:
            words += [f"--{name}", _no_option(str(given[name]))]
    values = given.get("set")
    for key, value in values.items() if isinstance(values, Mapping) else ():
        words += ["--set", f"{key}={value}"]
    return command_text(*words, *more)


def _no_option(path: str) -> str:
    """A path that no program takes for an option."""
    return f"./{path}" if path.startswith("-") else path
