"""Results as notebooks show them: small tables and thumbnails, everything escaped."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping, Sequence
from html import escape
from io import BytesIO
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS = 20
"""Rows of a table that are shown, those with the lowest losses."""

SIDE = 256
"""Most pixels of a thumbnail along an axis."""

_DISPLAYED = (0.5, 99.5)
_IMAGE = '<img alt="{name}" title="{name}" style="image-rendering:auto" src="{source}">'


def searched_page(
    chosen: Mapping[str, Any], reason: str, table: Sequence[Mapping[str, Any]]
) -> str:
    """What a search chose, and its best combinations."""
    pairs = ", ".join(f"{name} = {value!r}" for name, value in chosen.items())
    said = f"Nothing chosen: {reason}" if reason else f"Chosen: {pairs}"
    rows = sorted(table, key=lambda row: float("inf") if row["loss"] is None else row["loss"])
    left = len(rows) - ROWS
    more = f"<p>and {left} more</p>" if left > 0 else ""
    return f"<p>{escape(said)}</p>{_table(rows[:ROWS])}{more}"


def products_page(name: str, products: Mapping[str, Any]) -> str:
    """Thumbnails of what a step has made, and of what is no image its kind."""
    shown: list[str] = []
    for product, value in products.items():
        label, what = escape(product), escape(kind_of(value))
        plane = _plane(value)
        picture = "" if plane is None else f"<br>{thumbnail(plane, product)}"
        style = "display:inline-block;margin:4px;vertical-align:top"
        shown.append(f'<div style="{style}"><code>{label}</code> {what}{picture}</div>')
    return f"<p><b>{escape(name)}</b></p>{''.join(shown)}"


def kind_of(value: Any) -> str:
    """What a product is, in a few words."""
    if isinstance(value, np.ndarray):
        return f"{' x '.join(map(str, value.shape))} {value.dtype}"
    if isinstance(value, tuple):
        return f"{len(value)} x {type(value[0]).__name__}" if value else "none"
    if isinstance(value, (bool, int, float)):
        return f"{value:.6g}"
    return type(value).__name__


def thumbnail(plane: NDArray[Any], name: str) -> str:
    """A slice as an inline PNG, thinned out to ``SIDE`` px at the most."""
    from PIL import Image

    factor = max(1, ceil(max(plane.shape) / SIDE))
    small = np.asarray(plane)[::factor, ::factor].astype(np.float32)
    low, high = np.percentile(small, _DISPLAYED)
    if plane.dtype.kind == "b" or not high > low:
        low, high = 0, max(float(small.max()), 1)
    grey = np.clip((small - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    source = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
    return _IMAGE.format(name=escape(name, quote=True), source=source)


def _plane(value: Any) -> NDArray[Any] | None:
    """The slice of a product that is shown, the middle one of a stack."""
    if not isinstance(value, np.ndarray) or value.ndim not in (2, 3) or not value.size:
        return None
    return value if value.ndim == 2 else value[len(value) // 2]


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body: list[str] = []
    for row in rows:
        cells = "".join(f"<td>{escape(_cell(row.get(name)))}</td>" for name in columns)
        body.append(f"<tr>{cells}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)
