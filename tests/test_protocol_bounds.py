"""Protocols that are no protocols: whatever is in them, the answer comes soon and is short."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from commands import Main, posix
from stackmend import protocol
from stackmend.cli.problems import problem_facts, problems_text

HEAD = "protocol: 1\n"
CHAIN = "chain: [{step: standardize}, {step: destandardize}]\n"
NESTED = "".join(f"{name}: &{name} [{', '.join(9 * [f'*{before}'])}]\n"
                 for before, name in zip("abcdefgh", "bcdefghi", strict=True))  # fmt: skip

ABSURD = {
    "wrong steps in one line": (
        f"{HEAD}chain: [{', '.join(f'{{step: wrong{n}}}' for n in range(4000))}]\n",
        "has 4000 entries, of which 200 were looked at",
    ),
    "one step again and again": (
        f"{HEAD}chain: [{', '.join(4000 * ['{step: standardize}'])}]\n",
        "standardize is in the chain already",
    ),
    "unknown keys": (
        HEAD + CHAIN + "".join(f"key{number}: 1\n" for number in range(18000)),
        "has 18002 keys, of which 200 were looked at",
    ),
    "unknown parameters": (
        f"{HEAD}chain:\n- step: standardize\n" + "".join(f"  k{n}: 1\n" for n in range(18000)),
        "standardize has no such parameter",
    ),
    "wrong values": (
        f"{HEAD}{CHAIN}input: {{slices: [{', '.join(40000 * ['-1'])}]}}\n",
        "must be",
    ),
    "tags": (f"{HEAD}chain: [{', '.join(20000 * ['!!x 1'])}]\n", "are not allowed"),
    "brackets": ("[" * 100_000, "nested "),
    "braces": ("{a: " * 60_000, "nested "),
    "dashes": ("- " * 100_000, "nested "),
    "questions": ("? " * 100_000, "nested "),
    "aliases": (f"a: &a [{', '.join(9 * 'x')}]\n{NESTED}", "expands to more than 50000 values"),
    "a long step": (f"{HEAD}chain: [{{step: {200_000 * 's'}}}]\n", "no step named sss"),
    "a long key": (f"{HEAD}{CHAIN}'{450 * 'k '}': 1\n", "no such key here"),
    "much text": (HEAD + 300_000 * "#", "is larger than 256 kB"),
}


@pytest.mark.parametrize(("text", "said"), ABSURD.values(), ids=list(ABSURD))
def test_problems_are_bounded(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(text, encoding="utf-8")
    problems = protocol.examine(file).problems
    shown = problems_text(file.name, problems, ran=False)
    assert said in shown
    assert len(shown) < 50_000
    assert len(json.dumps(problem_facts(problems))) < 100_000


def test_the_first_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_text(f"{HEAD}{CHAIN}" + "".join(f"key{n}: 1\n" for n in range(150)))
    problems = protocol.examine(file).problems
    lines = problems_text(file.name, problems, ran=False).splitlines()
    assert lines[0] == "p.yaml: 150 problems, nothing was run"
    assert lines[-1] == "and 100 more; mend these first"
    assert sum("no such key here" in line for line in lines) == 50
    facts = problem_facts(problems)
    assert (len(facts["problems"]), facts["problem_count"]) == (50, 150)


@posix
def test_a_pipe_is_no_protocol(
    main: Main, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has no end to be read to, or nobody writes into it."""
    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "/dev/zero"):
        assert main("check", name) == 2
        assert "is a pipe or a device, not a file; save the protocol" in capsys.readouterr().err
