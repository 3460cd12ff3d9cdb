"""The files of ``tests/protocols``: good ones pass, bad ones are refused as they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stackmend import api

FOLDER = Path(__file__).parent / "protocols"
VALID = sorted((FOLDER / "valid").glob("*.yaml"))
INVALID = sorted((FOLDER / "invalid").glob("*.yaml"))

EXPECTED = re.compile(r"# (\d+):(\d+) (.*?)(?:^| ?)-- (.+)")


def expected_problems(text: str) -> list[tuple[int, int, str, str]]:
    """What the comments at the top of a file say.

    They read ``# LINE:COLUMN PATH -- text that the message contains``.
    """
    expected = []
    for line in text.split("\n"):
        match = EXPECTED.fullmatch(line)
        if match is None:
            break
        expected.append((int(match[1]), int(match[2]), match[3].strip(), match[4]))
    return expected


def test_there_are_enough():
    assert len(VALID) >= 10
    assert len(INVALID) >= 40


@pytest.mark.parametrize("file", VALID, ids=lambda file: file.stem)
def test_valid(file):
    assert api.check(file).draft.problems == ()


@pytest.mark.parametrize("file", INVALID, ids=lambda file: file.stem)
def test_invalid(file):
    expected = expected_problems(file.read_text(encoding="utf-8"))
    found = api.check(file).draft.problems
    assert expected
    assert [(p.line, p.column, p.path) for p in found] == [
        (line, column, path) for line, column, path, _ in expected
    ]
    for problem, (_, _, _, message) in zip(found, expected, strict=True):
        assert message in problem.message
        assert problem.severity == "error"
