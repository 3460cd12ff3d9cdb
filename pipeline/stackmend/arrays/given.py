"""A protocol and an array held together: what a run of one on the other would work with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from joblib import cpu_count

from stackmend.arrays.stack import ArrayStack
from stackmend.errors import UsageError, WrongValue
from stackmend.job import Job, examine_stack
from stackmend.protocol import CommandLine, Input, Protocol, examine
from stackmend.protocol.migration import in_newest_format
from stackmend.protocol.text import parse
from stackmend.result import origin_of
from stackmend.result.encoding import as_json, plain
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Listener, Log
from stackmend.stacks import Facts, Reader
from stackmend.stacks.given import facts_from
from stackmend.tuning.session import Session
from stackmend.workers.processes import Threads

GivenProtocol = str | Path | Mapping[str, Any]
"""The path of a protocol, its text (of several lines, or JSON), or its content as a mapping."""

_FILES = (
    *(("input", key) for key in ("path", "phantom", "dataset", "axes")),
    *(("output", key) for key in ("path", "format", "compression", "pyramid")),
)
"""What a protocol says of files counts for nothing where arrays stand for them."""


def job_of(
    protocol: GivenProtocol, stack: ArrayStack, set: Mapping[str, Any] | None, caller: str
) -> Job:
    """What a run of a protocol on an array would work with.

    Raises
    ------
    UsageError
        If the protocol cannot be read, or a value that is set has no place in it.
    ProtocolError
        With all its problems.
    InputError
        If the array cannot be used.
    """
    file, text, given = text_of(protocol, caller)
    without = [*_FILES]
    if stack.channel_axis is None:
        without.append(("input", "channel"))
    if stack.alone:
        without.append(("input", "slices"))
    values = {str(name): _as_yaml(value) for name, value in (set or {}).items()}
    draft = examine(file, text=text, set=values, base=Path(), given=given, without=without)

    def opened(checked: Protocol) -> tuple[Reader, ...]:
        return stack.readers(facts_of(checked.input))

    return examine_stack(draft, opened).job(written=False)


def facts_of(given: Input) -> Facts:
    """What a protocol says of its stack."""
    return facts_from(given.pixel_size, given.spacing, given.flip, given.data_bar)


def session_of(job: Job, workers: int | None, listener: Listener | None) -> Session:
    """What its searches and surveys have in common; nothing is kept of them."""
    threads = Threads(workers or cpu_count())
    session = Session(job, Log(None, listener), threads, Journal(None), Ledger())
    for problem in job.protocol.warnings:
        session.log.warn(f"{problem.path}: {problem.message}")
    return session


def text_of(protocol: GivenProtocol, caller: str) -> tuple[Path, str | None, CommandLine | None]:
    """Its name as a file, its text if it is none, and what the command line had added to it."""
    if isinstance(protocol, Mapping):
        return Path("protocol"), _dumped(protocol, caller), None
    if isinstance(protocol, str) and ("\n" in protocol or protocol.lstrip().startswith("{")):
        return Path("protocol"), protocol, None
    if not isinstance(protocol, (str, Path)):
        what = "must be the path of a protocol, its text or a mapping"
        raise WrongValue(f"{caller}: protocol {what}, got {type(protocol).__name__}")
    file = Path(protocol)
    origin = origin_of(file)
    if origin is None:
        return file, None, None
    return file, None, {"input": None, "output": None, "set": origin["set"]}


def content_of(protocol: GivenProtocol, caller: str) -> Mapping[str, Any]:
    """What stands in a protocol, as far as it can be read; what is wrong with it is said later."""
    file, text, _ = text_of(protocol, caller)
    try:
        read = file.read_text(encoding="utf-8") if text is None else text
        data = parse(in_newest_format(read)).data
    except (OSError, UnicodeDecodeError):
        return {}
    return data if isinstance(data, dict) else {}


def _dumped(protocol: Mapping[str, Any], caller: str) -> str:
    try:
        return yaml.safe_dump(as_json(dict(protocol)), sort_keys=False, allow_unicode=True)
    except (TypeError, ValueError, RecursionError, UnicodeError) as error:
        what = f"must be a mapping of plain values ({error})"
        raise WrongValue(f"{caller}: protocol {what}") from error


def _as_yaml(value: Any) -> str:
    """A value that is set, as the command line would have it."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, default=plain)
    except (TypeError, ValueError) as error:
        raise UsageError(f"set: {error}; give plain values") from error
