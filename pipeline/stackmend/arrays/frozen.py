"""The text of a protocol with what a search has chosen in it."""

from __future__ import annotations

from typing import Any

import yaml

from stackmend.chain import Bound
from stackmend.job import Job
from stackmend.protocol.migration import in_newest_format
from stackmend.protocol.overrides import apply
from stackmend.protocol.text import parse
from stackmend.result.encoding import as_json
from stackmend.tuning.chains import ChannelChain


class _Dumper(yaml.SafeDumper):
    """Writes lists of plain values in one line, as people do."""

    def represent_list(self, data: Any) -> yaml.SequenceNode:
        plain = not any(isinstance(each, (dict, list)) for each in data)
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=plain)


_Dumper.add_representer(list, _Dumper.represent_list)

_LATER = ("chain", "optimize")
"""What is not as it was."""


def frozen_text(job: Job, chain: ChannelChain) -> str | None:
    """The protocol of a job with a chain whose parameters all have values; ``None`` if it is empty.

    What it says of files stays; there is nothing to search in it.
    """
    if not chain.steps:
        return None
    document = parse(in_newest_format(job.protocol.source.decode("utf-8-sig")))
    apply(document, input=None, output=None, set=job.protocol.given["set"])
    content = {key: value for key, value in document.data.items() if key not in _LATER}
    content["chain"] = [_entry(bound) for bound in chain.steps]
    how: dict[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}
    text: str = yaml.dump(as_json(content), Dumper=_Dumper, **how)
    return text


def _entry(bound: Bound) -> dict[str, Any]:
    entry: dict[str, Any] = {"step": bound.component.name}
    if bound.id != bound.component.name:
        entry["id"] = bound.id
    given = {name: value for name, value in bound.parameters.items() if value is not None}
    return {**entry, **given}
