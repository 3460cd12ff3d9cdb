"""What an interrupted run has finished, so that the same command goes on where it stopped.

The journal lies beside the partial result. It holds the identity of the work (everything that decides about pixels but
the input's own) and a row for each finished slice, with the hashes of its pixels before and after. A slice counts as
finished if the row's hashes are those of the input and of the output as they are now: by content, never by file time.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import joblib

from stackmend import record
from stackmend.runner.prepare import Job
from stackmend.runner.tune import Plan


def identity_of(job: Job, plan: Plan) -> dict[str, Any]:
    """Everything that decides about the pixels of a slice, but the slice itself; as JSON has it."""
    parameters = {f"{bound.id}.{name}": value for bound in plan.steps for name, value in bound.parameters.items()}
    identity = {
        "steps": [[bound.id, bound.component.name, bound.component.version] for bound in plan.steps],
        "parameters": parameters,
        "whole stack": joblib.hash(plan.given),
        "packages": record.environment()["packages"],
        "output": [job.protocol.output.format, job.protocol.output.compression, str(job.dtype), job.shape],
        "names": [job.reader.names[index] for index in job.slices],
    }
    plain: dict[str, Any] = json.loads(json.dumps(identity, default=record.plain))
    return plain


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """What is not the same in two identities, in words."""
    before, after = dict(old.get("parameters", {})), dict(new["parameters"])
    for name in after:
        if name in before and before[name] != after[name]:
            yield f"{name} was {before[name]}, now {after[name]}"
    for part in new:
        if part != "parameters" and old.get(part) != new[part]:
            yield f"the {part} changed"


@dataclass(frozen=True)
class Journal:
    """The journal in a folder; a plain value that workers can be sent."""

    folder: Path

    @property
    def _identity(self) -> Path:
        return self.folder / "identity.json"

    def identity(self) -> dict[str, Any] | None:
        """That of the work so far, or ``None`` if there is none that could be continued."""
        try:
            found = json.loads(self._identity.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def clear(self) -> None:
        """Forget everything."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def begin(self, identity: Mapping[str, Any]) -> None:
        """Begin with new work, whose output is ready to be written to."""
        self.folder.mkdir(exist_ok=True)
        record.write_json(self._identity, identity)

    def enter(self, row: Any) -> None:
        """Enter a finished slice; each process has a file of its own, so that lines cannot mix."""
        line = json.dumps(asdict(row)) + "\n"
        with (self.folder / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)

    def entries(self) -> dict[int, dict[str, Any]]:
        """The fields of each entered row, by the number of its slice; a line that was cut off is passed over."""
        found: dict[int, dict[str, Any]] = {}
        for file in sorted(self.folder.glob("*.jsonl")):
            for line in file.read_text(encoding="utf-8").splitlines():
                try:
                    fields = json.loads(line)
                    found[int(fields["slice"])] = fields
                except (ValueError, KeyError, TypeError):
                    continue
        return found
