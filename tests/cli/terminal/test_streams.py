"""Nothing that a terminal would obey goes out."""

from __future__ import annotations

import io
import json
import sys

import pytest

from stackmend.cli.terminal.streams import escape, json_text, message_line, say

FOREIGN = "mind\tthe \x1b[31mgap\x9b2J\u202e"


def test_texts_lose_what_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"one\n{FOREIGN}\nthree", sys.stdout)
    assert capsys.readouterr().out == "one\nmind the \\x1b[31mgap\\x9b2J\\u202e\nthree\n"
    assert message_line("two\nlines") == "stackmend: two lines"


def test_lines_go_out_in_one_piece() -> None:
    """An interrupt comes before all of them or after, but not within."""
    stream = Pieces()
    say("one\ntwo", stream)
    assert stream.pieces == ["one\ntwo\n"]


class Pieces(io.StringIO):
    """A stream that keeps what it was given, write by write."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.pieces.append(text)
        return super().write(text)


def test_json_and_protocols_escape_it() -> None:
    value = {"name": FOREIGN, "odd": "\udcff\n"}
    text = json_text(value, indent=2)
    assert all(line.isprintable() for line in text.split("\n"))
    assert json.loads(text) == value
    assert escape("a\nb\x9b") == "a\nb\\u009b"
