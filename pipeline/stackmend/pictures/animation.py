"""An animation through the loss: the slice from the best combination to the worst, with the value burnt in."""

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
    """Indices of at most about ``count`` losses, lowest first, spread evenly over their order, with some always in."""
    order = sorted(range(len(losses)), key=lambda index: (losses[index], index))
    places = set(
        np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int).tolist()
    )
    return [index for place, index in enumerate(order) if place in places or index in always]


def animated(frames: Sequence[Frame], *, width: int, quality: int) -> bytes:
    """Frames as an animated WebP that is played again and again, at most so many px wide."""
    losses = [frame.loss for frame in frames]
    drawn = [_drawn(frame, place, losses, width) for place, frame in enumerate(frames)]
    durations = [PAUSE_MS if place in (0, len(frames) - 1) or frame.note else LASTS_MS
                 for place, frame in enumerate(frames)]  # fmt: skip
    buffer = BytesIO()
    how = {"save_all": True, "append_images": drawn[1:], "duration": durations, "loop": 0}
    drawn[0].save(buffer, "WEBP", quality=quality, method=0, **how)
    return buffer.getvalue()


def still(frames: Sequence[Frame], *, width: int, quality: int) -> bytes:
    """The first frame, for those who do not want to see things move."""
    buffer = BytesIO()
    _drawn(frames[0], 0, [frame.loss for frame in frames], width).save(
        buffer, "WEBP", quality=quality, method=4
    )
    return buffer.getvalue()


def _drawn(frame: Frame, place: int, losses: Sequence[float], width: int) -> Image.Image:
    """The picture, and below it its loss beside the curve of all losses, with a mark where it is."""
    picture = Image.fromarray(frame.picture)
    if picture.width > width:
        picture = picture.resize(
            (width, max(1, round(picture.height * width / picture.width))), Image.Resampling.BOX
        )
    canvas = Image.new("L", (max(picture.width, 200), picture.height + STRIP), _PAPER)
    canvas.paste(picture, ((canvas.width - picture.width) // 2, 0))
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=13)
    draw.text((8, picture.height + 6), f"loss {frame.loss:.4f}", _INK, font)
    draw.text(
        (8, picture.height + 23), frame.note or f"{place + 1} of {len(losses)}", _CURVE + 60, font
    )
    left, right = 150, canvas.width - 12
    top, bottom = picture.height + 8, canvas.height - 8
    low, span = losses[0], (losses[-1] - losses[0]) or 1
    points = [
        (
            left + (right - left) * index / max(len(losses) - 1, 1),
            bottom - (bottom - top) * (loss - low) / span,
        )
        for index, loss in enumerate(losses)
    ]
    draw.line(points, _CURVE, 1)
    x, y = points[place]
    draw.ellipse((x - 4, y - 4, x + 4, y + 4), _HERE)
    return canvas
