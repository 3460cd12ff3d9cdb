"""Numbers, durations and foreign texts as a person reads them."""

from __future__ import annotations

GLUE = "\u00a0"
"""Stands for a space at which no line may be broken, until the text is printed."""


def printable(text: str) -> str:
    """A text of somebody else's, character for character, with nothing in it that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)


def unglued(text: str) -> str:
    """A text whose lines are broken already, with plain spaces only."""
    return text.replace(GLUE, " ")


def count(number: int) -> str:
    """A whole number, in groups of three from five digits on."""
    return f"{number:,}".replace(",", GLUE) if abs(number) >= 10000 else str(number)


def counted(number: int, what: str) -> str:
    """A number of things: ``1 slice``, ``2 slices``."""
    return f"{count(number)} {what}{'s' * (number != 1)}"


def figure(value: float) -> str:
    """A measured number to two digits, or whole."""
    return count(round(value)) if abs(value) >= 9.95 else f"{value:.2g}"


def percent(fraction: float) -> str:
    """A fraction in percent."""
    return f"{figure(100 * fraction)}{GLUE}%"


def duration(seconds: float) -> str:
    """How long something took: ``0.54 s``, ``4.2 s``, ``3 min 20 s``, ``1 h 12 min``."""
    if seconds < 9.95:
        text = f"{max(seconds, 0):.{1 if seconds >= 0.995 else 2}f} s"
    elif round(seconds) < 60:
        text = f"{round(seconds)} s"
    elif round(seconds) < 3600:
        text = "{} min {} s".format(*divmod(round(seconds), 60))
    else:
        text = "{} h {} min".format(*divmod(round(seconds / 60), 60))
    return text.replace(" ", GLUE)
