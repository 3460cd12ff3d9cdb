"""What the preview answers, in the words of the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stackmend.preview import State
from stackmend.preview.figures import Figures, Profile
from stackmend.preview.searches import SearchNews
from stackmend.protocol.freezing import Origin
from stackmend.tuner.facts import plain

_NO_SEARCH = "the protocol has no search, and so no loss"
_STILL = "is being computed"


def figures_facts(figures: Figures, *, searches: int) -> dict[str, Any]:
    """The numbers of a slice, and the first loss that it has of those of all searches."""
    found = [each for each in figures.losses if each.loss is not None] or figures.losses
    loss = next(iter(found), None)
    reason = _STILL if searches else _NO_SEARCH
    return {
        "loss": plain(loss.loss) if loss else None,
        "untouched": plain(loss.untouched) if loss else None,
        "reason": (loss.reason or None) if loss else reason,
        "losses": plain(figures.losses),
        "changed": plain(figures.changed),
        "mask": plain(figures.masked),
        "mask_pixels": figures.mask_area,
        "clipped": figures.clipped,
        "mean_before": plain(figures.mean_before),
        "mean_after": plain(figures.mean_after),
        "histogram": {
            "before": list(figures.histogram_before),
            "after": list(figures.histogram_after),
            "low": plain(figures.low),
            "high": plain(figures.high),
        },
    }


def profile_facts(profile: Profile, ends: Sequence[Sequence[float]]) -> dict[str, Any]:
    """Grey levels along a line."""
    start, stop = ends
    return {
        "start": list(start),
        "stop": list(stop),
        "places": plain(profile.places),
        "distances": plain(profile.distances),
        "before": plain(profile.before),
        "after": plain(profile.after),
        "mask": [int(each) for each in profile.mask],
    }


def search_facts(news: SearchNews) -> dict[str, Any]:
    """How far a search has come; ``chosen`` is the place of the choice among the points."""
    chosen = None
    for place, point in enumerate(news.points):
        if point.values == news.chosen and point.alternative == news.alternative:
            chosen = place
    return {
        "running": not news.finished,
        "done": news.done,
        "needed": news.needed,
        "points": plain(news.points),
        "chosen": chosen,
        "loss": plain(news.loss),
        "untouched": plain(news.untouched),
        "reason": news.reason or None,
    }


def origins_of(state: State, news: SearchNews) -> dict[str, Origin]:
    """Where the values of a choice come from, by their names."""
    assert state.job is not None
    entry, count = state.job.protocol.optimize[news.entry], state.job.reader.shape[0]
    slices = entry.slices.indices(count)
    about = slices, entry.loss.name, news.loss, len(news.points)
    return {name: Origin(value, *about) for name, value in (news.chosen or {}).items()}
