"""``stackmend.apply``: an array restored as a run would restore the same stack in files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.arrays.array_search import ArraySearch, chains_on
from stackmend.arrays.given import GivenProtocol, job_of, session_of
from stackmend.arrays.restoring import Restoring, restored
from stackmend.arrays.stack import stack_of
from stackmend.errors import WrongValue
from stackmend.job import Job
from stackmend.result.log import Listener
from stackmend.tuning.framing import framed
from stackmend.tuning.tune import tune


def apply(
    protocol: GivenProtocol | ArraySearch,
    array: Any,
    *,
    channel_axis: int | None = None,
    set: Mapping[str, Any] | None = None,
    workers: int | None = None,
    out: NDArray[Any] | None = None,
    listener: Listener | None = None,
) -> Any:
    """Restore a slice or a stack that is at hand: the same pixels as a run on the same stack.

    Where the protocol has sweeps, they are searched first, on its optimization slices. What it
    says of files counts for nothing; the rest of ``input`` (slices of a stack, flip, data bar, bad
    slices) and ``output.dtype`` do.

    Parameters
    ----------
    protocol
        The path of a protocol, its text (of several lines, or JSON), its content as a mapping, or
        what ``stackmend.search`` has returned.
    array : (Y, X) or (Z, Y, X) array of uint8, uint16, int16 or float32
        Of NumPy, Dask, or anything that is indexed likewise, such as a memory-mapped file or a
        dataset of HDF5; it is never written to, and read slice by slice.
    channel_axis
        Which axis, besides these, has channels, if any.
    set
        Values by path, for instance ``{"find_charging.gf1_sigma": 40}``.
    workers
        Threads, one for each core by default; the pixels are the same for any number.
    out
        Where the result is written to, for instance another memory-mapped file; a new array by
        default. Not for Dask.
    listener
        Is told of progress and of warnings.

    Returns
    -------
    array of ``output.dtype``
        Of the same axes. Of NumPy, or of Dask where ``array`` is: its blocks are then computed
        when they are asked for, from their slices and the neighbours that these need. What must be
        known before (a search, a survey such as the scale of a stack) is computed at once.

    Raises
    ------
    UsageError, ProtocolError
        If the call or the protocol is wrong.
    InputError
        If a slice cannot be used, naming it and the place in it.
    QualityError, StepError
        As ``stackmend.run``.
    """
    stack = stack_of(array, channel_axis, "apply")
    if isinstance(protocol, ArraySearch):
        job = job_of(protocol.frozen(), stack, set, "apply")
        session = session_of(job, workers, listener)
        chains = chains_on(session, protocol.slices)
    else:
        job = job_of(protocol, stack, set, "apply")
        session = session_of(job, workers, listener)
        chains = tune(session).chains
    job = framed(job, chains)
    restoring = Restoring.of(stack, job, chains)
    if stack.lazy:
        return _lazily(restoring, job, out)
    target, result = _target(restoring, job, out, array)
    restored(restoring, session, target)
    return result


def _lazily(restoring: Restoring, job: Job, out: Any) -> Any:
    import dask.array

    from stackmend.arrays.lazy import lazily_restored

    if out is not None:
        what = "is not for arrays of Dask; store the result with dask.array.store"
        raise WrongValue(f"apply: out {what}")
    return restoring.stack.shaped(lazily_restored(restoring, job), dask.array)


def _target(
    restoring: Restoring, job: Job, out: NDArray[Any] | None, array: Any
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A ``(C, Z, Y, X)`` array to write to, and the same as it is returned."""
    shape = len(job.channels), *job.shape
    if out is None:
        target = np.empty(shape, job.dtype)
        return target, restoring.stack.shaped(target, np)
    expected = restoring.stack.shaped(np.empty((*shape[:2], 0, 0)), np).ndim
    wanted = restoring.stack.shaped(np.broadcast_to(np.empty((), job.dtype), shape), np).shape
    if out.ndim != expected or out.shape != wanted or out.dtype != job.dtype:
        what = f"must have shape {wanted} and type {job.dtype}, got {out.shape} and {out.dtype}"
        raise WrongValue(f"apply: out {what}")
    if isinstance(array, np.ndarray) and np.may_share_memory(out, array):
        raise WrongValue("apply: out must not lie in the memory of array; give another one")
    target = (
        out
        if restoring.stack.channel_axis is None
        else np.moveaxis(out, restoring.stack.channel_axis, 0)
    )
    if restoring.stack.channel_axis is None:
        target = target[np.newaxis]
    return (target[:, np.newaxis] if restoring.stack.alone else target), out
