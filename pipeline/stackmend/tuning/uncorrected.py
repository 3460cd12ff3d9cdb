"""What the chosen correction is measured against: the loss of the slice as it was."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.chain import Bound, Products, compile_chain
from stackmend.registry import IMAGE, INITIAL_IMAGE, Undefined


def loss_before(steps: Sequence[Bound], loss: Bound, products: Products) -> float | Undefined:
    """The loss of a slice as it is before some steps, with everything else (the mask) as these steps make it.

    Parameters
    ----------
    steps
        The tuned steps with the chosen values.
    products
        Those of the slice before the first of these steps.
    """
    made = compile_chain(steps, given=products).evaluate(
        products, keep=(INITIAL_IMAGE, *loss.component.reads)
    )
    made[IMAGE] = made[INITIAL_IMAGE]
    value: float | Undefined = compile_chain((), given=made, loss=loss).evaluate(
        made, keep=("loss",)
    )["loss"]
    return value
