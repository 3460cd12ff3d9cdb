"""An animation through the loss: one slice from the best combination to the worst.

The value of the loss is burnt in.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from stackmend.pictures.drawing import Grey

STRIP = 44
"""Height of the strip below the picture in which the loss and its curve stand, px."""

LASTS_MS = 120
PAUSE_MS = 1200
_PAPER, _INK, _CURVE, _HERE = 20, 235, 130, 255


class Frame(NamedTuple):
    """A picture, the loss, and what is to be said about it."""

    picture: Grey
    loss: float
    note: str


def chosen_frames(losses: Sequence[float], count: int, always: Sequence[int]) -> list[int]:
    """Indices of about ``count`` losses, lowest first, spread evenly over their order.

    Some are always among them.
    """
    order = sorted(range(len(losses)), key=lambda index: (losses[index], index))
    places = set(
        np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int).tolist()
    )
    return [index for place, index in enumerate(order) if place in places or index in always]


def animated(frames: Sequence[Frame], *, width: int, quality: int) -> bytes:
    """Frames as an animated WebP that is played again and again, at most so many px wide."""
    drawn = _drawn(frames, frames, width)
    durations = []
    for place, frame in enumerate(frames):
        lingers = place in (0, len(frames) - 1) or frame.note
        durations.append(PAUSE_MS if lingers else LASTS_MS)
    buffer = BytesIO()
    how = {"save_all": True, "append_images": drawn[1:], "duration": durations, "loop": 0}
    drawn[0].save(buffer, "WEBP", quality=quality, method=0, **how)
    return buffer.getvalue()


def still(frames: Sequence[Frame], *, width: int, quality: int) -> bytes:
    """The first frame, for those who do not want to see things move."""
    buffer = BytesIO()
    _drawn(frames[:1], frames, width)[0].save(buffer, "WEBP", quality=quality, method=4)
    return buffer.getvalue()


def _drawn(frames: Sequence[Frame], every: Sequence[Frame], width: int) -> list[Image.Image]:
    """Pictures, below each its loss beside the curve of all losses, with a mark where it is."""
    height, own = frames[0].picture.shape
    if own > width:
        height, own = max(1, round(height * width / own)), width
    paper = Image.new("L", (max(own, 200), height + STRIP), _PAPER)
    points = _curve([frame.loss for frame in every], height, paper.width)
    ImageDraw.Draw(paper).line(points, _CURVE, 1)
    font = ImageFont.load_default(size=13)
    drawn = []
    for place, frame in enumerate(frames):
        picture = Image.fromarray(frame.picture)
        if picture.width > width:
            picture = picture.resize((own, height), Image.Resampling.BOX)
        canvas = paper.copy()
        canvas.paste(picture, ((canvas.width - own) // 2, 0))
        draw = ImageDraw.Draw(canvas)
        draw.text((8, height + 6), f"loss {frame.loss:.4f}", _INK, font)
        note = frame.note or f"{place + 1} of {len(every)}"
        draw.text((8, height + 23), note, _CURVE + 60, font)
        x, y = points[place]
        draw.ellipse((x - 4, y - 4, x + 4, y + 4), _HERE)
        drawn.append(canvas)
    return drawn


def _curve(losses: Sequence[float], height: int, width: int) -> list[tuple[float, float]]:
    """Where each loss lies in the strip below a picture, the lowest at the bottom left."""
    left, right = 150, width - 12
    top, bottom = height + 8, height + STRIP - 8
    low, span = losses[0], (losses[-1] - losses[0]) or 1
    points = []
    for index, loss in enumerate(losses):
        x = left + (right - left) * index / max(len(losses) - 1, 1)
        points.append((x, bottom - (bottom - top) * (loss - low) / span))
    return points
