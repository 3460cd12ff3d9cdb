"""Even out shading: by what all slices have in common, or by a blur of each slice."""

from __future__ import annotations

from stackmend.registry import family
from stackmend.steps.flatten import gaussian, stack

STEP = family(name="flatten", version=1, variants=(stack.VARIANT, gaussian.VARIANT))
