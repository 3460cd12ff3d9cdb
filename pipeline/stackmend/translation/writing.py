"""A protocol from another program, and its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import wrap
from typing import Any

from stackmend import words

_PLAIN = re.compile(r"[A-Za-z_./][\w./ -]*[\w./]|[A-Za-z_]")
_WORDS = {"true", "false", "null"}

BY_HAND = "its settings are not taken over, so add by hand the step"
"""Said of what a step does, where it is set in another way."""


@dataclass
class Translation:
    """What is known so far of a protocol that is taken over.

    Attributes
    ----------
    program
        Where it comes from.
    name
        Of the protocol.
    input, output
        Sections, as they are to be written.
    steps
        Entries of the chain.
    optimize
        Searches, each naming its steps.
    left_out
        What has no equal here, each with the reason.
    notes
        What means something else here, or was decided.
    """

    program: str
    name: str
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] = field(default_factory=dict)
    steps: list[dict[str, Any]] = field(default_factory=list)
    optimize: list[dict[str, Any]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, step: str, **parameters: Any) -> str:
        """Add a step to the chain; the id that it has there."""
        count = sum(each.get("step") == step for each in self.steps)
        own = {"id": f"{step}_{count + 1}"} if count else {}
        self.steps.append({"step": step, **own, **parameters})
        return own.get("id", step)


def protocol_text(found: Translation) -> str:
    """The protocol as YAML, with what is to be known of it at its head."""
    lines = ["# yaml-language-server: $schema=protocol.schema.json"]
    lines += _comment(f"Taken over from {found.program}.", "")
    for heading, said in (("Has no equal here:", found.left_out), ("Note:", found.notes)):
        if said:
            lines.append(f"# {heading}")
        for each in said:
            lines += _comment(each, "- ")
    lines += ["protocol: 1", f"name: {_value(found.name)}"]
    for key, section in (("input", found.input), ("output", found.output)):
        if section:
            lines += ["", f"{key}:", *_mapping(section, 2)]
    lines += ["", "chain:"]
    for step in found.steps:
        lines += _item(step)
    if found.optimize:
        lines += ["", "optimize:"]
        for entry in found.optimize:
            lines += _item(entry) if len(found.optimize) > 1 else _mapping(entry, 2)
    return "\n".join([*lines, ""])


def _comment(text: str, mark: str) -> list[str]:
    first, further = f"# {mark}", f"# {' ' * len(mark)}"
    plain = words.printable(text)
    return wrap(plain, 100, initial_indent=first, subsequent_indent=further) or [first.rstrip()]


def _item(entry: Mapping[str, Any]) -> Iterator[str]:
    """An entry of a list, its first key behind the dash."""
    lines = _mapping(entry, 4)
    if "one_of" in entry:
        lines = ["    one_of:", *_mapping(entry["one_of"], 6)]
    for index, line in enumerate(lines):
        yield f"  - {line[4:]}" if index == 0 else line


def _mapping(section: Mapping[str, Any], indent: int) -> list[str]:
    return [f"{' ' * indent}{name}: {_value(value)}" for name, value in section.items()]


def _value(value: Any) -> str:
    """A value as YAML, within a line."""
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name}: {_value(each)}' for name, each in value.items())}}}"
    if isinstance(value, str):
        plain = _PLAIN.fullmatch(value) and value.lower() not in _WORDS
        return value if plain else json.dumps(value, ensure_ascii=False)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(_value, value))}]"
    return json.dumps(value)
