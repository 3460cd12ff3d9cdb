"""Where restored slices lie, once surveys have settled by how much each is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stackmend.chain import ABSENT
from stackmend.errors import InputError
from stackmend.job import Job
from stackmend.registry import FRAME
from stackmend.tuning.chains import ChannelChain

Frame = tuple[int, int, int, int]


def framed(job: Job, chains: Sequence[ChannelChain]) -> Job:
    """The job with the shape that its chains give to restored slices.

    Raises
    ------
    InputError
        If channels come out in different shapes, or a slice cannot be read.
    StepError
        If a step cannot say it.
    """
    frames = dict.fromkeys(_frame_of(job, chain) for chain in chains)
    if len(frames) > 1:
        shapes = " and ".join("as read" if each is None else str(list(each)) for each in frames)
        what = f"channels do not come to lie in the same part of the plane, got {shapes}"
        raise InputError(
            f"{job.reader.label}: {what}; take canvas: input, or one channel at a time"
        )
    [frame] = frames
    return replace(job, frame=frame)


def _frame_of(job: Job, chain: ChannelChain) -> Frame | None:
    """The first slice that can be used stands for all."""
    if FRAME not in chain.graph().products:
        return None
    evaluated = chain.consecutive()
    for number in job.slices:
        frame = evaluated.evaluate(number, (FRAME,))[FRAME]
        if frame is not ABSENT:
            return None if frame is None else tuple(frame)
    return None
