"""``stackmend run``: the whole way from a protocol to a restored stack."""

from __future__ import annotations

import sys
from argparse import ArgumentParser

from stackmend.cli.follow import follow, say_outcome
from stackmend.cli.options import (
    Options,
    add_follow,
    add_memory,
    add_protocol,
    add_workers,
)
from stackmend.cli.terminal.streams import message_line, say

HELP = "check, choose parameters, restore the stack, leave record and results"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_protocol(parser)
    add_workers(parser)
    parser.add_argument(
        "--backend",
        choices=("loky", "dask"),
        default="loky",
        help="processes here, or a Dask cluster",
    )
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of the Dask cluster, for instance tcp://127.0.0.1:8786",
    )
    add_memory(parser)
    parser.add_argument(
        "--shard", metavar="I/N", help="restore only the I-th of N parts; 'finish' joins them"
    )
    add_follow(parser)


def main(options: Options) -> int:
    """Carry out a protocol, or a shard of it."""
    with follow(options) as listener:
        from stackmend import api

        result = api.run(
            **options.given,
            workers=options.workers,
            backend=options.backend,
            scheduler=options.scheduler,
            memory=options.memory,
            shard=options.shard,
            listener=listener,
        )
    if result.record is None:
        then = f"when all parts are done: {options.command_for('finish')}"
        say(message_line(f"part {options.shard} is done; {then}"), sys.stderr)
    else:
        say_outcome(result.folder, options.follow, listener)
    return 0
