"""Hashes that identify pixels, stacks and work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.result.encoding import plain


def pixel_hash(pixels: NDArray[Any]) -> str:
    """SHA-256 of decoded pixels: of their type, shape and values in little-endian order."""
    stored = np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("<"), copy=False)
    found = hashlib.sha256(f"{stored.dtype.str} {stored.shape} ".encode())
    found.update(stored.data)
    return found.hexdigest()


def combined_hash(hashes: Iterable[str]) -> str:
    """One hash for the slices of a stack, in order."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()


def digest(facts: Mapping[str, Any]) -> str:
    """One short text for facts, the same wherever they are the same."""
    text = json.dumps(facts, default=plain, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
