"""Mutated protocols: whatever is wrong with one is said, never by a traceback.

``python tests/fuzz/protocols.py [COUNT] [SEED]`` looks at so many; a few hundred are among the
tests. What is mutated are all protocols of this repository, as text and as data.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from stackmend import api
from stackmend.cli.problems import problem_facts, problems_text
from stackmend.cli.terminal.streams import json_text
from stackmend.errors import ProtocolError, StackmendError

ROOT = Path(__file__).parents[2]
SOURCES = [
    *sorted((ROOT / "configs").glob("*.yaml")),
    *sorted(ROOT.glob("tests/protocols/*/*.yaml")),
]
ODD_TEXTS = (
    *("", " ", "\t", "\n", "\r", "\0", "\x1b[2J", "\x85", "\u00a0", "\u2013", "\u201c", "\u202e"),
    *(
        "\ufeff",
        "\ud7ff",
        "\U0001f600",
        "\u0301",
        "%",
        "@",
        "`",
        "&a ",
        "*a",
        "!!python/name:os ",
        "!",
    ),
    *(
        "<<: ",
        "? ",
        "- ",
        ": ",
        "# ",
        "---\n",
        "...\n",
        "|\n",
        ">\n",
        "[",
        "]",
        "{",
        "}",
        ",",
        "'",
        '"',
    ),
    *(
        "\\",
        "~",
        "null",
        "yes",
        "0x1F",
        "0o17",
        "1e400",
        "-.inf",
        ".nan",
        "1_000",
        "12:30:45",
        "9" * 500,
    ),
    *("../" * 40, "~nobody/x", "/dev/null", "CON", "a" * 5000, "${HOME}", "{{7*7}}"),
)
ODD_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1,
        2**63,
        -(2**63),
        10**400,
        0.1,
        -0.0,
        1e308,
        float("inf"),
        float("nan"),
    ),
    *([], {}, [[]], [None], {"": None}, {"sweep": []}, {"sweep": {}}, {"sweep": [None]}, [1] * 300),
    *({"sweep": {"from": 1, "to": 1, "count": 2}}, {"sweep": {"from": 9, "to": 1, "count": 1000}}),
    *({"sweep": {"from": 0, "to": 1, "count": 3, "scale": "log"}}, {"name": "grid"}, {"name": []}),
    *(
        "all",
        "0:10:0",
        "::-1",
        "5:2",
        "slices",
        "skip",
        "standardize",
        {"instead": []},
        {"x": [0, 0]},
    ),
)


def mutated(sources: list[str], chance: random.Random) -> str:
    """A protocol with one to three mutations, of its text or of its data."""
    text = chance.choice(sources)
    for _ in range(chance.randint(1, 3)):
        change = chance.choice((_edited, _edited, _spliced, _changed, _changed, _changed))
        text = change(text, sources, chance)
    return text


def _edited(text: str, _: list[str], chance: random.Random) -> str:
    """Some characters removed, doubled, or replaced by odd ones."""
    start = chance.randrange(len(text) + 1)
    end = min(len(text), start + chance.choice((0, 0, 1, 1, 2, 5, 40)))
    put = chance.choice((chance.choice(ODD_TEXTS), text[start:end] * 2, ""))
    return text[:start] + put + text[end:]


def _spliced(text: str, sources: list[str], chance: random.Random) -> str:
    """Lines of another protocol among its own."""
    lines, others = text.splitlines(keepends=True), chance.choice(sources).splitlines(keepends=True)
    first = chance.randrange(len(others) + 1)
    place = chance.randrange(len(lines) + 1)
    lines[place:place] = others[first : first + chance.randint(1, 8)]
    return "".join(lines)


def _changed(text: str, _: list[str], chance: random.Random) -> str:
    """A value, a key or an entry of its data replaced, moved, doubled or removed."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError):
        return text
    places = list(_places(data))
    if not places:
        return text
    owner, key = chance.choice(places)
    match chance.randrange(4):
        case 0:
            owner[key] = chance.choice(ODD_VALUES)
        case 1:
            owner[key] = chance.choice(ODD_TEXTS)
        case 2:
            other, name = chance.choice(places)
            owner[key] = other[name]
        case _:
            del owner[key]
    try:
        return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)
    except (yaml.YAMLError, RecursionError):
        return text


def _places(data: Any, depth: int = 0) -> list[tuple[Any, Any]]:
    """Every value of the data, as what holds it and its key there."""
    if depth > 20 or not isinstance(data, dict | list):
        return []
    found = []
    for key in list(data) if isinstance(data, dict) else range(len(data)):
        found += [(data, key), *_places(data[key], depth + 1)]
    return found


def look(file: Path) -> str:
    """Look at a protocol as ``check`` does, also at its stack; what came of it, in a word."""
    try:
        found = api.check(file)
        facts = problem_facts(found.draft.problems)
        assert all(line.isprintable() for line in json_text(facts, indent=1).split("\n"))
        shown = problems_text(file.name, found.draft.problems, ran=None)
        assert all(line.isprintable() for line in shown.split("\n"))
        found.raise_problems()
    except ProtocolError:
        return "problems"
    except StackmendError as error:
        return type(error).__name__
    return "fine"


def fuzz(count: int, seed: int, tell: Callable[[str], None] = lambda _: None) -> list[str]:
    """Look at so many mutated protocols; the texts of those that end in a traceback."""
    chance, outcomes, failures = random.Random(seed), Counter[str](), []
    sources = [file.read_text(encoding="utf-8") for file in SOURCES]
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "p.yaml"
        for number in range(count):
            text = mutated(sources, chance)
            file.write_bytes(text.encode("utf-8", "surrogatepass"))
            try:
                outcomes[look(file)] += 1
            # Any other exception is what is looked for.
            except Exception:  # noqa: BLE001 - see above
                failures.append(text)
                tell(f"{number}: {traceback.format_exc(limit=-4)}\n{text[:2000]}\n")
        assert os.listdir(place) == [file.name]
    tell(f"{count} protocols, seed {seed}: {dict(outcomes)}, {len(failures)} tracebacks")
    return failures


if __name__ == "__main__":
    given = [int(each) for each in sys.argv[1:]]
    raise SystemExit(bool(fuzz(*(given or [8000]), *([] if given[1:] else [0]), tell=print)))
