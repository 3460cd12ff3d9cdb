"""The one place that knows where the shipped data is: schemas and example configurations.

In a wheel they lie inside the package; in a source tree and an editable install, beside
``pipeline/``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """The folder ``schemas`` or ``configs``."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent.parent / name


def schema(name: str) -> dict[str, Any]:
    """A shipped schema, for instance ``skeleton`` or ``steps/standardize``."""
    text = (folder("schemas") / f"{name}.schema.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def schema_names(kind: str) -> list[str]:
    """Names of the shipped schemas of a kind, for instance ``strategies``."""
    return sorted(
        file.name.removesuffix(".schema.json")
        for file in (folder("schemas") / kind).glob("*.schema.json")
    )


def config_names() -> list[str]:
    """Names of the shipped example configurations."""
    return sorted(file.stem for file in folder("configs").glob("*.yaml"))


def config(name: str) -> Path:
    """The file of a shipped example configuration, for instance ``demo``."""
    return folder("configs") / f"{name}.yaml"
