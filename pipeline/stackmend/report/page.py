"""The page: the parts of a report put into its template, as one file that needs nothing else."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, Environment, FileSystemLoader
from markupsafe import Markup

from stackmend.report import citation, content
from stackmend.report.landscape import searches
from stackmend.report.provenance import provenance
from stackmend.report.trust import jumps, verdict
from stackmend.result.reading import Source

_TEMPLATES = Path(__file__).with_name("templates")


def render(source: Source) -> str:
    """The report as HTML."""
    found = searches(source)
    odd = jumps(source.slices)
    parts = [content.search_parts(search, source) for search in found]
    hover: dict[str, Any] = {}
    for part in parts:
        hover |= {graph["id"]: graph["hover"] for graph in part["graphs"]}
    script = (_TEMPLATES / "script.js").read_text(encoding="utf-8").strip()
    values: dict[str, Any] = {
        "title": source.record.get("name")
        or source.event("started").get("protocol")
        or source.folder.name,
        "source": source,
        "record": source.record,
        "verdict": verdict(source, found, odd),
        "warnings": _warnings(source),
        "slices": list(content.shown_slices(source)),
        "searches": parts,
        "unsearched": _without_losses(source, {search.index for search in found}),
        "trust": content.trust_parts(source, found, odd),
        "provenance": provenance(source),
        "methods": citation.methods(source) if source.finished else "",
        "bibtex": citation.bibtex(source) if source.finished else "",
        "hover": hover,
        "version": metadata.version("stackmend"),
        "css": Markup((_TEMPLATES / "style.css").read_text(encoding="utf-8")),
        "script": Markup(script),
        "script_hash": b64encode(sha256(script.encode()).digest()).decode("ascii"),
    }
    return _environment().get_template("report.html").render(values)


def _environment() -> Environment:
    """Everything that is put into a page is escaped, unless it is our own.

    What a record lacks is left out.
    """
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _warnings(source: Source) -> list[str]:
    if source.finished:
        return list(source.record.get("warnings") or ())
    return [
        str(event.get("message", "")) for event in source.events if event.get("event") == "warning"
    ]


def _without_losses(source: Source, shown: set[int]) -> list[Any]:
    """Searches of the record that left no table of losses."""
    return [search for index, search in enumerate(source.searches) if index not in shown]
