"""How to cite a run: a methods paragraph and BibTeX, made from what the record says was run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from stackmend.result import Record
from stackmend.result.record import SearchRecord
from stackmend.result.step_record import StepRecord
from stackmend.words import counted, value

_WORKS = Path(__file__).with_name("works.bib")
_DOI = re.compile(r"10\.\d{4,9}/[^\s,;]+")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")


def references(record: Record) -> list[str]:
    """What the steps and losses that ran refer to, each once, in the order of the chain."""
    found: dict[str, None] = {}
    for step in record.chain:
        found.update(dict.fromkeys(step.references))
    for search in record.searches:
        found.update(dict.fromkeys(search.loss_references))
    return list(found)


def methods(record: Record) -> str:
    """A paragraph for the methods section of a paper."""
    where, count = record.environment, record.output.shape[0]
    ours, numpy, scipy = (where["packages"].get(name) for name in ("stackmend", "numpy", "scipy"))
    versions = f"Python {where['python']}, NumPy {numpy}, SciPy {scipy}"
    # what was done
    slices = counted(count, "slice")
    verb = "was" if count == 1 else "were"
    done = f"{slices} of {_size(record)} {verb} processed"
    if record.chain:
        done += f" by the following steps: {'; '.join(map(_step, record.chain))}"
    sentences = [f"Image restoration was done with stackmend {ours} ({versions}).", f"{done}."]
    sentences += map(_search, record.searches)
    # by whom it was found, and what came out
    cited = references(record)
    if cited:
        sentences.append(f"The methods are those of: {'; '.join(map(_cited, cited))}.")
    sentences.append(f"The SHA-256 of the restored pixels is {record.output.pixel_hash}.")
    return " ".join(sentences)


def _size(record: Record) -> str:
    _, height, width = record.output.shape
    size = record.input.pixel_size_nm
    x, z = size.get("x"), size.get("z")
    pixel = f", pixel size {x:.4g} nm" if x else ""
    if x and z:
        pixel += f", {z:.4g} nm between slices"
    return f"{height} by {width} pixels ({record.input.dtype}{pixel})"


def _step(step: StepRecord) -> str:
    values = [f"{name} {value(each['value'])}" for name, each in step.parameters.items()]
    foreign = "" if step.package == "stackmend" else f" of {step.package}"
    version = f"{step.step}{foreign} (version {step.version}"
    return f"{version}; {', '.join(values)})" if values else f"{version})"


def _search(search: SearchRecord) -> str:
    # what was tried, where, and by which measure
    where = "slice" if len(search.slices) == 1 else "slices"
    where += f" {', '.join(map(str, search.slices))}"
    parts = [f"{axis} {start} to {stop}" for axis, (start, stop) in search.region.items()]
    if parts:
        where += f" (region {', '.join(parts)})"
    strategy = search.strategy.get("name", "grid")
    tried = f"{counted(search.combinations, 'combination')} ({strategy} search) on {where}"
    loss = f"the self-supervised loss {search.loss} (version {search.loss_version})"
    if search.one_of:
        taken = "taken" if search.status == "chosen" else f"not taken ({search.reason})"
        return f"The chain {search.one_of} was tried in {tried} by {loss}, and {taken}."
    if search.status != "chosen":
        found = f"no {search.finds}" if search.finds else "nothing"
        return f"A search over {tried} by {loss} found {found}."
    # what was chosen, and how it does elsewhere
    held_out = []
    for number, each in search.held_out.items():
        if not isinstance(each, str):
            held_out.append(f"{each:.4f} on slice {number}")
    beside = f"; on held-out slices it was {', '.join(held_out)}" if held_out else ""
    lowest = f"the lowest loss was {search.loss_of_choice:.4f}{beside}"
    return (
        f"The values of {', '.join(search.chosen)} were chosen among {tried} by {loss}; {lowest}."
    )


def _cited(reference: str) -> str:
    return reference.rstrip(".")


def bibtex(record: Record) -> str:
    """Entries for stackmend and for everything that the steps and losses refer to."""
    version = record.environment["packages"].get("stackmend", "")
    ours = _entry(
        "software",
        "stackmend",
        {
            "author": "{The stackmend developers}",
            "title": "stackmend: declarative, reproducible restoration of {FIB-SEM} image stacks",
            "version": version,
        },
    )
    return "\n\n".join([ours, *dict.fromkeys(_entries(references(record)))]) + "\n"


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
    """The works that built-in steps refer to, as BibTeX, by their DOI or, without one, by title."""
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
