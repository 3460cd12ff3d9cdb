"""Plain data with NumPy arrays in it, as JSON can hold it and back, bit for bit."""

from __future__ import annotations

import base64
import math
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

_ARRAY, _NUMBER = "array", "number"


def encoded(value: Any) -> Any:
    """A value of dictionaries, lists, texts, numbers and arrays as JSON can hold it.

    Raises
    ------
    TypeError
        If it holds something else.
    """
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufcSU":
        little = np.ascontiguousarray(value).astype(value.dtype.newbyteorder("<"), copy=False)
        content = base64.b64encode(zlib.compress(little.tobytes())).decode("ascii")
        return {_ARRAY: content, "dtype": little.dtype.str, "shape": list(value.shape)}
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return {_NUMBER: repr(value)}
    if isinstance(value, Mapping):
        return {str(key): encoded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(each) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"expected plain data, got {type(value).__name__}")


def decoded(value: Any) -> Any:
    """What was encoded; tuples come back as lists, arrays read-only."""
    if isinstance(value, dict) and value.keys() == {_ARRAY, "dtype", "shape"}:
        content = zlib.decompress(base64.b64decode(value[_ARRAY]))
        return np.frombuffer(content, np.dtype(value["dtype"])).reshape(value["shape"])
    if isinstance(value, dict) and value.keys() == {_NUMBER}:
        return float(value[_NUMBER])
    if isinstance(value, dict):
        return {key: decoded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [decoded(each) for each in value]
    return value
