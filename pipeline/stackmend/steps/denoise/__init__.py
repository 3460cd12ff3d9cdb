"""Take away noise, by one of several methods."""

from stackmend.registry import family
from stackmend.steps.denoise import (
    bilateral,
    neighbours,
    nl_means,
    tv_bregman,
    tv_chambolle,
    wavelet,
)

STEP = family(
    name="denoise",
    version=1,
    variants=(
        neighbours.VARIANT,
        wavelet.VARIANT,
        tv_chambolle.VARIANT,
        tv_bregman.VARIANT,
        bilateral.VARIANT,
        nl_means.VARIANT,
    ),
    watch=(
        "This should look like noise: where it shows outlines, detail was taken away with it. How "
        "near the result is to the truth cannot be known from the slice."
    ),
)
