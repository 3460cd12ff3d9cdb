"""One function for each command: options in, exit status out."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

from stackmend.errors import UsageError

# Each command imports what it needs, so that --help and a mistyped option answer at once.


def run(options: argparse.Namespace) -> int:
    """``stackmend run``."""
    from stackmend import api
    from stackmend.cli.messages import summary
    from stackmend.cli.progress import listening

    _silence_libraries()
    with listening(quiet=options.quiet) as listener:
        result = api.run(
            options.protocol,
            input=options.input,
            output=options.output,
            set=dict(options.set),
            workers=options.workers,
            memory=options.memory,
            shard=options.shard,
            listener=listener,
        )
    if result.record is None or result.stack is None:
        then = f"when all parts are done: stackmend finish {options.protocol}"
        print(f"shard {options.shard} is done; {then}", file=sys.stderr)
        return 0
    if not options.quiet:
        print(summary(result.record, _shown(result.folder), _shown(result.stack)))
    return 0


def check(options: argparse.Namespace) -> int:
    """``stackmend check``."""
    from stackmend import api
    from stackmend.cli.messages import framed
    from stackmend.errors import StackmendError

    _silence_libraries()
    findings = api.check(options.protocol, input=options.input, output=options.output, set=dict(options.set))
    problems, status, message = findings.draft.problems, 0, None
    try:
        findings.raise_problems()
    except StackmendError as error:
        status, message = error.exit_status, str(error)
        problems = getattr(error, "problems", problems)
    if options.format == "json":
        stack = {"label": findings.reader.label, "shape": findings.reader.shape} if findings.reader else None
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
        extent = f"; {reader.label}: {' x '.join(map(str, reader.shape))} {reader.dtype}" if reader else ""
        print(f"{options.protocol.name}: no errors{extent}")
    return status


def plan(options: argparse.Namespace) -> int:
    """``stackmend plan``."""
    from stackmend import api
    from stackmend.cli.outlook import told
    from stackmend.record import plain

    _silence_libraries()
    given = {name: getattr(options, name) for name in ("input", "output", "workers", "memory")}
    outlook = api.plan(options.protocol, set=dict(options.set), **given)
    if options.format == "json":
        print(json.dumps(outlook.as_dict(), indent=2, default=plain, ensure_ascii=False))
    else:
        print(told(outlook, _shown(outlook.output["path"])))
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


def _shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
