"""``stackmend tune``: parameters by eye, on a page in the browser, before anything is run."""

from __future__ import annotations

import os
import socket
import sys
import threading
import webbrowser
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from stackmend.addresses import Address, as_path, full_text
from stackmend.cli.init import check_name
from stackmend.cli.options import Options, add_memory, add_replacements
from stackmend.cli.terminal.streams import escape, json_text, message_line, say
from stackmend.errors import InputError, UsageError
from stackmend.words import size

if TYPE_CHECKING:
    from stackmend.tuner.access import Access
    from stackmend.tuner.opening import Subject

HELP = "see what parameters do, on a page in the browser, and save them"

_SAMPLE = 4096  # bytes by which a text is told from a stack
_PORTS = 65535


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the verb takes."""
    parser.add_argument(
        "subject", type=as_path, metavar="PROTOCOL_OR_STACK", help="a YAML file, or a stack"
    )
    add_replacements(parser)
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="of the page (default: one that is free)"
    )
    parser.add_argument(
        "--no-browser",
        dest="browser",
        action="store_false",
        help="only print the address, for a browser that is elsewhere",
    )
    add_memory(parser, "what all results may take that are remembered, for instance 2GB")


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else 0
    if not 1 <= number <= _PORTS:
        raise ArgumentTypeError(f"must be a whole number from 1 to {_PORTS}, got {text}")
    return number


def main(options: Options) -> int:
    """Serve the page until Ctrl-C, which is how it is meant to end."""
    from stackmend.tuner import require_packages

    require_packages()
    from stackmend.tuner.serving import Server

    server = Server(_subject(options), port=options.port, memory=options.memory)
    try:
        here = options.browser and _has_screen()
        _say_where(server.access, here=here)
        most = f"results are remembered up to {size(server.memory)} (--memory)"
        say(message_line(f"{most}; Ctrl-C ends it"), sys.stderr)
        if here:
            webbrowser.open(server.access.address_once)
        threading.Event().wait()
    except KeyboardInterrupt:
        say(message_line("ended; what was saved is in its files"), sys.stderr)
    finally:
        server.close()
    return 0


def _subject(options: Options) -> Subject:
    """What the page is for: what can be read as text is a protocol, all else a stack.

    Raises
    ------
    UsageError, ProtocolError
        If a protocol cannot be read at all.
    InputError
        If there is no such stack.
    """
    from stackmend import api
    from stackmend.tuner.opening import protocol_subject, stack_subject

    path = options.subject
    if _is_protocol(path):
        return protocol_subject(path, input=options.input, set=dict(options.set))
    if not isinstance(path, Address) and not path.exists():
        raise InputError(f"{path}: there is no such file or folder; give a protocol or a stack")
    if options.input or options.set:
        raise UsageError(
            "--input, --set: replace what a protocol says, got a stack; leave them out"
        )
    check_name(path)

    def write(progress: Callable[[str], None]) -> str:
        return escape(api.init(path, progress=progress))

    return stack_subject(str(path), json_text(full_text(path)), write)


def _is_protocol(path: Path) -> bool:
    if isinstance(path, Address) or path.is_dir():
        return False
    if path.suffix.lower() in (".yaml", ".yml"):
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        sample = file.read(_SAMPLE)
    try:
        return "\0" not in sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start > _SAMPLE - 4  # a letter that the sample cuts off


def _say_where(access: Access, *, here: bool) -> None:
    """Print the address, and how it is reached from another computer."""
    say(message_line(f"the page is at {access.address}"), sys.stderr)
    if not here:
        tunnel = f"ssh -L {access.port}:127.0.0.1:{access.port} {socket.gethostname()}"
        say(message_line(f"from another computer: {tunnel}"), sys.stderr)
        say(message_line("and open that address there"), sys.stderr)


def _has_screen() -> bool:
    """Whether a browser would have a window, and not take the terminal."""
    windows = sys.platform in ("win32", "darwin", "cygwin")
    return windows or any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
