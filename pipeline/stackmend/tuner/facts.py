"""The protocol of a page as facts in JSON: text, problems, controls, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stackmend.tuner.session import Session


def state_facts(session: Session, reply: int | None) -> dict[str, Any]:
    """What a page is told after each edit."""
    document = session.document
    state, sound = document.state, session.sound
    return {
        "kind": "state",
        "session": session.id,
        "reply": reply,
        "title": session.title,
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
        "looking": False,
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
