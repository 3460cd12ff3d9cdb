"""``stackmend finish``: one result from the shards of a run."""

from __future__ import annotations

from argparse import ArgumentParser

from stackmend.cli.follow import follow, say_outcome
from stackmend.cli.options import Options, add_follow, add_protocol, add_workers
from stackmend.errors import Unfinished

HELP = "join what the shards of a run have made; compute nothing"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    add_protocol(parser)
    add_workers(parser)
    add_follow(parser)


def main(options: Options) -> int:
    """Join the shards."""
    with follow(options) as listener:
        from stackmend import api

        try:
            result = api.finish(**options.given, workers=options.workers, listener=listener)
        except Unfinished as error:
            error.add_note(f"a part is run by: {options.command_for('run', '--shard', 'I/N')}")
            raise
    say_outcome(result.folder, options.follow, listener)
    return 0
