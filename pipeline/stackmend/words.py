"""Numbers, sizes, durations, lists and foreign texts as a person reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_GLUE = "\u00a0"


def printable(text: str) -> str:
    r"""A text with nothing in it that a terminal would obey: escapes stand for that.

    Line breaks, tabs and blanks of other kinds become plain blanks.

    Examples
    --------
    >>> print(printable("mind\nthe \x1b[31mgap\u202e"))
    mind the \x1b[31mgap\u202e
    """
    return text if text.isprintable() else "".join(map(_harmless, text))


def in_place(text: str) -> str:
    r"""The same, character for character, so that places in the text stay where they are.

    Examples
    --------
    >>> in_place("mind\nthe \x1b[31mgap")
    'mind the ?[31mgap'
    """
    harmless = map(_harmless, text)
    return "".join(each if len(each) == 1 else "?" for each in harmless)


def _harmless(character: str) -> str:
    if character.isprintable():
        return character
    if character.isspace():
        return " "
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a name that is no text
        return f"\\x{code - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def command_text(*words: object) -> str:
    r"""A command as a shell takes it, whatever is in its words.

    Examples
    --------
    >>> print(command_text("stackmend", "run", "my file.yaml", "\x1b1"))
    stackmend run 'my file.yaml' $'\0331'
    """
    return " ".join(_quoted(str(word)) for word in words)


def _quoted(word: str) -> str:
    if word.isprintable():
        return shlex.quote(word)
    parts = []
    for character in word:
        if character in "'\\":
            parts.append(f"\\{character}")
        elif character.isprintable():
            parts.append(character)
        else:
            parts += [f"\\{byte:03o}" for byte in character.encode("utf-8", "surrogateescape")]
    return f"$'{''.join(parts)}'"


def glue(text: str) -> str:
    """A text at whose spaces no line is broken, until ``unglue`` makes them plain."""
    return text.replace(" ", _GLUE)


def unglue(text: str) -> str:
    """A text whose lines are broken already, with plain spaces only."""
    return text.replace(_GLUE, " ")


def count(number: int) -> str:
    """A whole number, in groups of three from five digits on.

    Examples
    --------
    >>> count(1234), count(1234567)
    ('1234', '1 234 567')
    """
    return f"{number:,}".replace(",", " ") if abs(number) >= 10000 else str(number)


def counted(number: int, what: str) -> str:
    """A number of things.

    Examples
    --------
    >>> counted(1, "slice"), counted(2, "slice")
    ('1 slice', '2 slices')
    """
    return f"{count(number)} {what}{'s' * (number != 1)}"


def figure(value: float) -> str:
    """A measured number to two digits, or whole.

    Examples
    --------
    >>> figure(0.0123), figure(3.42), figure(148.3)
    ('0.012', '3.4', '148')
    """
    return count(round(value)) if abs(value) >= 9.95 else f"{value:.2g}"


def percent(fraction: float) -> str:
    """A fraction in percent.

    Examples
    --------
    >>> percent(0.0312)
    '3.1 %'
    """
    return f"{figure(100 * fraction)} %"


def duration(seconds: float) -> str:
    """How long something takes.

    Examples
    --------
    >>> [duration(seconds) for seconds in (0.54, 4.24, 59.7, 200, 4320)]
    ['0.54 s', '4.2 s', '1 min 0 s', '3 min 20 s', '1 h 12 min']
    """
    if seconds < 0.995:
        return f"{max(seconds, 0):.2f} s"
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    if round(seconds) < 60:
        return f"{round(seconds)} s"
    if round(seconds) < 3600:
        return "{} min {} s".format(*divmod(round(seconds), 60))
    return "{} h {} min".format(*divmod(round(seconds / 60), 60))


def size(number: float) -> str:
    """Bytes in the unit in which they are a short number.

    Examples
    --------
    >>> size(310), size(8.25e9), size(512_000_000)
    ('310 bytes', '8.2 GB', '512 MB')
    """
    for unit, name in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if number >= unit:
            digits = 1 if number < 100 * unit else 0
            return f"{number / unit:.{digits}f} {name}"
    return f"{number:.0f} bytes"


def value(given: Any) -> str:
    """A parameter's value as a protocol would have it, numbers to six digits.

    Examples
    --------
    >>> value(0.1 + 0.2), value(True), value(None), value([4, 50.0]), value({"y": [0, 9]})
    ('0.3', 'true', 'none', '[4, 50]', '{y: [0, 9]}')
    """
    if given is None:
        return "none"
    if isinstance(given, bool):
        return str(given).lower()
    if isinstance(given, float):
        return f"{given:.6g}"
    if isinstance(given, Mapping):
        return f"{{{', '.join(f'{name}: {value(each)}' for name, each in given.items())}}}"
    if isinstance(given, list | tuple):
        return f"[{', '.join(map(value, given))}]"
    return str(given)


def few(things: Iterable[Any], most: int = 10) -> str:
    """The first of some things, and how many more there are.

    Examples
    --------
    >>> few(["a", "b", "c"]), few(range(9), 2)
    ('a, b, c', '0, 1 and 7 more')
    """
    names = [str(thing) for thing in things]
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def short_path(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path.absolute())


def file_name(text: str) -> str:
    """A text as the name of a file on any system.

    Examples
    --------
    >>> file_name("cell 3: dark/bright")
    'cell-3-dark-bright'
    """
    return re.sub(r"[^\w.-]+", "-", text).strip("-.") or "unnamed"
