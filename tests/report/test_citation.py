"""Methods and BibTeX: what was run, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from records import OUTPUT, record, search_content
from reference_data import ROOT
from stackmend import registry
from stackmend.report.citation import bibtex, methods, references, works
from stackmend.result import Record, open_result


def run(*cited: str, **parts: Any) -> Record:
    step = {
        "id": "s",
        "step": "s",
        "package": "other",
        "version": 3,
        "references": cited,
        "parameters": {},
    }
    return record(**{"chain": [step], "output": OUTPUT | {"shape": [2, 30, 40]}, **parts})


def test_a_paragraph_of_a_real_run(shared: Path) -> None:
    source = open_result(shared).record
    text = methods(source)
    search = source.searches[0]
    assert "9 slices of 48 by 64 pixels (uint8)" in text
    for step in source.chain:
        for name, each in step.parameters.items():
            if isinstance(each.value, int | float) and not isinstance(each.value, bool):
                assert f"{name} {each.value:g}" in text
    chosen = "chosen among 18 combinations (grid search) on slice 1 by the self-supervised loss "
    assert f"{chosen}charging_histogram" in text
    assert f"the lowest loss was {search.loss_of_choice:.4f}" in text
    assert f"{search.held_out[2]:.4f} on slice 2" in text
    assert source.output.pixel_hash in text
    assert "Robinson" in text
    assert "None" not in text


def test_only_what_was_run_is_cited(shared: Path) -> None:
    entries = bibtex(open_result(shared).record)
    for key in ("stackmend,", "spehner2020", "robinson2004", "sternberg1983", "bmiptools2022"):
        assert entries.count(f"{{{key}") == 1
    alone = bibtex(run())
    assert re.findall(r"@\w+{(\w+)", alone) == ["stackmend"]
    assert "version = {9.9}" in alone


def test_a_work_of_another_package_is_cited_by_its_own_words() -> None:
    text = "Doe & Roe, 50% better {halos}, J. Foo 3 (2021), 10.1234/foo.bar"
    entry = bibtex(run(text)).split("\n\n")[1]
    assert entry.startswith("@misc{reference1,")
    assert r"note = {Doe \& Roe, 50\% better \{halos\}, J. Foo 3 (2021), 10.1234/foo.bar}" in entry
    assert "doi = {10.1234/foo.bar}" in entry
    assert "year = {2021}" in entry
    paragraph = methods(run(text))
    assert "2 slices of 30 by 40 pixels (uint8, pixel size 4 nm, 10 nm between slices)" in paragraph
    assert "s of other (version 3)" in paragraph


def test_braces_balance() -> None:
    for entry in (*works().values(), bibtex(run("odd {brace"))):
        plain = re.sub(r"\\[{}]", "", entry)
        assert plain.count("{") == plain.count("}")


def test_every_built_in_reference_has_a_full_entry() -> None:
    for catalogue in (registry.steps(), registry.losses()):
        for component in catalogue.usable():
            if catalogue.origin(component.name) == "stackmend":
                assert "@misc" not in bibtex(run(*component.references)), component.name


def test_the_works_are_those_of_the_citation_file() -> None:
    listed = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["references"]
    assert {work.get("doi", work["title"]) for work in listed} == set(works())
    for work in listed:
        entry = works()[work.get("doi", work["title"])]
        assert f"year = {{{work['year']}}}" in entry
        assert all(
            author.get("family-names", "").partition(" ")[0] in entry for author in work["authors"]
        )


def test_references_come_once_and_in_order() -> None:
    searches = [search_content(loss_references=["b", "c"])]
    assert references(run("a", "b", searches=searches)) == ["a", "b", "c"]
