"""Reading what a run has left, without computing anything."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from stackmend import record
from stackmend.errors import InputError
from stackmend.runner.workspace import RECORD, Workspace


def read_run(run: str | Path) -> tuple[Path, dict[str, Any], list[dict[str, str]]]:
    """The folder of a finished run, its record and the rows of its table of slices.

    Parameters
    ----------
    run
        The result folder, or the record in it.

    Raises
    ------
    InputError
        If there is no finished run, or what it left cannot be read.
    """
    path = Path(run).expanduser()
    folder = path.parent if path.name == RECORD else path
    if not folder.is_dir():
        raise InputError(f"{path}: there is no such folder; give the result folder of a run")
    if not (folder / RECORD).is_file():
        raise InputError(_without_record(folder))
    return folder, _record(folder / RECORD), _rows(folder / "slices.csv")


def _record(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    except ValueError as error:
        raise InputError(f"{path}: is damaged ({error}); run the protocol again") from error
    if not isinstance(content, dict) or not isinstance(content.get("record"), int):
        raise InputError(f"{path}: is not the record of a run; give the result folder of a run")
    if content["record"] > record.FORMAT:
        what = f"its format is {content['record']}, this version of stackmend reads up to {record.FORMAT}"
        raise InputError(f"{path}: {what}; install a newer one")
    return content


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        return record.read_table(path)
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise InputError(f"{path}: {what}; it belongs beside {RECORD}, run the protocol again if it is lost") from error
    except ValueError as error:
        raise InputError(f"{path}: is damaged ({error}); run the protocol again") from error


def _without_record(folder: Path) -> str:
    """What to say of a folder without a record."""
    log = Workspace(folder).partial / "log.jsonl"
    if not log.is_file():
        return f"{folder}: holds no {RECORD}; give the result folder of a run"
    events = list(_events(log))
    wanted = 0
    finished: set[object] = set()
    for event in events:
        if event.get("event") == "application started":
            wanted, finished = event.get("slices", 0), set()
        elif event.get("event") in ("slice", "slice kept"):
            finished.add(event.get("slice"))
    reached = f"{len(finished)} of {wanted} slices done" if wanted else "no slice is done yet"
    commands = [event["command"] for event in events if event.get("event") == "started" and "command" in event]
    return f"{folder}: the run there is not finished ({reached}); {_advice(commands[-1] if commands else [])}"


def _advice(command: list[str]) -> str:
    if command[1:2] == ["run"]:
        return f"wait for it, or continue with: {shlex.join(['stackmend', *command[1:]])}"
    return "wait for it, or run the same protocol again to continue"


def _events(log: Path) -> Iterator[Mapping[str, Any]]:
    """The events of a log; a line that was cut off is passed over."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield event
