"""Pictures as they are asked for: the query read, the painted slice found, the window cut out."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from stackmend.tuner.pictures import LARGEST_SCALE, LONGEST, Window
from stackmend.tuner.sessions import Sessions

Query = Mapping[str, str]

_WRONG, _UNKNOWN, _OVERTAKEN = 400, 404, 410
_SWITCH = {"0": False, "1": True}


class Refused(Exception):
    """A request that cannot be answered, with why."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status


def picture_for(sessions: Sessions, query: Query) -> tuple[bytes, dict[str, str]]:
    """A PNG, and what is said of it in headers.

    Raises
    ------
    Refused
        If the query is wrong, or asks for what was never painted or is painted no more.
    """
    layer = _word(query, "layer")
    quick, outline = _switch(query, "quick"), _switch(query, "outline")
    place = tuple(_number(query, name) for name in ("revision", "slice", "channel"))
    window = Window(*(_number(query, name) for name in ("y", "x", "height", "width")))
    scale = _decimal(query, "scale")
    if scale is None or not 0 < scale <= LARGEST_SCALE:
        raise Refused(_WRONG, f"scale: must be above 0 and at most {LARGEST_SCALE:g}")

    session = sessions.known(query.get("session", ""))
    if session is None:
        raise Refused(_UNKNOWN, "session: there is none of this name; load the page again")
    painted = session.painted(place, quick=quick)
    if painted is None:
        raise Refused(_OVERTAKEN, "this picture was overtaken by a newer one")
    if not painted.has(layer):
        raise Refused(_UNKNOWN, f"layer: {layer} was not asked for with 'look'")
    inside = painted.inside(layer, window)
    if inside.side_at(scale) > LONGEST:
        raise Refused(_WRONG, f"the picture would have more than {LONGEST} pixels a side")
    own = painted.ranges.get(layer, (0.0, 1.0))
    low, high = (_decimal(query, name) for name in ("low", "high"))
    shown = own[0] if low is None else low, own[1] if high is None else high
    content = painted.picture(layer, inside, scale, shown, outline=outline)
    return content, {
        "X-Revision": str(painted.place[0]),
        "X-Low": f"{shown[0]:.9g}",
        "X-High": f"{shown[1]:.9g}",
        "X-Quick": str(int(painted.quick)),
    }


def _word(query: Query, name: str) -> str:
    word = query.get(name, "")
    if not word or len(word) > 200:
        raise Refused(_WRONG, f"{name}: is missing")
    return word


def _number(query: Query, name: str) -> int:
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise Refused(_WRONG, f"{name}: must be a whole number, 0 or more")
    return int(text)


def _decimal(query: Query, name: str) -> float | None:
    text = query.get(name)
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise Refused(_WRONG, f"{name}: must be a number")
    return value


def _switch(query: Query, name: str) -> bool:
    text = query.get(name, "0")
    if text not in _SWITCH:
        raise Refused(_WRONG, f"{name}: must be 0 or 1")
    return _SWITCH[text]
