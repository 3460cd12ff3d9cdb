"""``stackmend diff``: what two runs differ in."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackmend import words
from stackmend.cli.options import Options, add_format, add_result, add_workers
from stackmend.cli.terminal.streams import answer, json_text

if TYPE_CHECKING:
    from stackmend.api import Comparison

HELP = "say what two runs differ in, and what of that can move pixels"

DIFFERENT = 7
"""Exit status where there is any difference."""

_SHOWN = 20
"""Differences of a kind that are printed at the most."""

_TITLES = {
    "can move pixels": "can move pixels",
    "cannot move pixels": "cannot move pixels",
    "outcome": "what came of them",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument("other", type=Path, metavar="OTHER", help="another result folder")
    add_workers(parser)
    add_format(parser)


def main(options: Options) -> int:
    """Print what was found."""
    from stackmend import api

    found = api.diff(options.run, options.other, workers=options.workers)
    status = DIFFERENT if found.differences else 0
    if options.format == "json":
        answer(json_text({**found.to_json(), "status": status}, indent=2))
    else:
        answer("\n".join(_lines(found)))
    return status


def _lines(found: Comparison) -> Iterator[str]:
    names = [words.short_path(path) for path in (found.first, found.second)]
    count = words.counted(len(found.differences), "difference")
    pixels = "the same pixels" if found.same_pixels else "other pixels"
    yield f"{names[0]} | {names[1]}: {count if found.differences else 'no difference'}, {pixels}"
    for kind, title in _TITLES.items():
        own = [each for each in found.differences if each.moves == kind]
        if own:
            yield f"{title}:"
        for each in own[:_SHOWN]:
            note = f"  ({each.note})" if each.note else ""
            yield f"  {each.section}: {each.what}: {_sides(each.first, each.second)}{note}"
        if len(own) > _SHOWN:
            yield f"  and {len(own) - _SHOWN} more, all in --format json"
    for what, (first, second) in found.beside.items():
        yield f"  beside: {what}: {_sides(first, second)}"


def _sides(first: Any, second: Any) -> str:
    return " | ".join(_short(each) for each in (first, second))


def _short(value: Any) -> str:
    """A value in a few words: of several lines the first."""
    text = value if isinstance(value, str) else words.value(value)
    line, *more = text.strip().split("\n")
    line = f"{line} ..." if more else line
    return f"{line[:77]}..." if len(line) > 80 else line
