"""Plain words for what the YAML parser and the schema validator have to say."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml
from jsonschema.exceptions import ValidationError

Path = tuple[str | int, ...]

Complaint = tuple[Path, str, bool]
"""Path, message, and whether it is the key rather than the value that is wrong."""

NAMING = ("step", "id")
"""Keys of a chain entry that are not parameters."""

# What the parser says of its context and of the problem, what that means, and whether the place
# that is meant is where the context begins. The words are those of libyaml.
_SYNTAX = (
    ("", "maximum nesting", "nested too deeply; a protocol needs five levels", False),
    (
        "",
        "mapping values are not allowed",
        "a second colon here; check the indentation, or quote the text",
        False,
    ),
    (
        "parsing a flow",
        "",
        "this bracket is not closed, or a comma is missing after it; complete it",
        True,
    ),
    ("", "unexpected end of stream", "this quote is not closed; add the other one", True),
    ("", "escape", "in double quotes a \\ is special; use single quotes, or / in paths", False),
    (
        "simple key",
        "expected ':'",
        "a colon and a space are missing in this line; write key: value",
        True,
    ),
    (
        "parsing a block",
        "",
        "does not fit the lines before it; check indentation, brackets and quotes",
        False,
    ),
)

_NO_BLANK = re.compile(r"[A-Za-z]\w*:\S")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_SWEEP = "must be one value, {sweep: [values]} or {sweep: {from: 4, to: 50, count: 3}}"
_BOOLEAN_WORDS = ("yes", "no", "on", "off", "y", "n")


def syntax_error(error: yaml.MarkedYAMLError, lines: Sequence[str]) -> tuple[str, Any]:
    """What is wrong with a text as YAML, and the mark of the place."""
    context, problem = error.context or "", error.problem or ""
    mark = error.problem_mark or error.context_mark
    if mark and "cannot start any token" in problem:
        before = lines[mark.line][: mark.column + 1] if mark.line < len(lines) else ""
        if before.endswith("\t"):
            return "not valid YAML: a tab cannot indent; use spaces", mark
        return f"not valid YAML: a text cannot begin with {before[-1:]}; put it in quotes", mark
    for in_context, in_problem, message, at_context in _SYNTAX:
        if in_context in context and in_problem in problem:
            return f"not valid YAML: {message}", (
                error.context_mark if at_context else None
            ) or mark
    return (
        f"not valid YAML: {' '.join(part for part in (context, problem) if part)}; correct it",
        mark,
    )


def schema_error(error: ValidationError) -> Iterator[Complaint]:
    """What is wrong with a value: one complaint for each mistake of the author."""
    path: Path = tuple(error.absolute_path)
    schema: Any = error.schema
    given: Any = error.instance
    if error.validator == "additionalProperties":
        yield from _unknown_keys(path, schema, given)
    elif error.validator == "required":
        yield from _missing_keys(path, schema, given)
    elif not path and error.validator == "type":
        what = (
            "there is nothing in this file"
            if given is None
            else "a protocol is a mapping of keys and values"
        )
        yield path, f"{what}; 'stackmend init' prints a protocol to start from", False
    else:
        yield path, str(schema.get("errorMessage", error.message)) + _hint(error), False


def _unknown_keys(
    path: Path, schema: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Complaint]:
    if (
        schema.get("required") == ["sweep"]
        and "sweep" not in given
        and not _meaning("sweep", schema, given)
    ):
        return  # a sweep is what is missing, and that is said once
    owner = schema.get("title") if path else None
    for name in given:
        if name not in schema["properties"]:
            what = f"{owner} has no such parameter" if owner else "no such key here"
            yield (*path, name), what + suggestion(name, _offered(schema)), True


def _missing_keys(
    path: Path, schema: Mapping[str, Any], given: Mapping[str, Any]
) -> Iterator[Complaint]:
    for name in schema["required"]:
        meant = _meaning(name, schema, given)
        if name in given or (meant and schema.get("additionalProperties") is False):
            continue  # a misspelt key is an unknown one: that is said once
        if meant:
            yield (*path, meant), f"no such key here; did you mean {name}?", True
        elif name == "sweep":
            yield path, _SWEEP, False
        else:
            yield (*path, name), f"{name} is missing; add it", False


def _meaning(name: str, schema: Mapping[str, Any], given: Mapping[str, Any]) -> str | None:
    """The unknown key that seems to stand for ``name``."""
    unknown = (key for key in given if key not in schema.get("properties", {}))
    return next((key for key in unknown if nearest(key, [*_offered(schema), name]) == name), None)


def _offered(schema: Mapping[str, Any]) -> list[str]:
    return [name for name in schema.get("properties", {}) if name not in NAMING]


def _hint(error: ValidationError) -> str:
    """What the author probably meant by a value of a wrong kind."""
    value, schema = error.instance, error.schema
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if error.validator == "pattern" and isinstance(schema, Mapping) and "lengths" in schema:
        return _hint_at_text(str(value), "number", (), schema["lengths"])
    if error.validator not in ("type", "enum"):
        return ""
    if isinstance(value, dict) and "sweep" in value:
        return "; it cannot be swept, give one value"
    if isinstance(value, list) and _is_sweepable(error):
        return "; to try several values write {sweep: [...]}"
    if value is None and kind is not None:
        return "; no value is given here"
    if isinstance(value, str):
        known: Any = error.validator_value if error.validator == "enum" else ()
        return _hint_at_text(value, kind, [each for each in known if isinstance(each, str)])
    if kind == "string" and isinstance(value, int | float):
        return "; this is not a text: put it in quotes"
    return ""


def _hint_at_text(value: str, kind: Any, known: Sequence[str], lengths: str = "") -> str:
    """What the author probably meant by a text that is none of those known, or no text at all.

    ``lengths`` says what texts may stand in the place of the number.
    """
    if near := nearest(value, known):
        return f"; did you mean {near}?"
    if kind in ("object", "array") and _NO_BLANK.match(value):
        return "; a blank is missing after the colon"
    if kind == "boolean" and value.lower() in _BOOLEAN_WORDS:
        return f"; {value} is a word in YAML 1.2"
    if kind in ("number", "integer"):
        if _DECIMAL_COMMA.fullmatch(value):
            return f"; write {value.replace(',', '.')}, with a point"
        also = f", or {lengths}" if lengths else " or unit"
        return f"; this is a text: write the number alone, without quotes{also}"
    return ""


def _is_sweepable(error: ValidationError) -> bool:
    """Whether the error is about a single value of a parameter that may be swept."""
    path, schema_path = list(error.absolute_path), list(error.absolute_schema_path)
    of_step = len(path) > 1 and isinstance(path[-2], int)
    return of_step and schema_path[-2:-1] == ["else"]


def suggestion(name: str, known: Sequence[str]) -> str:
    """The known name that is meant, or all of them if they are few; to be put behind a message."""
    near = nearest(name, known)
    if near:
        return f"; did you mean {near}?"
    return f"; known: {', '.join(known)}" if 0 < len(known) <= 12 else ""


def nearest(name: str, known: Sequence[str]) -> str | None:
    """The known name that differs only a little, if there is one."""
    # Comparing is slow for long texts, and no name is one.
    return next(iter(difflib.get_close_matches(name[:100], known, n=1)), None)
