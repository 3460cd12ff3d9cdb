"""Values as JSON holds them."""

from __future__ import annotations

import base64
import binascii
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def plain(value: Any) -> Any:
    """A value that JSON has no word for as one that it has; numpy numbers keep their value."""
    import numpy as np  # here: who only reads a result need not wait for it

    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"a record cannot hold {type(value).__name__}")


def as_json(value: Any) -> Any:
    """A value as it comes back from a JSON file."""
    return json.loads(json.dumps(value, default=plain))


def numbers_text(numbers: Iterable[float]) -> str:
    """Numbers in single precision as a short text."""
    values = [float(number) for number in numbers]
    return base64.b64encode(struct.pack(f"<{len(values)}f", *values)).decode("ascii")


def numbers_of(text: str) -> tuple[float, ...]:
    """The numbers of such a text.

    Raises
    ------
    ValueError
        If it is none.
    """
    try:
        content = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(content) // 4}f", content)
    except (binascii.Error, struct.error) as error:
        raise ValueError(f"must be numbers as a text, got {text[:20]}") from error
