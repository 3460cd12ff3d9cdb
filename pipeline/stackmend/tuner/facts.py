"""What a page is told, as facts in JSON: the protocol, its stack, its problems, its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, fields, is_dataclass
from math import isfinite, prod
from typing import TYPE_CHECKING, Any

import numpy as np

from stackmend.errors import Problem
from stackmend.preview.document import alternatives
from stackmend.tuner.painted import SOURCES, Painted

if TYPE_CHECKING:
    from stackmend.preview import State
    from stackmend.tuner.session import Session

Tell = Callable[[dict[str, Any]], None]
"""Is told of something, as a message to a page."""

_MOST_NAMES = 5000
_MOST_PROBLEMS = 50


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
        "layers": [name for name in (*painted.layers, *SOURCES) if painted.has(name)],
        "window": plain(painted.window),
    }


def state_facts(session: Session, state: State, reply: int | None) -> dict[str, Any]:
    """What a page is told after each edit."""
    history, sound = session.history, session.sound
    subject = session.opening.subject
    return {
        "kind": "state",
        "session": session.id,
        "reply": reply,
        "title": subject.title,
        "file": None if subject.file is None else subject.file.name,
        "folder": str(history.now.base),
        "saved": session.saved,
        "looking": session.opening.looking,
        "revision": state.revision,
        "text": state.text,
        "values": plain(state.values or history.now.values),
        "problems": [_problem_facts(each) for each in state.problems[:_MOST_PROBLEMS]],
        "sound": state.job is not None,
        "sound_revision": None if sound is None else sound.revision,
        "undo": history.can_undo,
        "redo": history.can_redo,
        "slots": {slot: slot in history.slots for slot in "AB"},
        "alternatives": alternatives(history.now.data),
        "alternative": state.alternative or None,
        "controls": plain(session.controls()),
        "search_controls": plain(session.search_controls()),
        "products": plain(session.preview.product_names(sound)) if sound else [],
        "stack": None if sound is None else _stack_facts(sound),
        "entries": [] if sound is None else _entry_facts(sound),
        "name": None if sound is None else _job(sound).protocol.name,
    }


def _problem_facts(problem: Problem) -> dict[str, Any]:
    facts = asdict(problem)
    return {**facts, "where": facts.pop("path")}


def _stack_facts(state: State) -> dict[str, Any]:
    job = _job(state)
    slices, height, width = job.reader.shape
    sizes = dict(zip("zyx", job.reader.metadata.pixel_size, strict=True))
    return {
        "label": job.reader.label,
        "slices": slices,
        "height": height,
        "width": width,
        "channels": len(job.readers),
        "dtype": str(job.reader.dtype),
        "pixel_size": sizes if any(sizes.values()) else None,
        "names": list(job.reader.names[:_MOST_NAMES]),
        "notes": list(job.reader.notes),
    }


def _entry_facts(state: State) -> list[dict[str, Any]]:
    """The searches of a protocol."""
    protocol, count = _job(state).protocol, _job(state).reader.shape[0]
    found: list[dict[str, Any]] = []
    for number, entry in enumerate(protocol.optimize):
        several = protocol.alternatives(entry)
        tried = 0
        for each in several:
            steps = [step for step in protocol.variant(each.alternative) if step.id in each.steps]
            sweeps = [sweep for step in steps for sweep in step.sweeps.values()]
            tried += prod(len(sweep.values) for sweep in sweeps)
        found.append(
            {
                "entry": number,
                "steps": list(entry.steps),
                "slices": list(entry.slices.indices(count)),
                "validate": list(entry.validate.indices(count)) if entry.validate else [],
                "clean": [plain({"slice": p.number, "region": p.region}) for p in entry.clean],
                "region": plain(entry.region) or None,
                "loss": entry.loss.name,
                "combinations": tried,
                "alternatives": [each.alternative for each in several if each.alternative],
            }
        )
    return found


def _job(state: State) -> Any:
    assert state.job is not None
    return state.job
