"""What the report shows of each step: what it took away, what it declares, how it was chosen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from report_runs import rows
from restorations import SMALL, write_restoration
from stackmend import api, registry
from stackmend.chain import Bound
from stackmend.pictures.steps import StepPictures
from stackmend.registry import IMAGE, Picture, Plot, Show, Stage, Step
from stackmend.registry.catalogue import unknown_in_shows
from stackmend.report.steps import step_parts, weaknesses
from stackmend.result import Result, open_result
from stackmend.stacks import open_phantom
from stackmend.tuning.chains import ChannelChain

CHAIN: list[dict[str, Any]] = [
    {"step": "flatten", "id": "even", "order": 2},
    {"step": "destripe", "strength": {"sweep": [0.8, 1]}},
    {"step": "match_histogram", "reference": 2},
    {"step": "denoise", "h": {"sweep": [0.7, 1]}, "reach": 0},
]
OPTIMIZE: list[dict[str, Any]] = [
    {"steps": ["destripe"], "slices": [0], "validate": [4], "loss": "stripe_isotropy"},
    {"steps": ["denoise"], "slices": [2], "loss": "j_invariance"},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("steps")
    return api.run(write_restoration(place, SMALL, CHAIN, OPTIMIZE), workers=1).folder


@pytest.fixture(scope="module")
def source(folder: Path) -> Result:
    return open_result(folder)


@pytest.fixture(scope="module")
def parts(source: Result) -> dict[str, dict[str, Any]]:
    return {part["id"]: part for part in step_parts(source)}


def test_the_steps_stand_in_the_order_of_the_chain(parts: dict[str, Any]) -> None:
    assert list(parts) == ["even", "destripe", "match_histogram", "denoise"]
    assert parts["even"]["step"] == "flatten"
    for part in parts.values():
        assert part["about"]
        assert part["watch"]
        assert 1 <= len(part["seen"]) <= 3
        assert all(seen["histogram"] for seen in part["seen"] if seen["picture"])


def test_what_was_taken_away_is_that_of_the_step(source: Result, folder: Path) -> None:
    """Root mean square of the curtains, as the step itself says of each slice."""
    said = {row["slice"]: row for row in rows(folder / "slices.csv")}
    shown = next(each for each in source.previews.steps if each["step"] == "destripe")
    strength = source.searches[0].chosen["strength"]
    for seen in shown["seen"]:
        known = float(said[str(seen["slice"])]["destripe.curtains"])
        assert seen["rms"] == pytest.approx(strength * known, rel=1e-3)


def test_each_shows_what_it_is_about(parts: dict[str, Any]) -> None:
    titles = {id: [part["title"] for part in each["parts"]] for id, each in parts.items()}
    assert titles["even"] == ["Mean by place", "Spread by place"]
    assert titles["destripe"] == ["Curtains by width", "What there is to gain"]
    assert titles["denoise"] == ["Noise by grey level"]
    [mean] = parts["even"]["parts"][0]["drawn"]
    assert mean["picture"].startswith("data:image/webp")
    assert "order 2" in mean["note"]
    [strength] = parts["destripe"]["parts"][0]["drawn"]
    assert "structure alone" in strength["plot"]
    assert "0 degrees" in strength["note"]
    assert "Correlation" in parts["denoise"]["parts"][0]["drawn"][0]["note"]
    # What the whole stack shares is there once, what each slice has for each that is shown.
    assert len(parts["denoise"]["parts"][0]["drawn"]) == len(parts["denoise"]["seen"])


def test_what_it_says_of_every_slice_is_a_curve_or_one_number(parts: dict[str, Any]) -> None:
    assert [value for words, value in parts["even"]["facts"] if "order" in words] == ["2"]
    assert any("curtains" in words for words, _ in parts["destripe"]["curves"])


def test_the_choice_and_the_page_say_what_was_searched(parts: dict[str, Any], folder: Path) -> None:
    assert parts["even"]["choices"] == []
    [choice] = parts["destripe"]["choices"]
    assert choice["words"].startswith("Chosen by stripe_isotropy: strength")
    assert "for the slice left as it is" in choice["words"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.index('id="steps"') < page.index('id="step-destripe"') < page.index('id="choice"')
    assert page.index('id="s0"') < page.index('id="s1"')


def test_a_slice_left_as_it_is_can_win(source: Result) -> None:
    search = replace(source.searches[0], status="left_alone", chosen={}, reason="nothing is better")
    record = replace(source.record, searches=(search,), skipped_steps=("destripe",))
    record = replace(record, chain=tuple(each for each in record.chain if each.id != "destripe"))
    parts = step_parts(replace(source, finished_record=record))
    assert parts[-1]["id"] == "destripe"
    assert parts[-1]["left_out"]
    [choice] = parts[-1]["choices"]
    assert "the slice as it is won: nothing is better" in choice["words"]


def test_the_weakness_of_a_loss_is_told_where_it_was_used(source: Result) -> None:
    search = replace(source.searches[0], loss="one", known_weakness="it is weak")
    assert weaknesses(search) == {"one": "it is weak"}
    assert weaknesses(source.searches[1]) == {}


def test_the_verdict_is_about_all_searches(folder: Path, source: Result) -> None:
    from stackmend.report.landscape import searches
    from stackmend.report.verdict import verdict

    without_truth = replace(source, finished_record=replace(source.record, truth=None))
    told = verdict(without_truth, searches(source), ()).sentence
    assert told.startswith("Every step lowered its loss (curtains from ")
    assert "noise from " in told
    assert "look at what each step took away" in told


def test_what_the_page_shows_of_steps_is_written_for_papers(folder: Path, source: Result) -> None:
    files = {file.stem for file in api.figures(folder, dpi=40)}
    shown = 0
    for step in source.previews.steps:
        own = [name for name in files if name.startswith(f"step_{step['step']}_")]
        pictures = [each for each in step["seen"] if each["picture"]]
        histograms = [each for each in step["seen"] if each["before"]]
        assert len(own) == len(pictures) + len(histograms) + len(step["parts"])
        shown += len(step["parts"])
    assert shown > 3
    assert "step_destripe_taken_slice0" in files


def halved(image: np.ndarray) -> np.ndarray:
    return image * np.float32(0.5)


def half_of(image_before: np.ndarray, image: np.ndarray) -> Picture:
    assert np.array_equal(image_before * np.float32(0.5), image)
    return Picture(image, signed=True, note="half")


def never(image: np.ndarray) -> None:
    return None


def twice(*, times: int) -> Plot:
    return Plot("x", "y", {"line": [1.0, 2.0 * times]})


def times_two(image: np.ndarray, *, times: int) -> np.ndarray:
    return image * np.float32(times)


def test_a_step_of_another_package_shows_what_it_declares(tmp_path: Path) -> None:
    """Pictures and plots from its products and its parameters; the report knows no step by name."""
    shows = (
        Show("Half", "Of each.", half_of),
        Show("Never", "Nothing.", never),
    )
    half = Step(name="half", version=1, stages=(Stage(halved, makes=IMAGE),), shows=shows)
    whole = Show("Twice", "Once.", twice, whole_stack=True)
    stages = (Stage(times_two, makes=IMAGE),)
    double = Step(name="double", version=1, stages=stages, shows=(whole,))
    reader = open_phantom({"slices": 2, "height": 64, "width": 80})
    chain = ChannelChain(reader, (Bound(half, "h", {}), Bound(double, "d", {"times": 2})))
    pictures = StepPictures(chain, tmp_path)
    first, second = pictures.make(0, first=True), pictures.make(1, first=False)
    [part] = first["h"]["parts"]
    assert (part["title"], part["note"], part["slice"]) == ("Half", "half", 0)
    assert (tmp_path / part["picture"]).is_file()
    assert first["d"]["parts"][0]["plot"]["curves"] == {"line": [1.0, 4.0]}
    assert second["d"]["parts"] == []
    raw = reader.read(0).astype(np.float64)
    assert first["h"]["seen"]["rms"] == pytest.approx(np.sqrt(np.mean((raw / 2) ** 2)))


def asks(other: np.ndarray, *, nowhere: int) -> None:
    return None


def test_a_show_asks_for_what_its_step_has() -> None:
    """Else the step of another package is named as broken, before it costs anyone a report."""
    shows = (Show("Odd", "What is not there.", asks),)
    odd = Step(name="odd", version=1, stages=(Stage(halved, makes=IMAGE),), shows=shows)
    assert list(unknown_in_shows(odd)) == [("Odd", "other"), ("Odd", "nowhere")]
    for step in registry.steps().usable():
        assert list(unknown_in_shows(step)) == []
