"""Charts as SVG: sound markup whatever the names, and something to see whatever the data."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from stackmend.report import charts, page_plots, plot_data
from stackmend.report.landscape import Search, Trial
from stackmend.report.scales import Frame, Scale
from stackmend.report.trust import Compared, Jump
from stackmend.result.rows import SliceRow, Status

FRAME = Frame(Scale(0, 10, 0, 100), Scale(0, 10, 100, 0))
NAMES = [
    "<script>alert(1)</script>",
    "a & b; \"c\" 'd' &lt;",
    "\N{GRINNING FACE}\N{FAMILY}",
    "a very long name of a parameter, longer than any plot is wide, and longer still",
    "שם ארוך מאוד של פרמטר",
    "$x^2$ %s {0} {{ 7 * 7 }}",
]


def parsed(svg: str) -> ElementTree.Element:
    """The elements of a chart; not a number is nowhere in it."""
    assert not re.search(r"nan|inf(?!\w)|None", re.sub(r">[^<]*<", "><", svg), re.IGNORECASE)
    return ElementTree.fromstring(svg)


def said(svg: str) -> list[str]:
    """The texts of a chart, in full where they are cut."""
    found = []
    for each in parsed(svg).iter("text"):
        title = each.find("title")
        found.append("".join(each.itertext()) if title is None else str(title.text))
    return found


def path_of(svg: str, kind: str) -> str:
    (path,) = [each for each in parsed(svg).iter("path") if kind in each.get("class", "").split()]
    return path.get("d", "")


def searched(losses: list[float | None], values: list[str], name: str = "sigma") -> Search:
    trials = tuple(
        Trial(place, (value, "1"), loss)
        for place, (value, loss) in enumerate(zip(values, losses, strict=True))
    )
    return Search(0, None, (name, "other"), trials)


# What is drawn


def test_a_line_has_gaps_where_nothing_is_known() -> None:
    points = [(0, 0), (1, 2), (2, math.nan), (3, 4), (4, 5.55)]
    line = charts.chart(10, 10, [charts.curve(points, "blue", "--")])
    assert path_of(line, "curve") == "M0 0L1 2M3 4L4 5.5"
    assert 'class="curve dashed blue"' in line
    assert path_of(charts.chart(10, 10, [charts.dots(points, "blue")]), "dots").count("M") == 4
    assert charts.curve([], "blue") == charts.dots([(math.nan, 1)], "blue") == ""


def test_an_area_and_the_stairs_of_a_histogram() -> None:
    area = charts.between(FRAME, [(0, 1, 2), (10, 3, 4)], "blue")
    assert 'd="M0 80 100 60 100 70 0 90z"' in area
    assert charts.stairs(FRAME, [0, 5, 10], [1, 2]) == [
        *((0, 100), (0, 90), (50, 90), (50, 80), (100, 80), (100, 100)),
    ]
    assert charts.between(FRAME, [], "blue") == ""


def test_colours_of_a_map_go_from_dark_to_bright() -> None:
    assert charts.heat(0) == charts.heat(-1) == "#00224e"
    assert charts.heat(1) == charts.heat(2) == "#fee838"
    brightness = [sum(bytes.fromhex(charts.heat(share / 50)[1:])) for share in range(51)]
    assert brightness == sorted(brightness)


@pytest.mark.parametrize("shape", charts.SHAPES)
def test_every_shape_is_a_mark(shape: str) -> None:
    (path,) = parsed(charts.chart(10, 10, [charts.mark((1, 2.25), shape, "orange")])).iter("path")
    assert path.get("transform") == "translate(1 2.2)"


def test_a_legend_goes_on_in_the_next_row() -> None:
    entries = [("-", "blue", "a long name"), ("area", "orange", "another"), ("star", "green", "c")]
    whole = charts.legend_width(entries)
    assert charts.legend_rows(entries, 0, whole + 1) == 1
    assert charts.legend_rows(entries, 0, whole / 2) > 1
    assert charts.legend_rows([], 0, 10) == 0
    drawn = charts.chart(whole, 50, [charts.legend(entries, 0, whole / 2, 8)])
    assert said(drawn) == ["a long name", "another", "c"]


@pytest.mark.parametrize("name", NAMES)
def test_names_are_text_and_are_said_in_full(name: str) -> None:
    for room in (20.0, math.inf):
        assert said(charts.chart(9, 9, [charts.text(0, 0, name, room=room)])) == [name]
    search = searched([1.0, 2.0], [name, f"{name}2"], name)
    assert {name, f"{name}2"} <= set(said(page_plots.marginal(search, name)))
    assert {name, "other"} <= set(said(page_plots.heat_map(search, (name, "other"))))


# Data that is hardly any


@pytest.mark.parametrize(
    ("losses", "values"),
    [
        ([1.0], ["5"]),
        ([1.0, 1.0, 1.0], ["1", "2", "3"]),
        ([0.0, 0.0], ["1", "2"]),
        ([None, 1.0, None], ["1", "2", "3"]),
        ([1e-9, 1e9], ["x", "y"]),
        ([float(i % 7) for i in range(400)], [str(i) for i in range(400)]),
    ],
)
def test_a_search_of_any_kind(losses: list[float | None], values: list[str]) -> None:
    search = searched(losses, values)
    graph, places = page_plots.loss_graph(search, plot_data.drawn(search))
    assert len(places) == len(search.scored)
    assert all(0 < x < 1 and 0 < y < 1 for x, y in places)
    assert path_of(graph, "dots").count("M") == len(places)
    parsed(page_plots.marginal(search, "sigma"))
    cells = parsed(page_plots.heat_map(search, ("sigma", "other"))).find("g")
    assert cells is not None
    assert len(cells) == len(search.lowest("sigma", "other"))


def rows_of(count: int, **columns: Callable[[int], Any]) -> list[SliceRow]:
    rows = []
    for place in range(count):
        values = {name: make(place) for name, make in columns.items()}
        rows.append(SliceRow(place, 0, "", Status.RESTORED, **values))
    return rows


@pytest.mark.parametrize("count", [1, 3, 60, 400, 401, 5000])
def test_a_stack_of_any_length(count: int) -> None:
    rows = rows_of(
        count, mean_before=lambda i: i % 9 or math.pi, mean_after=lambda _: 5, mask_area=int
    )
    odd = [Jump(count - 1, 0, "", "mean_after", "", 99.0, 5.0, 9.0, in_the_input=False)]
    svg = page_plots.along_stack(rows, odd)
    assert {"masked area (px)", "mean grey level", "before", "after", "slice"} <= set(said(svg))
    assert (
        len([each for each in parsed(svg).iter("path") if each.get("class") == "open orange"]) == 1
    )
    assert len(svg) < 80_000


def test_of_a_long_stack_no_extreme_is_lost() -> None:
    rows = rows_of(5000, mean_after=lambda i: 1000 if i == 1234 else 5)
    ((curve,),) = [panel.curves for panel in plot_data.panels(rows, [])]
    assert len(curve.points) == len(curve.around) == plot_data.STRETCHES
    assert max(high for *_, high in curve.around) == 1000
    assert {level for _, level in curve.points} == {5}


def test_a_stack_of_which_nothing_is_known() -> None:
    assert plot_data.panels(rows_of(5), []) == []
    parsed(page_plots.along_stack(rows_of(5), []))
    parsed(page_plots.along_stack([], []))


@pytest.mark.parametrize("levels", [[], [7.0], [7.0, 7.0], [None, 1.0, None, 2.0], [None]])
def test_a_line_profile_of_anything(levels: list[float | None]) -> None:
    line = {"start": 10, "before": levels, "after": levels, "masked": [[10, 11]]}
    profile = {"y": 3, "x": 12, **line, "across": {**line, "start": 1}}
    titles = ("x (px), along the scan line y = 3", "y (px), across the scan lines at x = 12")
    for (_, found), title in zip(plot_data.profiles(profile), titles, strict=True):
        svg = page_plots.line_profile(*found)
        assert title in said(svg)
        shaded = [each for each in parsed(svg).iter("path") if each.get("class") == "band faint"]
        assert len(shaded) == 1


def test_numbers_that_steps_say_have_a_panel_each() -> None:
    rows = [SliceRow(i, 0, "", Status.RESTORED, facts={"find.null": i}) for i in range(9)]
    assert plot_data.panels(rows, []) == []
    (panel,) = plot_data.panels(rows, [], {"find.null": "what chance does", "find.x": "no such"})
    assert panel.label == "what chance does"
    assert [level for _, level in panel.curves[0].points] == list(range(9))


@pytest.mark.parametrize("shares", [[0.0, 0.0], [1.0], [0.1, 0.7, 0.2]])
def test_histograms_of_anything(shares: list[float]) -> None:
    names = [f"{kind}_{moment}" for kind in ("region", "ring") for moment in ("before", "after")]
    svg = page_plots.histograms(dict.fromkeys(names, shares))
    assert {"before", "after", "rings around them", "share of pixels"} <= set(said(svg))


@pytest.mark.parametrize(
    "slices",
    [
        [],
        [Compared(1, "optimization", None, 0.5)],
        [Compared(1, "optimization", None, None)],
        [Compared(i, "held out", 1.0, 1.0) for i in range(20)],
    ],
)
def test_losses_of_any_slices(slices: list[Compared]) -> None:
    svg = page_plots.losses_compared(slices)
    diamonds = [each for each in parsed(svg).iter("path") if each.get("class") == "mark blue"]
    known = [each for each in slices if each.after is not None]
    assert len(diamonds) == len(known) + 1  # one is in the legend
