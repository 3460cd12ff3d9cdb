"""The page: what stands in it, for every kind of run; what must never; and where it cannot be."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jinja2 import StrictUndefined

import stackmend.report.page
from report_runs import CHAIN, NAME, OPTIMIZE, SLICE, Run, rows
from stackmend import api
from stackmend.errors import OutputError
from stackmend.result import atomic, open_result

VOID = {"meta", "link", "img", "input", "br", "source", "use", "path", "wbr"}


class Outline(HTMLParser):
    """What a page consists of, and whether its elements are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("script", "style"):
            self.text += data


def text_of(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def said(folder: Path) -> str:
    return re.sub(r"\s+", " ", Outline(text_of(folder)).text)


def test_it_is_sound_html_that_asks_for_nothing(shared: Path) -> None:
    page = Outline(text_of(shared))
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.tags:
        for name in ("src", "href", "srcset", "xlink:href"):
            address = attributes.get(name) or "#"
            assert address.startswith(("#", "data:")), f"{tag} {name}"
        assert not any(name.startswith("on") for name in attributes)
        if tag == "img":
            assert "alt" in attributes
    (policy,) = [
        a["content"] for t, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "script-src 'sha256-" in policy
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_what_a_person_wrote_is_text(shared: Path) -> None:
    text = text_of(shared)
    assert NAME not in text
    assert SLICE not in text
    assert NAME in said(shared)
    assert SLICE in said(shared)
    assert text.count("<script") == 2


def test_the_parts_of_a_page(shared: Path) -> None:
    text = said(shared)
    record = json.loads((shared / "run.json").read_text(encoding="utf-8"))
    for heading in (
        "Before and after",
        "The choice",
        "Can it be trusted?",
        "Provenance",
        "Methods and citation",
    ):
        assert heading in text
    (search,) = record["searches"]
    assert f"with a loss of {search['loss_of_choice']:.4f}" in text
    for name, value in search["chosen"].items():
        assert f"{name} {value:g}" in text
    for step in record["chain"]:
        for name, each in step["parameters"].items():
            assert name in text
            assert each["origin"] in text
    for value in (
        record["input"]["pixel_hash"],
        record["output"]["pixel_hash"],
        record["environment"]["python"],
    ):
        assert value in text
    best = min(float(row["mean_loss"]) for row in rows(shared / "losses.csv") if row["mean_loss"])
    assert f"{best:.4f}" in text
    for warning in record["warnings"]:
        assert warning in text


def test_the_same_files_give_the_same_page(result: Path) -> None:
    first = text_of(result)
    api.report(result)
    assert text_of(result) == first


def test_estimates_stand_beside_what_it_took(result: Path) -> None:
    assert "12.3 s" not in said(result)
    record = json.loads((result / "run.json").read_text(encoding="utf-8"))
    expected = {"search_s": 12.3, "apply_s": 45.6, "disk_bytes": 7_800_000, "workers": 2}
    record["estimate"] = {"expected": expected, "skipped": "", "actual": {"disk_bytes": 1.5e9}}
    (result / "run.json").write_text(json.dumps(record), encoding="utf-8")
    api.report(result)
    assert "estimated" in said(result)
    assert "46 s" in said(result)
    assert "disk1.5 GB7.8 MB" in said(result)
    record["estimate"] = {"expected": None, "skipped": "the run is short", "actual": {}}
    (result / "run.json").write_text(json.dumps(record), encoding="utf-8")
    api.report(result)
    assert "Nothing was estimated before: the run is short." in said(result)


def test_the_template_asks_for_nothing_that_does_not_exist(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lenient = stackmend.report.page._environment()
    lenient.undefined = StrictUndefined
    monkeypatch.setattr(stackmend.report.page, "_environment", lambda: lenient)
    assert stackmend.report.page.render(open_result(shared)) == text_of(shared)


# Every kind of run


def fixed(**values: Any) -> list[dict[str, Any]]:
    """The chain without sweeps, but for those given."""
    values = {"gf1_sigma": 12, "color_shift": 0.15, "rb_radius": 10} | values
    return [{key: values.get(key, value) for key, value in step.items()} for step in CHAIN]


def test_fixed_parameters_and_no_search(run_of: Run) -> None:
    folder = run_of(chain=fixed(), optimize=None)
    text = said(folder)
    assert "The steps were applied with the parameters given" in text
    assert "The choice" not in text
    assert "Before and after" in text


def test_steps_that_change_nothing(run_of: Run) -> None:
    text = said(run_of(chain=[CHAIN[0], CHAIN[3]], optimize=None))
    assert "Nothing was changed: every slice came out as it went in." in text
    assert "Not a single pixel of this slice was changed" in text


def test_a_search_over_one_parameter(run_of: Run) -> None:
    text = text_of(run_of(chain=fixed(rb_radius={"sweep": [5, 10]})))
    assert "What each parameter does" in text
    assert "How parameters work together" not in text


@pytest.mark.parametrize(
    "strategy", [{"name": "refine", "rounds": 2}, {"name": "sample", "count": 30}]
)
def test_strategies_that_are_no_grid(run_of: Run, strategy: dict[str, Any]) -> None:
    chain = fixed(
        gf1_sigma={"sweep": {"from": 8, "to": 16, "count": 3}}, rb_radius={"sweep": [5, 10]}
    )
    folder = run_of(chain=chain, optimize=OPTIMIZE | {"strategy": strategy})
    assert f"({strategy['name']})" in said(folder)
    assert len(rows(folder / "losses.csv")) > 6
    assert "Points of the search" in said(folder)


def test_nothing_found_and_left_as_it_was(run_of: Run) -> None:
    chain = fixed(color_shift={"sweep": [0.9, 0.95]})
    folder = run_of(chain=chain, optimize={"slices": [1], "on_nothing_found": "skip"})
    text = said(folder)
    assert "No charging was found, and the stack is as it was." in text
    assert "none of them has a loss: no combination finds any charging" in text
    assert "Left out, as nothing was found: find_charging, correct_charging." in text


def test_nothing_found_and_another_chain_instead(run_of: Run) -> None:
    instead = {"instead": [{"step": "global_decharge", "inverse": True, "rb_radius": 3}]}
    chain = fixed(color_shift={"sweep": [0.9, 0.95]})
    text = said(run_of(chain=chain, optimize={"slices": [1], "on_nothing_found": instead}))
    assert "the chain that the protocol gives for this case was applied instead" in text
    assert "global_decharge" in text


def test_two_searches_in_one_run(run_of: Run) -> None:
    dark = [
        dict(step, id=f"dark_{step['step']}") for step in fixed(rb_radius={"sweep": [5, 10]})[1:3]
    ]
    bright = [
        dict(step, id=f"bright_{step['step']}")
        for step in fixed(rb_radius={"sweep": [2, 5, 10]})[1:3]
    ]
    bright[0]["inverse"] = False
    entries = [OPTIMIZE | {"steps": [step["id"] for step in steps]} for steps in (dark, bright)]
    folder = run_of(chain=[CHAIN[0], *dark, *bright, CHAIN[3]], optimize=entries)
    text = said(folder)
    assert "dark_find_charging, dark_correct_charging" in text
    assert "bright_find_charging, bright_correct_charging" in text
    assert text.count("Every combination") == 2
    assert {"losses.webp"} == {file.name for file in folder.glob("losses*.webp")}
    assert (folder / "previews" / "losses1.webp").is_file()


def test_one_slice_and_constant_slices(run_of: Run, charged: Any) -> None:
    alone = {"slices": [0], "loss": OPTIMIZE["loss"]}
    text = said(run_of(charged(1), optimize=alone))
    assert "Slice by slice" in text
    assert "Along the stack" not in text
    assert "No slice was held out" in text
    stack = charged(9)
    stack[4:6] = 77
    text = said(run_of(stack))
    assert "2 of 9 slices are constant and left unchanged: 4, 5" in text
    stack = np.full((2, 48, 64), 9, np.uint8)
    text = said(run_of(stack, optimize=alone | {"on_nothing_found": "skip"}))
    assert "No charging was found" in text


def test_the_truth_of_a_synthetic_stack(run_of: Run) -> None:
    chain = [CHAIN[0], *fixed(gf1_sigma={"sweep": [10, 20]})[1:]]
    phantom = {"phantom": {"slices": 4, "height": 96, "width": 128}}
    folder = run_of(input=phantom, chain=chain, optimize={"slices": [1]})
    text = said(folder)
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    assert (
        f"{record['truth']['rmse_before']:.3g} before, {record['truth']['rmse_after']:.3g} after"
        in text
    )
    assert "error against the" in text


# Caps


def test_thousands_of_slices_make_no_larger_page(result: Path) -> None:
    """The tables of a long stack, many of whose slices jump."""
    table = rows(result / "slices.csv")
    header = ",".join(table[0])
    random = np.random.default_rng(1)
    lines = [header]
    for index in range(3000):
        row = dict(table[index % 9], slice=str(index), name=f"s{index}.tif")
        row["mean_after"] = str(100 + random.normal() + 50 * (index % 12 == 0))
        lines.append(",".join(row.values()))
    (result / "slices.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    api.report(result)
    text = text_of(result)
    assert len(text) < 3_000_000
    assert re.search(r"and \d+ more \(slices.csv\)", text)
    assert text.count("<tr>") < 200


def test_thousands_of_combinations_make_no_larger_page(result: Path) -> None:
    (row, *_) = rows(result / "losses.csv")
    random = np.random.default_rng(1)
    lines = [",".join(row)]
    for index in range(20_000):
        loss = str(random.uniform(0.5, 2))
        changed = {
            "combination": str(index),
            "gf1_sigma": str(index // 100),
            "color_shift": str(index % 100),
        }
        lines.append(",".join((row | changed | {"loss": loss, "mean_loss": loss}).values()))
    (result / "losses.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    api.report(result)
    text = text_of(result)
    assert len(text) < 3_000_000
    assert "combinations are left out of the drawing" in text


# When it cannot be made


def test_a_page_that_cannot_be_made_costs_no_result(
    run_of: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = run_of()
    protocol = folder.parent / "p.yaml"
    (folder / "report.html").unlink()

    def fail(_: object) -> str:
        raise RuntimeError("no ink")

    heard: list[str] = []

    def listener(kind: str, fields: Any) -> None:
        if kind == "note":
            heard.append(fields["message"])

    with monkeypatch.context() as patch:
        patch.setattr(stackmend.report.page, "render", fail)
        result = api.run(
            protocol, set={"correct_charging.gf2_sigma": "9"}, workers=1, listener=listener
        )
    reason = "no report was made (RuntimeError: no ink)"
    assert heard[-1] == f"{reason}; the result is complete, try again: stackmend report {folder}"
    assert (folder / "run.json").is_file()
    assert len(list(result.stack.iterdir())) == 9
    assert not (folder / "report.html").exists()
    api.report(folder)
    assert (folder / "report.html").is_file()


def test_code_that_cannot_be_imported(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "stackmend.report.page", None)
    with pytest.raises(OutputError, match=r"report.html: the code .* cannot be imported"):
        api.report(result)


def test_a_full_disk_leaves_the_earlier_page(result: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (result / "report.html").write_text("an earlier one")
    before = text_of(result)

    def fill_up(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "write_text", fill_up)
    with pytest.raises(
        OutputError, match=r"report.html: cannot be written \(No space left on device\)"
    ):
        api.report(result)
    assert text_of(result) == before
