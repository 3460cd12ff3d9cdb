"""What a restoration leaves of known charge that is added to the slice, like that found there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.injection import CHARGED, FAINTEST
from stackmend.kernels.injection_error import injection_error
from stackmend.registry import NOTHING_FOUND, UNDEFINED, Loss, Probe, Stage, Undefined

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]


class Recovered(NamedTuple):
    """Errors in grey levels of 8 bit where charge was added, and where there is none of it."""

    error: float
    harm: float


def recovered(
    probe_results: Sequence[Image],
    probes: Sequence[Probe],
    initial_image: Image,
    reference_mask: Mask,
) -> Recovered | Undefined:
    """What is left of known charge, and what is done elsewhere.

    Parameters
    ----------
    probe_results : sequence of (Y, X) float32
        The corrected slices to which known charge was added.
    probes
        The same before, with the charge of each.
    initial_image : (Y, X) float32
        The slice to which it was added.
    reference_mask : (Y, X) bool
        Where charge was found, which is to be corrected: that is no harm.

    Returns
    -------
    Recovered or Undefined
        Root mean square differences from the slice, in grey levels of an 8-bit slice.
    """
    if not probes:
        return Undefined(NOTHING_FOUND, "no charge was found that known charge could be like")
    unit = np.float32(probes[0].counts / CHARGED)
    # The charge that was found counts neither as added nor as clean.
    found_there = np.where(reference_mask, np.float32(FAINTEST), np.float32(0))
    fields = [np.maximum(np.abs(probe.fault) / unit, found_there) for probe in probes]
    found = injection_error([each / unit for each in probe_results], initial_image / unit, fields)
    if found is None:
        return Undefined(UNDEFINED, "there is no room for 500 px of known charge beside the mask")
    return Recovered(*found)


def harm(recovered: Any) -> float | Undefined:
    """Root mean square of what is changed where no charge is, grey levels of an 8-bit slice."""
    return recovered if isinstance(recovered, Undefined) else recovered.harm


def loss(recovered: Any) -> float | Undefined:
    """Root mean square of what is left where charge was added, grey levels of an 8-bit slice."""
    return recovered if isinstance(recovered, Undefined) else recovered.error


LOSS = Loss(
    name="injection_error",
    version=1,
    stages=(Stage(recovered), Stage(harm), Stage(loss)),
    finds="charging",
    beside=(harm.__name__,),
    nothing_found="no charge was found that known charge could be like",
    advice="try inverse, or choose slices that are charged",
    undefined_advice="choose other optimization slices, with room beside their charge",
    references=(),
)
