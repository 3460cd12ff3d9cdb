"""Take away curtains: streaks along the milling direction, of the ion beam."""

from __future__ import annotations

from stackmend.registry import family
from stackmend.steps.destripe import robust, wavelet

STEP = family(
    name="destripe",
    version=2,
    variants=(robust.VARIANT, wavelet.VARIANT),
    watch=(
        "These should be stripes along the milling direction and nothing else: where outlines of "
        "membranes or particles show, structure was taken away with them."
    ),
)
