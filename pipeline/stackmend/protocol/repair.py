"""Data with its faulty parts left out, so that one fault does not hide the others."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from stackmend.protocol.text import DataPath

_APART = ("slices", "validate", "region", "clean", "max_changed")
"""Keys of ``optimize`` without which the rest of it can still be judged."""


class Repaired:
    """What is left of the data, and whether chain and searches can still be judged as a whole."""

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data
        self.chain_intact = self.optimize_intact = True


def without_faults(data: dict[str, Any], faults: Iterable[DataPath]) -> Repaired:
    """A copy of a protocol's data in which every faulty value is left out.

    Its default then holds; entries of the chain that cannot be understood are ``None``.
    """
    faults = list(faults)
    if not faults:
        return Repaired(data)
    repaired = Repaired(copy.deepcopy(data))
    for path in faults:
        _drop(repaired, path)
    if not isinstance(repaired.data.get("chain"), list):
        repaired.data["chain"] = []
    for index, item in enumerate(repaired.data["chain"]):
        if not (isinstance(item, dict) and isinstance(item.get("step"), str)):
            repaired.data["chain"][index] = None
            repaired.chain_intact = False
    repaired.optimize_intact &= repaired.chain_intact
    if "optimize" in repaired.data:
        repaired.data["optimize"] = _understandable(
            repaired.data["optimize"], keep_all=repaired.optimize_intact
        )
    for key in ("input", "output"):
        if not isinstance(repaired.data.get(key, {}), dict):
            del repaired.data[key]
    return repaired


def _drop(repaired: Repaired, path: DataPath) -> None:
    match path:
        case ("chain", int() as index, str() as key, *_) if key not in ("step", "id"):
            _remove(repaired, ("chain", index, key))
        case ("chain", int() as index, "id", *_):
            repaired.chain_intact = False
            _remove(repaired, ("chain", index, "id"))
        case ("chain", int() as index, *_):
            repaired.chain_intact = False
            repaired.data["chain"][index] = None
        case ("chain", *_):
            repaired.chain_intact = False
        case ("optimize", int() as index, key, *_):
            repaired.optimize_intact &= key in _APART
            _remove(repaired, ("optimize", index, key))
        case ("optimize", str() as key, *_):
            repaired.optimize_intact &= key in _APART
            _remove(repaired, ("optimize", key))
        case ("optimize", *_):
            repaired.optimize_intact = False
        case ("output", "dtype", *_):
            # Whatever was meant, nothing can be said about a scale that is not undone.
            repaired.data["output"]["dtype"] = "float32"
        case _:
            _remove(repaired, path[:2])


def _remove(repaired: Repaired, path: DataPath) -> None:
    target: Any = repaired.data
    for part in path[:-1]:
        try:
            target = target[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(target, dict):
        dropped = target.pop(path[-1], None)
        # It may have been meant as a sweep: whether there is one cannot be said any more.
        repaired.optimize_intact &= path[0] != "chain" or not isinstance(dropped, (dict, list))


def _understandable(optimize: Any, *, keep_all: bool) -> Any:
    if isinstance(optimize, list):
        return [_understandable(entry, keep_all=keep_all) for entry in optimize]
    entry = dict(optimize) if isinstance(optimize, dict) else {}
    if not keep_all:
        for key in ("steps", "loss", "strategy", "on_nothing_found"):
            entry.pop(key, None)
    return {"slices": [], **entry}
