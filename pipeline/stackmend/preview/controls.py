"""What can be moved in a protocol, as plain data for a page: from the schemas of its components."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stackmend import registry, resources
from stackmend.preview.document import Document
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.text import DataPath

_TYPICAL = re.compile(r"typical ([-+.\d]+)(?: \([^)]*\))? to ([-+.\d]*\d)")
_LIMITS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_KINDS = {"number": "number", "integer": "integer", "boolean": "boolean", "array": "list"}

Sizes = Sequence[float | None]
"""The size of a voxel in nm, ``(z, y, x)``; ``None`` where it is not known."""

UNKNOWN: Sizes = (None, None, None)


def step_controls(document: Document, sizes: Sizes = UNKNOWN) -> list[dict[str, Any]]:
    """The steps of the chain, and of each of several chains, each with all its parameters.

    Parameters
    ----------
    document
        The protocol; what cannot be understood in it is left out.
    sizes
        Of a voxel. Lengths in px say ``nm_per_unit`` where y and x are the same; where they differ
        there is no one factor, so it is ``None``, and ``nm_per_px`` has both, ``[y, x]``.

    Returns
    -------
    list of dict
        ``step``, ``id``, ``index`` in the chain, ``alternative`` (``None`` outside of ``one_of``),
        ``path``, ``title``, ``description``, ``origin`` (its package), ``problem`` (why the step
        cannot be used, or ``None``) and ``parameters``.
    """
    found = []
    for path, item in _steps(document.data):
        name: str = item["step"]
        reason = registry.steps().reason_unusable(name)
        schema: Mapping[str, Any] = {} if reason else registry.of_entry(item).schema
        id = str(item.get("id", name))
        found.append(
            {
                "step": name,
                "id": id,
                "index": path[1],
                "alternative": path[3] if len(path) > 2 else None,
                "path": list(path),
                "title": name,
                "description": schema.get("description", ""),
                "origin": None if reason else registry.steps().origin(name),
                "problem": reason,
                "parameters": _parameters(document, path, id, item, schema, sizes),
            }
        )
    return found


def search_controls(document: Document, sizes: Sizes = UNKNOWN) -> list[dict[str, Any]]:
    """The losses and strategies of the entries of ``optimize``, with their parameters.

    Returns
    -------
    list of dict
        ``entry`` (from 0), ``kind`` (``loss``, ``also``, ``strategy``), ``name`` (``None`` for no
        second loss), ``choices`` of names, ``default``, ``path`` and otherwise as for steps.
    """
    declared = resources.schema("skeleton")["definitions"]["optimize"]["properties"]
    losses = {each.name: each.schema for each in registry.losses().usable()}
    strategies = {}
    for name in resources.schema_names("strategies"):
        strategies[name] = resources.schema(f"strategies/{name}")
    found = []
    for index, (path, entry) in enumerate(optimize_entries(document.data)):
        for kind, known in (("loss", losses), ("also", losses), ("strategy", strategies)):
            given = entry.get(kind, declared[kind].get("default"))
            item = given if isinstance(given, dict) else {}
            named = item.get("name") if item else given
            schema = known.get(str(named), {})
            found.append(
                {
                    "entry": index,
                    "kind": kind,
                    "name": named,
                    "choices": list(known),
                    "default": declared[kind].get("default"),
                    "path": [*path, kind],
                    "title": kind,
                    "description": schema.get("description", ""),
                    "about": declared[kind].get("description", ""),
                    "parameters": _parameters(document, (*path, kind), "", item, schema, sizes),
                }
            )
    return found


def _steps(data: Any) -> Iterator[tuple[DataPath, Mapping[str, Any]]]:
    """The entries of the chain that name a step, those of each alternative in their place."""
    chain = data.get("chain") if isinstance(data, dict) else None
    for index, item in enumerate(chain if isinstance(chain, list) else ()):
        several = item.get(ONE_OF) if isinstance(item, dict) else None
        places: list[tuple[DataPath, Any]] = [(("chain", index), item)]
        if isinstance(several, dict):
            places = []
            for name, steps in several.items():
                path: DataPath = ("chain", index, ONE_OF, name)
                own = enumerate(steps if isinstance(steps, list) else ())
                places += [((*path, place), each) for place, each in own]
        for path, each in places:
            if isinstance(each, dict) and isinstance(each.get("step"), str):
                yield path, each


def _parameters(
    document: Document,
    path: DataPath,
    id: str,
    item: Mapping[str, Any],
    schema: Mapping[str, Any],
    sizes: Sizes,
) -> list[dict[str, Any]]:
    found = []
    for name, declared in schema.get("properties", {}).items():
        given = item.get(name, declared.get("default"))
        sweep = given["sweep"] if isinstance(given, dict) and "sweep" in given else None
        value = given
        if sweep is not None:
            first = sweep.get("from") if isinstance(sweep, dict) else next(iter(sweep or ()), None)
            value = document.values.get(f"{id}.{name}", first)
        found.append(
            {
                "name": name,
                "path": [*path, name],
                "title": declared.get("title", name),
                "description": declared.get("description", ""),
                "default": declared.get("default"),
                "value": value,
                "sweep": {"values": sweep} if isinstance(sweep, list) else sweep,
                "in_text": name in item,
                "sweepable": bool(id) and declared.get("sweepable", True),
                **_range(declared),
                **_lengths(declared, sizes),
            }
        )
    return found


def _range(declared: Mapping[str, Any]) -> dict[str, Any]:
    """Of which kind the values are, and between which ends they lie."""
    kinds = declared.get("type", ())
    kinds = [kinds] if isinstance(kinds, str) else list(kinds)
    plain = [_KINDS[kind] for kind in kinds if kind in _KINDS]
    typical = _TYPICAL.search(declared.get("errorMessage", ""))
    return {
        "type": "choice" if "enum" in declared else next(iter(plain), "other"),
        "nullable": "null" in kinds,
        "choices": declared.get("enum"),
        "unit": declared.get("unit"),
        "typical": [float(end) for end in typical.groups()] if typical else None,
        **{limit: declared.get(limit) for limit in _LIMITS},
    }


def _lengths(declared: Mapping[str, Any], sizes: Sizes) -> dict[str, Any]:
    """How long a unit is in nm, where it is a length in the slice or across slices."""
    z, y, x = sizes
    unit = declared.get("unit")
    if unit == "slices":
        return {"nm_per_unit": z, "nm_per_px": None}
    if unit != "px" or not y or not x:
        return {"nm_per_unit": None, "nm_per_px": None}
    alike = abs(y - x) <= 1e-3 * x
    return {"nm_per_unit": x if alike else None, "nm_per_px": [y, x]}
