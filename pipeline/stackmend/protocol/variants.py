"""Parameters that belong to another variant of a step than the one that is chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stackmend.registry import METHOD, Step, methods_of, owners_of
from stackmend.words import few


def of_other_variants(step: Step, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each parameter that no chosen variant takes, and what is said of it."""
    if not step.variants:
        return
    methods = methods_of(step, given)
    if not set(step.variants).intersection(map(str, methods)):
        return  # the method itself is wrong, and it cannot be said what was meant
    for name in given:
        owners = owners_of(step, name)
        if owners and not set(owners).intersection(map(str, methods)):
            belongs = f"belongs to method {' and '.join(owners)}, and the method is {few(methods)}"
            yield name, f"{belongs}; leave it out, or write {METHOD}: {owners[0]}"
