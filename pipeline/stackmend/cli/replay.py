"""``stackmend replay``: a run made again from its record, and held against it."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from stackmend.addresses import as_path
from stackmend.cli.follow import follow
from stackmend.cli.options import Options, add_follow, add_result, add_tolerance, add_workers
from stackmend.cli.terminal.streams import answer
from stackmend.cli.verify import DIFFERENT, verification_lines

HELP = "make a run again from its record, without its search, and hold the pixels against it"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_result(parser)
    parser.add_argument(
        "--input", type=as_path, metavar="PATH", help="the stack, if it is elsewhere by now"
    )
    parser.add_argument(
        "--output", type=Path, metavar="PATH", help="a new result folder (default: RUN-replay)"
    )
    parser.add_argument(
        "--search-again",
        action="store_true",
        help="choose the values again, and do not take those of the record",
    )
    add_tolerance(parser)
    add_workers(parser)
    add_follow(parser)


def main(options: Options) -> int:
    """Make the run again, and say whether it is the same."""
    with follow(options) as listener:
        from stackmend import api

        found = api.replay(
            options.run,
            input=options.input,
            output=options.output,
            search_again=options.search_again,
            tolerance=options.tolerance,
            workers=options.workers,
            listener=listener,
        )
    status = DIFFERENT if found.different else 0
    if options.follow == "json":
        from stackmend.cli.terminal.events import say_event

        say_event("result", {**found.to_json(), "status": status})
    elif options.follow != "quiet" or status:
        answer("\n".join(verification_lines(found)))
    return status
