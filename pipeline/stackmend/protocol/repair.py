"""Data with its faulty parts left out, so that one fault does not hide the others."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from typing import Any

from stackmend.protocol.model import ONE_OF
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
        if isinstance(item, dict) and ONE_OF in item:
            repaired.data["chain"][index] = _several(repaired, item[ONE_OF])
    _leave_out(repaired, repaired.data["chain"])
    repaired.optimize_intact &= repaired.chain_intact
    if "optimize" in repaired.data:
        repaired.data["optimize"] = _understandable(
            repaired.data["optimize"], keep_all=repaired.optimize_intact
        )
    for key in ("input", "output"):
        if not isinstance(repaired.data.get(key, {}), dict):
            del repaired.data[key]
    return repaired


def _several(repaired: Repaired, chains: Any) -> dict[str, Any] | None:
    """Chains of which one is taken, as far as they can be understood."""
    if not isinstance(chains, dict):
        repaired.chain_intact = False
        return None
    kept = {name: chain for name, chain in chains.items() if isinstance(chain, list)}
    repaired.chain_intact &= len(kept) == len(chains)
    for chain in kept.values():
        _leave_out(repaired, chain)
    return {ONE_OF: kept} if kept else None


def _leave_out(repaired: Repaired, chain: list[Any]) -> None:
    """Put ``None`` in the place of what is no step."""
    for index, item in enumerate(chain):
        if isinstance(item, dict) and (isinstance(item.get("step"), str) or ONE_OF in item):
            continue
        chain[index] = None
        repaired.chain_intact = False


def _drop(repaired: Repaired, path: DataPath) -> None:
    match path:
        case ("chain", int(), "one_of", str(), int(), *inner):
            _drop_of_step(repaired, path[:5], inner)
        case ("chain", int(), "one_of", str(), *_):
            repaired.chain_intact = False
            _remove(repaired, path[:4])
        case ("chain", int(), *inner):
            _drop_of_step(repaired, path[:2], inner)
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


def _drop_of_step(repaired: Repaired, path: DataPath, inner: Sequence[str | int]) -> None:
    """Leave out what is faulty of the step at a path, or the step."""
    key = inner[0] if inner else "step"
    repaired.chain_intact &= key not in ("step", "id", ONE_OF)
    if key != "step":
        _remove(repaired, (*path, key))
        return
    chain, index = _at(repaired, path[:-1]), path[-1]
    if isinstance(chain, list) and isinstance(index, int):
        chain[index] = None


def _at(repaired: Repaired, path: DataPath) -> Any:
    """What is left at a path; ``None`` if nothing is."""
    target: Any = repaired.data
    for part in path:
        try:
            target = target[part]
        except (KeyError, IndexError, TypeError):
            return None
    return target


def _remove(repaired: Repaired, path: DataPath) -> None:
    target = _at(repaired, path[:-1])
    if isinstance(target, dict):
        dropped = target.pop(path[-1], None)
        # It may have been meant as a sweep: whether there is one cannot be said any more.
        repaired.optimize_intact &= path[0] != "chain" or not isinstance(dropped, (dict, list))


def _understandable(optimize: Any, *, keep_all: bool) -> Any:
    if isinstance(optimize, list):
        return [_understandable(entry, keep_all=keep_all) for entry in optimize]
    entry = dict(optimize) if isinstance(optimize, dict) else {}
    if not keep_all:
        for key in ("steps", "loss", "also", "strategy", "on_nothing_found"):
            entry.pop(key, None)
    return {"slices": [], **entry}
