"""``stackmend configs``: the protocols that come with stackmend."""

from __future__ import annotations

from argparse import ArgumentParser

from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import answer

HELP = "list the protocols that come with stackmend, or print one"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument("name", nargs="?", metavar="NAME", help="a protocol to print")


def main(options: Options) -> int:
    """Print the list, or the protocol."""
    from stackmend import api

    if options.name is not None:
        answer(api.config(options.name).removesuffix("\n"))
        return 0
    width = max(map(len, api.configs()))
    answer("\n".join(f"{name:<{width}}  {what}" for name, what in api.configs().items()))
    return 0
