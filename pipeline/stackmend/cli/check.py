"""``stackmend check``: every problem of a protocol at once."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from stackmend.cli.options import Options, add_format, add_protocol
from stackmend.cli.problems import problems_text
from stackmend.cli.terminal.streams import json_text, message_line, say
from stackmend.errors import Problem, ProtocolError, StackmendError

if TYPE_CHECKING:
    from stackmend.api import CheckResult

HELP = "report every problem of a protocol and its stack; compute nothing"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_protocol(parser)
    add_format(parser)


def main(options: Options) -> int:
    """Print what was found; the exit status that a run would have."""
    from stackmend import api

    found = api.check(**options.given)
    error = _error_of(found)
    problems = error.problems if isinstance(error, ProtocolError) else found.draft.problems
    if options.format == "json":
        say(json_text(_facts(options, found, problems, error), indent=2), sys.stdout)
        return error.exit_status if error else 0

    if problems:
        say(problems_text(found.draft.name, problems, ran=None), sys.stdout)
    if error is None:
        say(f"{options.protocol.name}: no errors{_extent_text(found)}", sys.stdout)
        for note in found.reader.notes if found.reader else ():
            say(f"note: {note}", sys.stdout)
        return 0
    if not isinstance(error, ProtocolError):
        say(message_line(str(error)), sys.stderr)
    return error.exit_status


def _error_of(found: CheckResult) -> StackmendError | None:
    """The error that would stop a run."""
    try:
        found.raise_problems()
    except StackmendError as error:
        return error
    return None


def _facts(
    options: Options,
    found: CheckResult,
    problems: Sequence[Problem],
    error: StackmendError | None,
) -> dict[str, Any]:
    """What was found, for programs."""
    facts = {
        "file": options.protocol,
        "status": error.exit_status if error else 0,
        "stack": _stack_facts(found),
        "problems": [asdict(problem) for problem in problems],
    }
    return facts | ({"message": str(error)} if error and not problems else {})


def _stack_facts(found: CheckResult) -> dict[str, Any] | None:
    reader = found.reader
    if reader is None:
        return None
    return {
        "label": reader.label,
        "shape": reader.shape,
        "pixel_size_nm": reader.metadata.pixel_size,
        "pixel_size_source": reader.metadata.source,
        "notes": reader.notes,
    }


def _extent_text(found: CheckResult) -> str:
    reader = found.reader
    if reader is None:
        return ""
    extent = f"{' x '.join(map(str, reader.shape))} {reader.dtype}"
    return f"; {reader.label}: {extent}, {reader.metadata.text}"
