"""What layers are made of: a protocol in the making, and the slices that are shown of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import ProtocolError, StackmendError, UsageError
from stackmend.preview import Cancelled, Preview, State
from stackmend.preview.document import Document
from stackmend.result import Record, origin_of

BEFORE, AFTER, MASK = KINDS = ("before", "after", "mask")
"""What is shown of a slice, in the order of the layers."""

_CHOSEN = "chosen by search"
"""So a record begins to say where a value comes from."""


@cache
def preview() -> Preview:
    """What computes here, with one memory for all that is opened."""
    return Preview()


@dataclass(frozen=True)
class Source:
    """Where a layer comes from: the protocol, which of ``KINDS`` it shows, of which channel.

    ``channel`` counts the channels that are restored, from 0; ``numbers`` are those of the slices
    in the input; ``stored`` says that it shows what a run has written.
    """

    document: Document
    kind: str
    channel: int
    numbers: tuple[int, ...]
    stored: bool = False


def document_of(file: Path) -> Document:
    """The protocol in a file; of a copy in a result, the original, as the run has read it.

    Raises
    ------
    UsageError
        If it cannot be read.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = getattr(error, "strerror", None) or error
        raise UsageError(f"{file}: cannot be read ({what}); check the file") from error
    origin = origin_of(file)
    if origin is None:
        return Document.opened(text, base=file.parent, name=file.name)
    return original(origin)


def original(origin: Mapping[str, Any]) -> Document:
    """The protocol of a run as its record has it, with what the command line gave."""
    given = {name: origin[name] and Path(origin[name]) for name in ("input", "output")}
    return Document.opened(
        origin["text"],
        base=Path(origin["folder"]),
        name=Path(origin["file"]).name,
        set=origin["set"],
        **given,
    )


def examined(document: Document) -> State:
    """A protocol that can be looked at.

    Raises
    ------
    ProtocolError
        With all that is wrong with it, or with its stack.
    """
    state = state_of(document)
    if state.job is None:
        raise ProtocolError(document.name, state.problems)
    return state


def state_of(document: Document) -> State:
    """A protocol as ``check`` sees it."""
    return preview().take(
        document.text,
        base=document.base,
        name=document.name,
        values=document.values,
        alternative=document.alternative,
    )


def chosen_in(record: Record, channel: str) -> dict[str, Any]:
    """The values that searches of a run have chosen for a channel, by full name."""
    chosen = {}
    for step in (record.chains or {}).get(channel, record.chain):
        for name, parameter in step.parameters.items():
            if parameter["origin"].startswith(_CHOSEN):
                chosen[f"{step.id}.{name}"] = parameter["value"]
    return chosen


def maker(
    state: State, source: Source, tell: Callable[[str], None]
) -> Callable[[int], NDArray[Any] | None]:
    """What makes the slices of a layer; what hinders it is told, and nothing is shown then."""

    def made(position: int) -> NDArray[Any] | None:
        number = source.numbers[position]
        try:
            found = preview().products(state, number, source.channel, (source.kind,))
        except (Cancelled, StackmendError) as error:
            tell(str(error))
            return None
        plane: NDArray[Any] | None = found[source.kind]
        return plane

    return made


def dtype_of(state: State, kind: str) -> np.dtype[Any]:
    """Type of the pixels of a layer; of a mask that of labels."""
    assert state.job is not None
    return np.dtype(np.uint8) if kind == MASK else state.job.dtype


def has_mask(state: State) -> bool:
    """Whether any step marks anything."""
    return any(product.kind == "mask" for product in preview().product_names(state))


def scale_of(size: Sequence[float | None], slices: Sequence[int]) -> dict[str, Any]:
    """How far pixels and slices lie apart, and in which unit, as layers have it.

    Parameters
    ----------
    size
        Of a voxel of the input, ``(z, y, x)`` in nm; ``None`` where it is not known.
    slices
        Those that are shown, by their numbers; where they are not evenly spaced, z is not known.
    """
    steps = {abs(step) for step in np.diff(slices).tolist()} or {1}
    step = steps.pop() if len(steps) == 1 else None
    z, y, x = size
    apart = (z * step if z and step else None, y, x)
    units = tuple("pixel" if length is None else "nm" for length in apart)
    return {"scale": tuple(length or 1.0 for length in apart), "units": units}
