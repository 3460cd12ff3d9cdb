"""``stackmend tune``: parameters by eye, on a page in the browser, before anything is run."""

from __future__ import annotations

import sys
import threading
import webbrowser
from argparse import ArgumentParser

from stackmend.addresses import as_path
from stackmend.cli.options import Options
from stackmend.cli.terminal.streams import message_line, say

HELP = "see what parameters do, on a page in the browser; save them as a protocol"


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "subject", type=as_path, metavar="PROTOCOL_OR_STACK", help="a YAML file, or a stack"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="where the page is served")
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="only print the address, for a browser elsewhere",
    )


def main(options: Options) -> int:
    """Serve the page until Ctrl-C."""
    from stackmend.tuner import open_tuner

    server = open_tuner(options.subject, port=options.port)
    try:
        say(message_line(f"the page is at {server.access.address}"), sys.stderr)
        if options.browser:
            webbrowser.open(server.access.address_once)
        threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
    return 0
