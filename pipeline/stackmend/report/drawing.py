"""How plots look on paper."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

COLOURS = MappingProxyType(
    {
        "ink": "#222222",
        "faint": "#bbbbbb",
        "blue": "#0072B2",
        "orange": "#D55E00",
        "green": "#009E73",
        "purple": "#CC79A7",
    }
)
"""Colours that everybody can tell apart (Okabe and Ito)."""


@contextmanager
def style() -> Iterator[None]:
    """The style of all plots, for figures that are made within."""
    ink, faint = COLOURS["ink"], COLOURS["faint"]
    how: Any = {
        "font.size": 9,
        "axes.titlesize": 9,
        "axes.edgecolor": faint,
        "axes.labelcolor": ink,
        "axes.titlecolor": ink,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.color": faint,
        "grid.alpha": 0.4,
        "grid.linewidth": 0.6,
        "legend.frameon": False,
        "legend.fontsize": 8,
        "lines.linewidth": 1.4,
        "text.color": ink,
        "xtick.color": ink,
        "ytick.color": ink,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "pdf.fonttype": 42,
        "svg.fonttype": "none",
        "svg.hashsalt": "stackmend",
        "text.parse_math": False,  # names are anybody's: a dollar in them is a dollar
        "text.usetex": False,  # nor a command, if a matplotlibrc in the working folder has it so
    }
    with mpl.rc_context(how):
        yield


def figure(width: float = 4.4, height: float = 2.3) -> Figure:
    """An empty figure, in inches; never one of pyplot's, so that no display is needed."""
    return Figure(figsize=(width, height), layout="constrained")
