"""The page: the parts of a report put into its template, as one file that needs nothing else."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

from stackmend.report import citation, content
from stackmend.report.guards import restored_pixels
from stackmend.report.landscape import searches
from stackmend.report.provenance import provenance
from stackmend.report.sections import shown_sections
from stackmend.report.shown import shown_slices
from stackmend.report.steps import step_parts
from stackmend.report.trust import jumps
from stackmend.report.verdict import verdict
from stackmend.result import Result
from stackmend.result.gate_record import fails, gate_text
from stackmend.result.record import SearchRecord
from stackmend.words import counted

_TEMPLATES = Path(__file__).with_name("templates")


def render(source: Result) -> str:
    """The report as HTML."""
    found = searches(source)
    odd = jumps(source.slices)
    parts = [content.search_parts(search, source) for search in found]
    hover: dict[str, Any] = {}
    for part in parts:
        hover |= {graph["id"]: graph["hover"] for graph in part["graphs"]}
    script = (_TEMPLATES / "script.js").read_text(encoding="utf-8").strip()
    values: dict[str, Any] = {
        "title": source.name,
        "source": source,
        "record": source.finished_record,
        "mask_of": (source.finished and source.record.mask_of) or "mask",
        "verdict": verdict(source, found, odd),
        "gates": list(_gates(source)),
        "warnings": source.warnings,
        "slices": list(shown_slices(source)),
        "sections": list(shown_sections(source)),
        "restored": restored_pixels(source),
        "steps": step_parts(source),
        "searches": parts,
        "unsearched": _without_losses(source, {search.index for search in found}),
        "trust": content.trust_parts(source, found, odd),
        "several_channels": content.several_channels(source),
        "provenance": provenance(source.record) if source.finished else {},
        "methods": citation.methods(source.record) if source.finished else "",
        "bibtex": citation.bibtex(source.record) if source.finished else "",
        "hover": hover,
        "version": metadata.version("stackmend"),
        "css": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": b64encode(sha256(script.encode()).digest()).decode("ascii"),
    }
    return _environment().get_template("report.html").render(values)


def _gates(source: Result) -> Iterator[tuple[str, bool]]:
    """The gates in words, each with whether it failed."""
    for gate in source.record.gates if source.finished else ():
        yield gate_text(gate), fails(gate)


def _environment() -> Environment:
    """Everything that is put into a page is escaped, unless it is our own."""
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    environment.filters["counted"] = counted
    return environment


def breakable(name: str) -> Markup:
    """A name of a file or a parameter that may be broken behind its joints, and only there.

    >>> breakable("cell_01.tif")
    Markup('cell_<wbr>01.<wbr>tif')
    """
    parts = re.split(r"(?<=[-_./\\ ])", name)
    return Markup("<wbr>").join(parts)


def _without_losses(source: Result, shown: set[int]) -> list[SearchRecord]:
    """Searches of the record that left no table of losses."""
    return [search for index, search in enumerate(source.searches) if index not in shown]
