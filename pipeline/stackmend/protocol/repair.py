"""Data with its faulty parts left out, so that one fault does not hide the others."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from stackmend.protocol.text import Path
from stackmend.registry import losses


@dataclass
class Sound:
    """What is left of the data, and whether chain and searches can still be judged as a whole."""

    data: dict[str, Any]
    chain_intact: bool = True
    optimize_intact: bool = True


def without(data: dict[str, Any], faults: Iterable[Path]) -> Sound:
    """A copy of a protocol's data in which every faulty value is left out (its default then holds)."""
    faults = list(faults)
    if not faults:
        return Sound(data)
    sound = Sound(copy.deepcopy(data))
    for path in faults:
        _drop(sound, path)
    if not sound.chain_intact or not isinstance(sound.data.get("chain"), list):
        sound.data["chain"] = []
        sound.chain_intact = sound.optimize_intact = False
    if not sound.optimize_intact:
        sound.data["optimize"] = _understandable(sound.data.get("optimize"))
    for key in ("input", "output"):
        if not isinstance(sound.data.get(key, {}), dict):
            del sound.data[key]
    return sound


def _drop(sound: Sound, path: Path) -> None:
    if path[:1] == ("chain",):
        inside = len(path) >= 3 and path[2] not in ("step", "id")
        sound.chain_intact &= inside
        _remove(sound, path[:3])
    elif path[:1] == ("optimize",):
        sound.optimize_intact = False
        _remove(sound, path[:3] if len(path) > 2 and isinstance(path[1], int) else path[:2])
    else:
        _remove(sound, path[:2])


def _remove(sound: Sound, path: Path) -> None:
    target: Any = sound.data
    for part in path[:-1]:
        try:
            target = target[part]
        except (KeyError, IndexError, TypeError):
            return
    if path and isinstance(target, dict):
        dropped = target.pop(path[-1], None)
        sound.optimize_intact &= not (isinstance(dropped, dict) and path[0] == "chain")


def _understandable(optimize: Any) -> Any:
    if isinstance(optimize, list):
        return [_understandable(entry) for entry in optimize]
    entry = dict(optimize) if isinstance(optimize, dict) else {}
    entry.pop("on_nothing_found", None)
    if "loss" in entry and entry["loss"] not in losses().names():
        del entry["loss"]
    return {"slices": "all", **entry}
