"""One function for each command: options in, exit status out."""

from __future__ import annotations

import argparse
import json
import logging
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackmend import words
from stackmend.cli.streams import say
from stackmend.errors import InputError, OutputError, StepError, UsageError

if TYPE_CHECKING:
    from stackmend.api import RunResult

# Each command imports what it needs, so that --help and a mistyped option answer at once.


def run(options: argparse.Namespace) -> int:
    """``stackmend run``."""
    from stackmend import api

    result = _followed(
        options, api.run, backend=options.backend, scheduler=options.scheduler, shard=options.shard
    )
    if result.record is None:
        then = f"when all parts are done: stackmend finish {options.protocol}"
        say(f"stackmend: part {options.shard} is done; {then}", sys.stderr)
        return 0
    return _told(options, result.folder)


def finish(options: argparse.Namespace) -> int:
    """``stackmend finish``."""
    from stackmend import api

    return _told(options, _followed(options, api.finish).folder)


def _followed(
    options: argparse.Namespace, command: Callable[..., RunResult], **how: Any
) -> RunResult:
    """A run, with what it tells on the way; and how to go on with it, if it ends early."""
    from stackmend.cli.progress import listening

    _silence_libraries()
    begun = False
    try:
        with listening(options.show) as listener:

            def told(kind: str, fields: Mapping[str, Any]) -> None:
                nonlocal begun
                begun = begun or kind == "started"
                listener(kind, fields)

            given = {"input": options.input, "output": options.output, "set": dict(options.set)}
            return command(options.protocol, **given, workers=options.workers, listener=told, **how)
    except (InputError, StepError, OutputError) as error:
        if begun:
            error.add_note(f"continue with: {options.again}")
        raise


def _told(options: argparse.Namespace, folder: Path) -> int:
    """The outcome of a run, as the options want it told."""
    from stackmend import api
    from stackmend.cli.progress import say_event
    from stackmend.cli.summary import slice_facts, stack_paths

    if options.show == "json":
        source = api.show(folder)
        kept = ("name", "input", "output", "searches", "truth", "warnings", "times")
        facts: dict[str, Any] = {
            "folder": words.short_path(folder),
            "stack": [words.short_path(each) for each in stack_paths(folder)],
        }
        facts |= {name: source.record[name] for name in kept}
        facts["slices"] = slice_facts(source.record, source.slices)
        say_event("result", facts)
    elif options.show != "quiet":
        say(_summary(folder), sys.stdout)
    return 0


def show(options: argparse.Namespace) -> int:
    """``stackmend show``."""
    say(_summary(options.run), sys.stdout)
    return 0


def _summary(run: Path) -> str:
    from stackmend import api
    from stackmend.cli.summary import summary_text

    source = api.show(run)
    width = shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100
    try:
        return summary_text(source.record, source.slices, source.folder, width)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"is not as a run writes it ({type(error).__name__}: {error})"
        raise InputError(f"{source.folder / 'run.json'}: {what}; run the protocol again") from error


def check(options: argparse.Namespace) -> int:
    """``stackmend check``."""
    from stackmend import api
    from stackmend.cli.messages import framed
    from stackmend.errors import StackmendError

    _silence_libraries()
    findings = api.check(
        options.protocol, input=options.input, output=options.output, set=dict(options.set)
    )
    problems, status, message = findings.draft.problems, 0, None
    try:
        findings.raise_problems()
    except StackmendError as error:
        status, message = error.exit_status, str(error)
        problems = getattr(error, "problems", problems)
    if options.format == "json":
        stack = (
            {"label": findings.reader.label, "shape": findings.reader.shape}
            if findings.reader
            else None
        )
        content = {
            "file": str(options.protocol),
            "status": status,
            "stack": stack,
            "problems": [asdict(p) for p in problems],
        }
        if status and not problems:
            content["message"] = message
        print(json.dumps(content, indent=2, ensure_ascii=False))
        return status
    if problems:
        print(framed(findings.draft.name, problems, ran=None))
    if status and (message is not None and status != 3):
        print(f"stackmend: {message}", file=sys.stderr)
    if not status:
        reader = findings.reader
        extent = (
            f"; {reader.label}: {' x '.join(map(str, reader.shape))} {reader.dtype}"
            if reader
            else ""
        )
        print(f"{options.protocol.name}: no errors{extent}")
    return status


def report(options: argparse.Namespace) -> int:
    """``stackmend report``."""
    from stackmend import api

    print(words.short_path(api.report(options.run)))
    return 0


def figures(options: argparse.Namespace) -> int:
    """``stackmend figures``."""
    from stackmend import api

    for file in api.figures(
        options.run, format=options.format, dpi=options.dpi, output=options.output
    ):
        print(words.short_path(file))
    return 0


def plan(options: argparse.Namespace) -> int:
    """``stackmend plan``."""
    from stackmend import api
    from stackmend.cli.outlook import told
    from stackmend.result.record import plain

    _silence_libraries()
    given = {name: getattr(options, name) for name in ("input", "output", "workers", "memory")}
    outlook = api.plan(options.protocol, set=dict(options.set), **given)
    if options.format == "json":
        print(json.dumps(outlook.as_dict(), indent=2, default=plain, ensure_ascii=False))
    else:
        print(told(outlook, words.short_path(outlook.output["path"])))
    return 0


def steps(options: argparse.Namespace) -> int:
    """``stackmend steps``."""
    from stackmend import registry
    from stackmend.cli.messages import explained, listed

    if options.name is None:
        print(listed(registry.steps()))
        print()
        print(listed(registry.losses()))
        return 0
    catalogues = (registry.steps(), registry.losses())
    catalogue = next((each for each in catalogues if options.name in each.names()), catalogues[0])
    try:
        component = catalogue.get(options.name)
    except registry.RegistryError as error:
        raise UsageError(str(error)) from error
    print(explained(component, catalogue.origin(options.name)))
    return 0


def schema(_: argparse.Namespace) -> int:
    """``stackmend schema``."""
    from stackmend import api

    print(json.dumps(api.schema(), indent=2, ensure_ascii=False))
    return 0


def init(options: argparse.Namespace) -> int:
    """``stackmend init``."""
    from stackmend import api

    _silence_libraries()
    print(api.init(options.stack), end="")
    return 0


def _silence_libraries() -> None:
    """What tifffile logs about damaged files is said in our own messages."""
    logging.getLogger("tifffile").setLevel(logging.CRITICAL + 1)
