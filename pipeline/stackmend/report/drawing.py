"""How plots look: one set of colours for the page, which follows its theme, and one for paper; figures as SVG."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from io import StringIO
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Point = tuple[float, float]


@dataclass(frozen=True)
class Palette:
    """Colours that everybody can tell apart (Okabe and Ito)."""

    ink: str
    faint: str
    blue: str
    orange: str
    green: str
    purple: str


PAPER = Palette("#222222", "#bbbbbb", "#0072B2", "#D55E00", "#009E73", "#CC79A7")

SCREEN = Palette("#010203", "#010204", "#010205", "#010206", "#010207", "#010208")
"""Colours that stand for those of the page's theme and are replaced by them."""

_THEME = {getattr(SCREEN, each.name): f"var(--{each.name})" for each in fields(SCREEN)}


@contextmanager
def style(palette: Palette) -> Iterator[None]:
    """The style of all plots, for figures that are made within."""
    how: Any = {
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.edgecolor": palette.faint,
        "axes.labelcolor": palette.ink,
        "axes.titlecolor": palette.ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": palette.faint,
        "grid.alpha": 0.4,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.4,
        "text.color": palette.ink,
        "xtick.color": palette.ink,
        "ytick.color": palette.ink,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "svg.fonttype": "none",
        "text.parse_math": False,  # names are anybody's: a dollar in them is a dollar
    }
    with mpl.rc_context(how):
        yield


def figure(width: float = 4.4, height: float = 2.3) -> Figure:
    """An empty figure, in inches; never one of pyplot's, so that no display is needed."""
    return Figure(figsize=(width, height), layout="constrained")


def fractions(figure: Figure, axes: Axes, points: Sequence[Point]) -> list[Point]:
    """Places of points in a figure, as fractions of its width and, from the top, of its height."""
    figure.draw_without_rendering()
    placed: Any = axes.transData.transform(points) if points else []
    width, height = figure.bbox.width, figure.bbox.height
    return [(round(float(x / width), 4), round(float(1 - y / height), 4)) for x, y in placed]


def svg(figure: Figure, name: str) -> str:
    """A figure as an SVG element that can stand in a page beside others and takes on the page's colours."""
    buffer = StringIO()
    with mpl.rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(buffer, format="svg", transparent=True, metadata=nothing)
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r"<style .*?</style>", "", text, flags=re.DOTALL)
    text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
    text = re.sub(
        r'<svg [^>]*?viewBox="([^"]*)"[^>]*>',
        r'<svg viewBox="\1" aria-hidden="true">',
        text,
        count=1,
    )
    # Names that nothing refers to are left out, the others are made unique in the page. Where matplotlib defines one
    # twice, both are the same: a name is a hash of what it stands for.
    wanted = set(re.findall(r"#([\w.-]+)(?:\)|\")", text))

    def kept(found: re.Match[str]) -> str:
        if found[1] not in wanted:
            return ""
        wanted.remove(found[1])
        return f' id="{name}-{found[1]}"'

    text = re.sub(r' id="([\w.-]+)"', kept, text)
    text = re.sub(r'(?:xlink:)?href="#([\w.-]+)"', rf'href="#{name}-\1"', text)
    text = re.sub(r"url\(#([\w.-]+)\)", rf"url(#{name}-\1)", text)
    for stands_for, colour in _THEME.items():
        text = text.replace(stands_for, colour)
    return re.sub(r"\n\s*", "\n", text).strip()
