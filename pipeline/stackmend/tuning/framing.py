"""Where restored slices lie, once surveys have settled by how much each is moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from stackmend.chain import ABSENT
from stackmend.errors import BadSlice, InputError, StepError
from stackmend.job import Job
from stackmend.registry import FRAME, Step
from stackmend.tuning.chains import ChannelChain

Frame = tuple[int, int, int, int]


def framed(job: Job, chains: Sequence[ChannelChain]) -> Job:
    """The job with the shape that its chains give to restored slices.

    Raises
    ------
    InputError
        If channels come out in different shapes, or a slice cannot be read.
    StepError
        If a step cannot say it, or cuts a part out of another shape.
    """
    frames = {_frame_of(job, chain): chain for chain in chains}
    if len(frames) > 1:
        shapes = " and ".join("as read" if each is None else str(list(each)) for each in frames)
        what = f"channels do not come to lie in the same part of the plane, got {shapes}"
        raise InputError(
            f"{job.reader.label}: {what}; take canvas: input, or one channel at a time"
        )
    [(frame, chain)] = frames.items()
    cutting = _cuts_behind(chain) if frame else ""
    if cutting:
        what = "cannot cut slices that have got another extent before"
        raise StepError(f"{cutting}: {what}; put it before the step that finds their places")
    return replace(job, frame=frame)


def _cuts_behind(chain: ChannelChain) -> str:
    """The step that cuts a part out behind one that moves pixels, if there is one."""
    moved = False
    for bound in chain.steps:
        step = bound.component
        if isinstance(step, Step) and step.keeps and moved:
            return bound.id
        moved |= isinstance(step, Step) and step.moves is not None
    return ""


def _frame_of(job: Job, chain: ChannelChain) -> Frame | None:
    """The first slice that can be used stands for all."""
    if FRAME not in chain.graph().products:
        return None
    evaluated = chain.consecutive()
    for number in job.slices:
        try:
            frame = evaluated.evaluate(number, (FRAME,))[FRAME]
        except BadSlice:
            if not chain.tolerant:
                raise
            continue
        if frame is not ABSENT:
            return None if frame is None else tuple(frame)
    return None
