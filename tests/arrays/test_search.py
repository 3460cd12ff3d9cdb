"""A search on an array is that of a run, and says what it came to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

import stackmend
from conftest import CHAIN, OPTIMIZE
from spied import Spied
from stackmend import api
from stackmend.errors import NothingFound, ProtocolError, WrongValue

PROTOCOL = {"protocol": 1, "chain": CHAIN, "optimize": OPTIMIZE}


def test_it_chooses_what_a_run_chooses(tmp_path: Path, charged: Any) -> None:
    stack = charged()
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    (tmp_path / "protocol.json").write_text(json.dumps(PROTOCOL))
    run = api.run(tmp_path / "protocol.json", input=tmp_path / "stack.tif", output=tmp_path / "out")
    record = run.record["searches"][0]
    found = stackmend.search(PROTOCOL, stack)
    short = {name.split(".")[1]: value for name, value in found.chosen.items()}
    assert short == record["chosen"]
    assert (found.loss, found.loss_before) == (record["loss_of_choice"], record["loss_before"])
    rows = [row for row in stackmend.show(tmp_path / "out").losses if row.values]
    losses = [row.loss for row in rows if str(row.status) in ("ok", "refused", "failed")]
    assert found.losses[1] == losses[: len(found.table)]
    assert [row["status"] for row in found.table].count("chosen") == 1
    assert len(found.table) == record["combinations"] == 4
    assert found.slices == (1,)
    assert list(found.held_out) == [2]


def test_what_was_chosen_is_applied_and_frozen(tmp_path: Path, charged: Any) -> None:
    stack = charged()
    found = stackmend.search(PROTOCOL, stack)
    known = stackmend.apply(PROTOCOL, stack)
    assert np.array_equal(found.apply(stack), known)
    assert np.array_equal(stackmend.apply(found, stack), known)
    assert np.array_equal(stackmend.apply(found.protocol, stack), known)
    assert np.array_equal(found.apply(stack[1]), known[1])

    # The text can be saved and run: it has the values, and nothing to search.
    content = yaml.safe_load(found.protocol)
    assert "optimize" not in content
    assert "sweep" not in found.protocol
    assert content["chain"][1]["gf1_sigma"] == found.chosen["find_charging.gf1_sigma"]
    tifffile.imwrite(tmp_path / "stack.tif", stack, photometric="minisblack")
    (tmp_path / "frozen.yaml").write_text(found.protocol)
    api.run(tmp_path / "frozen.yaml", input=tmp_path / "stack.tif", output=tmp_path / "out")
    written = [tifffile.imread(each) for each in sorted((tmp_path / "out/stack").iterdir())]
    assert np.array_equal(np.stack(written), known)


def test_slices_are_given_in_place_of_those_of_the_protocol(charged: Any) -> None:
    stack = charged()
    bare = {"protocol": 1, "chain": CHAIN}
    assert stackmend.search(bare, stack, slices=[0, 3]).slices == (0, 3)
    assert stackmend.search(bare, stack[0]).slices == (0,)
    several = {
        **PROTOCOL,
        "optimize": [{**OPTIMIZE, "steps": ["find_charging", "correct_charging"]}],
    }
    assert stackmend.search(several, stack, slices=np.array([3])).slices == (3,)
    assert stackmend.search(yaml.safe_dump(several), stack, slices=(3,)).slices == (3,)


def test_only_what_is_searched_on_is_read(charged: Any) -> None:
    spied = Spied(charged(9))
    stackmend.search(PROTOCOL, spied, slices=[5])
    assert set(spied.taken) == {5, 2}  # and what is held out


def test_it_says_why_nothing_was_chosen(charged: Any) -> None:
    stack = charged()
    nothing = stackmend.search(PROTOCOL, stack, set={"find_charging.color_shift": 1})
    assert nothing.chosen == {}
    assert nothing.status == "nothing_found"
    assert "no combination finds any" in nothing.reason
    assert {row["status"] for row in nothing.table} == {"nothing_found"}
    assert nothing.protocol is None
    with pytest.raises(NothingFound, match="no combination finds any"):
        nothing.apply(stack)
    assert "nothing chosen" in repr(nothing)
    skipped = {"find_charging.color_shift": 1, "optimize.on_nothing_found": "skip"}
    left_out = stackmend.search(PROTOCOL, stack, set=skipped)
    assert left_out.reason
    assert np.array_equal(left_out.apply(stack), stack)


def test_chains_of_which_one_is_taken(charged: Any) -> None:
    streaks = [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}]
    chains = {"domes": CHAIN, "streaks": streaks}
    protocol = {
        "protocol": 1,
        "chain": [{"one_of": chains}],
        "optimize": {"slices": [1], "loss": "common_histogram"},
    }
    found = stackmend.search(protocol, charged())
    assert {row["one_of"] for row in found.table} == {"domes", "streaks"}
    assert np.array_equal(found.apply(charged()), stackmend.apply(protocol, charged()))


def test_mistakes_are_told(charged: Any) -> None:
    stack = charged()
    with pytest.raises(WrongValue, match="has no sweep"):
        stackmend.search({"protocol": 1, "chain": [{"step": "median_z"}]}, stack)
    with pytest.raises(ProtocolError, match="no optimize entry"):
        stackmend.search({"protocol": 1, "chain": CHAIN}, stack)
    with pytest.raises(ProtocolError, match="array has 4 slices, 0 to 3"):
        stackmend.search(PROTOCOL, stack, slices=[4])


def test_it_is_shown_in_notebooks_with_everything_escaped(charged: Any) -> None:
    found = stackmend.search(PROTOCOL, charged())
    page = found._repr_html_()
    assert page.count("<tr>") == 5
    assert "find_charging.gf1_sigma = " in page
    assert "without correction" in repr(found)
    odd = type(found)({"<b>": "<i>"}, 1.0, None, "", (0,), [{"<u>": "<s>", "loss": 0.5}])
    assert not any(tag in odd._repr_html_() for tag in ("<b>", "<i>", "<u>", "<s>"))
