"""Data with its faulty parts left out, so that one fault does not hide the others."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stackmend.protocol.text import Path


@dataclass
class Sound:
    """What is left of the data, and whether chain and searches can still be judged as a whole."""

    data: dict[str, Any]
    chain_intact: bool = True
    optimize_intact: bool = True


def without(data: dict[str, Any], faults: Iterable[Path]) -> Sound:
    """A copy of a protocol's data in which every faulty value is left out.

    Its default then holds; entries of the chain that cannot be understood are ``None``.
    """
    faults = list(faults)
    if not faults:
        return Sound(data)
    sound = Sound(copy.deepcopy(data))
    for path in faults:
        _drop(sound, path)
    if not isinstance(sound.data.get("chain"), list):
        sound.data["chain"] = []
    for index, item in enumerate(sound.data["chain"]):
        if not (isinstance(item, dict) and isinstance(item.get("step"), str)):
            sound.data["chain"][index] = None
            sound.chain_intact = False
    sound.optimize_intact &= sound.chain_intact
    if "optimize" in sound.data:
        sound.data["optimize"] = _understandable(
            sound.data["optimize"], keep_all=sound.optimize_intact
        )
    for key in ("input", "output"):
        if not isinstance(sound.data.get(key, {}), dict):
            del sound.data[key]
    return sound


def _drop(sound: Sound, path: Path) -> None:
    match path:
        case ("chain", int() as index, str() as key, *_) if key not in ("step", "id"):
            _remove(sound, ("chain", index, key))
        case ("chain", int() as index, "id", *_):
            sound.chain_intact = False
            _remove(sound, ("chain", index, "id"))
        case ("chain", int() as index, *_):
            sound.chain_intact = False
            sound.data["chain"][index] = None
        case ("chain", *_):
            sound.chain_intact = False
        case ("optimize", int() as index, key, *_):
            sound.optimize_intact &= key in ("slices", "validate", "region")
            _remove(sound, ("optimize", index, key))
        case ("optimize", str() as key, *_):
            sound.optimize_intact &= key in ("slices", "validate", "region")
            _remove(sound, ("optimize", key))
        case ("optimize", *_):
            sound.optimize_intact = False
        case ("output", "dtype", *_):
            # Whatever was meant, nothing can be said about a scale that is not undone.
            sound.data["output"]["dtype"] = "float32"
        case _:
            _remove(sound, path[:2])


def _remove(sound: Sound, path: Path) -> None:
    target: Any = sound.data
    for part in path[:-1]:
        try:
            target = target[part]
        except (KeyError, IndexError, TypeError):
            return
    if isinstance(target, dict):
        dropped = target.pop(path[-1], None)
        # It may have been meant as a sweep: whether there is one cannot be said any more.
        sound.optimize_intact &= path[0] != "chain" or not isinstance(dropped, (dict, list))


def _understandable(optimize: Any, *, keep_all: bool) -> Any:
    if isinstance(optimize, list):
        return [_understandable(entry, keep_all=keep_all) for entry in optimize]
    entry = dict(optimize) if isinstance(optimize, dict) else {}
    if not keep_all:
        for key in ("steps", "loss", "strategy", "on_nothing_found"):
            entry.pop(key, None)
    return {"slices": [], **entry}
