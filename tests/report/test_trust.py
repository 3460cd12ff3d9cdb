"""Slices that stand out, and verdicts, by the facts they are made of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from records import OUTPUT, record, search_content
from stackmend.report.landscape import Search, Trial
from stackmend.report.trust import Jump, agreement, compared, jumps
from stackmend.report.verdict import verdict
from stackmend.result import Result
from stackmend.result.decoding import decode
from stackmend.result.previews import Comparison, Previews, ShownSearch
from stackmend.result.record import SearchRecord
from stackmend.result.rows import LossRow, SliceRow, Status


def table(count: int = 20, **columns: Any) -> list[SliceRow]:
    """Rows of slices.csv, quiet but for a little noise, with some values of columns replaced."""
    random = np.random.default_rng(3)
    quiet = {
        "mask_area": 1000,
        "mean_before": 100,
        "mean_after": 101,
        "noise_before": 5,
        "noise_after": 5,
    }
    rows = []
    for index in range(count):
        noisy: dict[str, Any] = {"changed_fraction": 0.02}
        for name, value in quiet.items():
            noisy[name] = value * (1 + 0.002 * random.standard_normal())
        for name, changes in columns.items():
            if index in changes:
                noisy[name] = changes[index]
        rows.append(SliceRow(index, 0, f"s{index}.tif", Status.RESTORED, **noisy))
    return rows


TESTED = {
    "of": "charge",
    "step": "find",
    "channel": 0,
    "slices": [1],
    "skipped": {},
    "seconds": 0.1,
    "places": 12,
    "found": 11,
    "faint": 0.1,
    "reason": "",
    "taken": 0.83,
    "taken_least": 0.71,
    "taken_most": 0.9,
    "clean_change": 0.1,
    "clean_changed": 0.0002,
}


def search(loss: float = 0.5, **parts: Any) -> Search:
    trials = (Trial(0, ("1",), 1.5), Trial(1, ("2",), loss))
    content = search_content(loss_of_choice=loss, **parts)
    return Search(0, decode(SearchRecord, content), ("sigma",), trials)


def source(
    before: float | None = 1.6,
    after: float = 0.5,
    held_out_before: float | None = None,
    slices: list[SliceRow] | None = None,
    **parts: Any,
) -> Result:
    """A finished run with a search; keywords are parts of its record."""
    losses = {1: Comparison(before, after)}
    if held_out_before is not None:
        losses[2] = Comparison(held_out_before, None)
    shown: ShownSearch = {
        "search": 0, "slice": 1, "points": {}, "broad": False, "frames": 2,
        "animation": "a.webp", "still": "s.webp", "compared": losses,
    }  # fmt: skip
    return Result(
        Path(),
        record(**{"searches": [search_content()], "recovery": [TESTED], **parts}),
        losses=[LossRow(0, 0, 1, 1, {"sigma": "2"}, after, after)],
        slices=table() if slices is None else slices,
        previews=Previews(searches=(shown,)),
    )


# Jumps


def test_a_quiet_stack_has_no_jumps() -> None:
    assert jumps(table()) == []


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("mask_area", 2000, "masked area"),
        ("mean_after", 110, "mean grey level"),
        ("noise_after", 7, "noise"),
    ],
)
def test_a_jump_is_found_where_it_is(column: str, value: float, what: str) -> None:
    (jump,) = jumps(table(**{column: {7: value}}))
    assert (jump.slice, jump.name, jump.what, jump.in_the_input) == (7, "s7.tif", what, False)
    assert jump.value == value
    assert jump.around == pytest.approx(value, rel=0.6)


def test_what_jumps_in_the_input_too_is_told_apart() -> None:
    found = jumps(table(mean_after={7: 110, 12: 120}, mean_before={12: 119}))
    assert [(jump.slice, jump.in_the_input) for jump in found] == [(12, True), (7, False)]


def test_a_slow_drift_is_no_jump() -> None:
    assert jumps(table(60, mean_after={index: 100 + index for index in range(60)})) == []


def test_charge_that_comes_and_goes_does_not_stand_out() -> None:
    every_third = {index: 0 if index % 3 else 9000 for index in range(60)}
    assert jumps(table(60, mask_area=every_third)) == []
    assert [jump.slice for jump in jumps(table(60, mask_area={7: 9000, 31: 9000}))] == [7, 31]


def test_a_lone_region_in_an_empty_stack_is_a_jump() -> None:
    rows = table(mask_area=dict.fromkeys(range(20), 0) | {9: 300})
    assert [jump.slice for jump in jumps(rows)] == [9]


def test_channels_are_not_neighbours() -> None:
    """Two channels of different brightness, slice after slice."""
    first, second = (
        table(mask_area={5: 2000}),
        table(mean_after={index: 200 + index / 99 for index in range(20)}),
    )
    rows = []
    for one, other in zip(first, second, strict=True):
        rows += [one, replace(other, channel=2)]
    found = [(jump.slice, jump.channel, jump.what) for jump in jumps(rows)]
    assert found == [(5, 0, "masked area")]


def test_slices_that_could_not_be_used() -> None:
    rows = table()
    rows[3] = SliceRow(3, 0, "s3.tif", Status.BLANK)
    told = verdict(source(slices=rows), [search()], jumps(rows))
    assert told.reasons == ("1 slice could not be used (3).",)


def test_a_short_stack_says_nothing_about_jumps() -> None:
    assert jumps(table(6, mean_after={3: 200})) == []
    assert jumps([]) == []


# Verdicts


CLEAN = {"clean": {"slice 9": 0.0004}, "max_changed": 0.001}


def test_improved_and_clean_slices_left_alone() -> None:
    told = verdict(source(), [search(**CLEAN)], [])
    assert told.kind == "good"
    assert told.sentence == (
        "Charging was found and reduced: the loss fell from 1.600 to 0.500; of a known charge of "
        "this kind, 83 % (from 71 to 90 % over 12 places) is taken away; at most 0.04 % of the "
        "pixels of clean slices are changed, and no check raised a doubt."
    )


def test_without_clean_slices_the_test_on_known_charge_speaks() -> None:
    told = verdict(source(), [search()], [])
    assert told.kind == "good"
    assert told.sentence.startswith("Charging was found and reduced: the loss fell from 1.600 to ")
    told = verdict(source(recovery=[TESTED | {"taken": 0.4}]), [search()], [])
    assert told.kind == "doubtful"
    assert told.reasons == ("Less than half of a known charge is taken away (find).",)


@pytest.mark.parametrize("clean", [{}, CLEAN])
def test_where_no_share_is_known_the_verdict_says_so(clean: dict[str, Any]) -> None:
    unknown = TESTED | {"taken": None, "reason": "only 2 of 9 known ones were found"}
    told = verdict(source(recovery=[unknown]), [search(**clean)], [])
    assert told.kind == "neutral"
    assert "how much of the charge is taken away is not known: only 2 of 9" in told.sentence
    assert ("whether tissue was harmed" in told.sentence) == (not clean)
    told = verdict(source(recovery=[]), [search(**CLEAN)], [])
    assert "how much charging is left is not known" in told.sentence


def test_steps_without_a_search_are_judged_by_the_test() -> None:
    told = verdict(source(searches=[]), [], [])
    assert told.kind == "good"
    assert "parameters given: of a known charge of this kind, 83 %" in told.sentence


def test_without_clean_slices_it_is_said_what_is_not_known() -> None:
    told = verdict(source(recovery=[]), [search(finds="")], [])
    assert (told.kind, told.sentence) == (
        "neutral",
        "The loss fell from 1.600 to 0.500; whether tissue was harmed is not known: name clean "
        "slices under optimize.clean.",
    )


@pytest.mark.parametrize("status", ["refused", "left_alone"])
def test_a_search_that_was_kept_from_applying_anything(status: str) -> None:
    reason = "every combination changes clean slices; nothing was applied"
    refused = search_content(status=status, reason=reason)
    told = verdict(source(searches=[refused], slices=unchanged()), [], [])
    assert (told.kind, told.sentence) == ("neutral", f"E{reason[1:]}.")
    told = verdict(source(searches=[refused, search_content()]), [search(**CLEAN)], [])
    assert told.kind == "doubtful"
    assert told.reasons == (f"E{reason[1:]} of find.",)


def test_improved_by_a_loss_that_has_no_words() -> None:
    told = verdict(source(), [search(finds="", **CLEAN)], [])
    assert told.sentence.startswith("The stack was improved: the loss fell from 1.600 to 0.500; ")


def test_a_loss_that_did_not_fall() -> None:
    told = verdict(source(before=0.4), [search()], [])
    assert told.kind == "bad"
    assert told.sentence.startswith("No improvement: the loss was 0.400 before and is 0.500")


def test_each_doubt_is_counted() -> None:
    found = search(on_edge={"sigma": "upper"}, held_out={"2": 1.9}, **CLEAN)
    odd = [Jump(4, 4, "s4", "mean_after", "mean grey level", 9, 1, 50, in_the_input=False)]
    told = verdict(source(held_out_before=1.7, output=OUTPUT | {"clipped": 30}), [found], odd)
    assert told.kind == "doubtful"
    assert "4 checks raised a doubt" in told.sentence
    assert told.reasons == (
        "On held-out slice 2 the correction did not lower the loss (1.700 before, 1.900 after).",
        "The choice lies on the edge of its range for sigma: better values may lie beyond.",
        "1 slice does not fit to the neighbours (4).",
        "30 pixels (1.50%) were clipped to the range of the output type.",
    )


def test_the_truth_decides_where_it_is_known() -> None:
    told = verdict(source(truth={"rmse_before": 2.0, "rmse_after": 3.0}), [search()], [])
    assert (told.kind, told.sentence[:24]) == ("bad", "The stack got worse: its")
    told = verdict(source(truth={"rmse_before": 3.0, "rmse_after": 2.0}), [search()], [])
    assert told.kind == "good"


def unchanged() -> list[SliceRow]:
    return table(changed_fraction=dict.fromkeys(range(20), 0.0))


@pytest.mark.parametrize(
    ("finds", "found"), [("charging", "No charging was found"), ("", "Nothing was found")]
)
def test_nothing_found_in_the_words_of_the_loss(finds: str, found: str) -> None:
    searches = [search_content(status="nothing_found", finds=finds)]
    told = verdict(source(searches=searches, slices=unchanged()), [], [])
    assert (told.kind, told.sentence) == ("neutral", f"{found}, and the stack is as it was.")
    told = verdict(source(searches=searches, replaced_chain=True), [], [])
    assert told.kind == "doubtful"
    assert told.sentence.startswith(found)
    assert "applied instead" in told.sentence


def test_nothing_changed_and_nothing_measured() -> None:
    told = verdict(source(searches=[], slices=unchanged()), [], [])
    assert told.sentence.startswith("Nothing was changed")
    told = verdict(source(searches=[], recovery=[]), [], [])
    assert (told.kind, "no loss was measured" in told.sentence) == ("neutral", True)


def test_unfinished() -> None:
    events = [
        {"event": "started", "shape": [50, 9, 9]},
        {"event": "application started", "slices": 40},
    ]
    told = verdict(Result(Path(), slices=table(3), events=events), [], [])
    assert told.sentence == "This run is not finished: 3 of 40 slices are restored."
    stopped = {"event": "stopped", "error": "OutputError", "message": "disk full"}
    told = verdict(Result(Path(), events=[*events[:1], stopped]), [], [])
    assert told.sentence == (
        "This run is not finished: no slice is restored yet. It stopped with OutputError: disk full"
    )


# Held-out slices


def test_losses_before_and_after_by_their_part_in_the_choice() -> None:
    slices = compared(search(held_out={"2": 0.6, "5": "undefined"}), source(held_out_before=1.7))
    assert [(each.slice, each.role, each.before, each.after) for each in slices] == [
        (1, "optimization", 1.6, 0.5),
        (2, "held out", 1.7, 0.6),
        (5, "held out", None, None),
    ]


def test_the_agreement_in_words() -> None:
    assert "No slice was held out" in agreement(compared(search(), source()))
    assert "carries over" in agreement(compared(search(held_out={"2": 0.6}), source()))
    assert "do worse" in agreement(compared(search(held_out={"2": 0.9}), source()))


def test_of_a_chain_with_other_steps_only_what_is_known_of_one_is_said_of_it() -> None:
    """Others change what is masked, and clean slices, too."""
    find = {"id": "find", "step": "find_charging", "package": "stackmend", "version": 1}
    chain = [{**find, "parameters": {}, "polarity": "dark"}]
    darker = [replace(row, masked_change=-3.0) for row in table()]
    alone = source(slices=darker, chain=chain)
    assert any("became darker" in each for each in verdict(alone, [search()], []).reasons)

    clean = {"clean": {"slice 4": 0.001}}
    of_mixed = {"recovery": [{**TESTED, "steps": ["find", "fill"]}], "chain": chain}
    mixed = source(slices=darker, searches=[search_content(**clean)], **of_mixed)
    said = verdict(mixed, [search(**clean)], [])
    assert not any("became darker" in each for each in said.reasons)
    assert "is taken away by find, fill" in said.sentence
    by = ", ".join(mixed.searches[0].steps)
    assert f"of the pixels of clean slices are changed by {by}" in said.sentence
