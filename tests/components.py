"""Steps bound to their defaults, for tests of single steps and of chains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from stackmend import registry
from stackmend.chain import Bound, compile_chain
from stackmend.protocol import Protocol, examine
from stackmend.registry import IMAGE


def bound(name: str, id: str | None = None, **given: Any) -> Bound:
    """A step with its schema's defaults, but for the values given."""
    step = registry.steps().get(name)
    defaults = {key: declared.get("default") for key, declared in step.schema["properties"].items()}
    return Bound(step, id or name, defaults | given)


def evaluate(image: Any, *steps: Bound, **given: Any) -> Mapping[str, Any]:
    """All products of some steps on one slice."""
    surveys = {step.survey_product: None for step in steps if step.survey_product}
    products = {IMAGE: np.asarray(image, dtype=np.float32), **surveys, **given}
    return compile_chain(steps, given=tuple(products)).evaluate(products)


def load(file: Path, **given: Any) -> Protocol:
    """A protocol that must be sound."""
    return examine(file, **given).accepted()
