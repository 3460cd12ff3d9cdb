"""How to cite a run: a methods paragraph and BibTeX, made from what the record says was run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from stackmend.report.landscape import short
from stackmend.result.reading import Source

_WORKS = Path(__file__).with_name("works.bib")
_DOI = re.compile(r"10\.\d{4,9}/[^\s,;]+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def references(source: Source) -> list[str]:
    """What the steps and losses that ran refer to, each once, in the order of the chain."""
    found: dict[str, None] = {}
    for step in source.record.get("chain", ()):
        found.update(dict.fromkeys(step.get("references") or ()))
    for search in source.searches:
        found.update(dict.fromkeys(search.get("loss_references") or ()))
    return list(found)


def methods(source: Source) -> str:
    """A paragraph for the methods section of a paper."""
    record = source.record
    count = record["output"]["shape"][0]
    slices = "1 slice" if count == 1 else f"{count} slices"
    packages = record["environment"]["packages"]
    sentences = [
        f"Image restoration was done with stackmend {packages['stackmend']} (Python {record['environment']['python']}, "
        f"NumPy {packages.get('numpy')}, SciPy {packages.get('scipy')}).",
        f"{slices[0].upper()}{slices[1:]} of {_size(record)} were processed"
        if count > 1
        else f"{slices} of {_size(record)} was processed",
    ]
    sentences[1] += (
        f" by the following steps: {'; '.join(map(_step, record['chain']))}."
        if record["chain"]
        else "."
    )
    sentences += [_search(search) for search in source.searches]
    cited = references(source)
    if cited:
        sentences.append(f"The methods are those of: {'; '.join(_cited(each) for each in cited)}.")
    sentences.append(f"The SHA-256 of the restored pixels is {record['output']['pixel_hash']}.")
    return " ".join(filter(None, sentences))


def _size(record: Mapping[str, Any]) -> str:
    _, height, width = record["output"]["shape"][-3:]
    size = record["input"].get("pixel_size_nm") or {}
    x, z = size.get("x"), size.get("z")
    spacing = f", {z:.4g} nm between slices" if x and z else ""
    pixel = f", pixel size {x:.4g} nm{spacing}" if x else ""
    return f"{height} by {width} pixels ({record['input']['dtype']}{pixel})"


def _step(step: Mapping[str, Any]) -> str:
    values = ", ".join(
        f"{name} {short(each['value'])}" for name, each in step["parameters"].items()
    )
    foreign = f" of {step['package']}" if step.get("package", "stackmend") != "stackmend" else ""
    version = f"{step['step']}{foreign} (version {step['version']}"
    return f"{version}; {values})" if values else f"{version})"


def _search(search: Mapping[str, Any]) -> str:
    numbers = ", ".join(map(str, search.get("slices", ())))
    where = f"slice {numbers}" if len(search.get("slices", ())) == 1 else f"slices {numbers}"
    region = search.get("region") or {}
    part = ", ".join(f"{axis} {start} to {stop}" for axis, (start, stop) in region.items())
    where += f" (region {part})" if part else ""
    strategy = (search.get("strategy") or {}).get("name", "grid")
    tried = f"{search.get('combinations')} combinations ({strategy} search) on {where}"
    loss = f"the self-supervised loss {search.get('loss')} (version {search.get('loss_version')})"
    if search.get("status") != "chosen":
        return f"A search over {tried} by {loss} found no charging."
    chosen = ", ".join(search.get("chosen") or ())
    held = [
        f"{value:.4f} on slice {name}" for name, value in (search.get("held_out") or {}).items()
        if isinstance(value, float | int)
    ]  # fmt: skip
    beside = f"; on held-out slices it was {', '.join(held)}" if held else ""
    value = search.get("loss_of_choice")
    return f"The values of {chosen} were chosen among {tried} by {loss}; the lowest loss was {value:.4f}{beside}."


def _cited(reference: str) -> str:
    return reference.rstrip(".")


def bibtex(source: Source) -> str:
    """Entries for stackmend and for everything that the steps and losses refer to."""
    version = source.record["environment"]["packages"]["stackmend"]
    ours = _entry(
        "software",
        "stackmend",
        {
            "author": "{The stackmend developers}",
            "title": "stackmend: declarative, reproducible restoration of {FIB-SEM} image stacks",
            "version": version,
        },
    )
    return "\n\n".join([ours, *dict.fromkeys(_entries(references(source)))]) + "\n"


def _entries(cited: Sequence[str]) -> Iterator[str]:
    known = works()
    for number, reference in enumerate(cited, start=1):
        key = next((each for each in known if _names(reference, each)), None)
        yield known[key] if key else _unknown(reference, number)


def _names(reference: str, key: str) -> bool:
    """Whether a reference names a known work: by its DOI, or its name where it has none."""
    return re.search(rf"(?<!\w){re.escape(key)}(?!\w)", reference) is not None


@cache
def works() -> Mapping[str, str]:
    """The works that built-in steps refer to, as BibTeX, by their DOI or, without one, by their title."""
    entries = re.split(r"\n\n(?=@)", _WORKS.read_text(encoding="utf-8").strip())
    return {_field(entry, "doi") or _field(entry, "title"): entry for entry in entries}


def _field(entry: str, name: str) -> str:
    found = re.search(rf"^  {name} = {{(.*)}},$", entry, flags=re.MULTILINE)
    return found[1] if found else ""


def _unknown(reference: str, number: int) -> str:
    """An entry for a work of which nothing is known but the text that a step gives."""
    fields = {"note": _tex(reference)}
    if doi := _DOI.search(reference):
        fields["doi"] = doi[0].rstrip(".)")
    if year := _YEAR.search(reference):
        fields["year"] = year[0]
    return _entry("misc", f"reference{number}", fields)


def _tex(text: str) -> str:
    return re.sub(r"([&%$#_{}])", r"\\\1", re.sub(r"[\\~^]", " ", text))


def _entry(kind: str, key: str, fields: Mapping[str, str]) -> str:
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{kind}{{{key},", *lines, "}"])
