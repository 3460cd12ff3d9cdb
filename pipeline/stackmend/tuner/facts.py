"""The protocol of a page as facts in JSON: text, problems, controls, and what is known of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from stackmend.tuner.painted import Painted

if TYPE_CHECKING:
    from stackmend.tuner.session import Session

Tell = Callable[[dict[str, Any]], None]
"""Is told of something, as a message to a page."""


def plain(value: Any) -> Any:
    """A value as JSON has it: named fields by name, arrays as lists, ``None`` for no number."""
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def picture_facts(painted: Painted, products: Mapping[str, Any]) -> dict[str, Any]:
    """What a page is told of a picture that it can fetch."""
    return {
        "quick": painted.quick,
        "status": products.get("status") or None,
        "reason": products.get("reason") or None,
        "ranges": painted.ranges,
        "window": plain(painted.window),
    }


def state_facts(session: Session, reply: int | None) -> dict[str, Any]:
    """What a page is told after each edit."""
    document = session.document
    state, sound = document.state, session.sound
    return {
        "kind": "state",
        "session": session.id,
        "reply": reply,
        "title": session.opening.subject.title,
        "name": document.name,
        "file": document.name,
        "folder": str(document.base),
        "revision": state.revision,
        "text": state.text,
        "values": dict(state.values),
        "alternative": state.alternative or None,
        "alternatives": [],
        "problems": [_problem_facts(each) for each in state.problems],
        "sound": state.job is not None,
        "sound_revision": sound.revision if sound else None,
        "controls": document.controls(),
        "stack": None if sound is None else _stack_facts(sound),
        "products": [],
        "entries": [],
        "undo": bool(document._past),
        "redo": bool(document._future),
        "slots": {slot: kept is not None for slot, kept in document.slots.items()},
        "looking": session.opening.looking,
        "saved": None,
    }


def _problem_facts(problem: Any) -> dict[str, Any]:
    facts = asdict(problem)
    return {**facts, "where": facts.pop("path")}


def _stack_facts(state: Any) -> Mapping[str, Any]:
    reader = state.job.reader
    slices, height, width = reader.shape
    sizes = dict(zip("zyx", reader.metadata.pixel_size, strict=True))
    return {
        "label": reader.label,
        "slices": slices,
        "height": height,
        "width": width,
        "channels": len(state.job.readers),
        "dtype": str(reader.dtype),
        "pixel_size": sizes if any(sizes.values()) else None,
        "names": list(reader.names[:5000]),
    }
