"""What a protocol requires: packages and their versions, steps as they were when it was tuned."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import metadata
from typing import Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion

from stackmend.errors import Problem
from stackmend.protocol.model import Protocol, every_step
from stackmend.protocol.text import DataPath
from stackmend.protocol.wording import Complaint


def complaints(data: Any) -> Iterator[Complaint]:
    """Complaints about packages that are not there, or of another version than is required."""
    required = data.get("requires") if isinstance(data, dict) else None
    wanted: dict[DataPath, tuple[str, str]] = {}
    for index, name in enumerate(required if isinstance(required, list) else ()):
        if isinstance(name, str) and name:
            wanted["requires", index] = name, ""
    for name, versions in required.items() if isinstance(required, dict) else ():
        if isinstance(versions, str):
            wanted["requires", name] = name, versions
    for path, (package, allowed) in wanted.items():
        if message := _objection(package, allowed):
            yield path, message, False


def _objection(name: str, versions: str) -> str:
    """What speaks against a package as it is installed; empty if nothing."""
    try:
        allowed = SpecifierSet(versions)
    except InvalidSpecifier:
        return "must be versions such as >=1.2 or >=1,<2, in quotes"
    command = f"pip install {shlex.quote(f'{name}{versions}')}"
    advice = f"run: {command}, if you trust who gave you the protocol"
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        what = f"the package {name} is not installed, from which steps of this protocol come"
        return f"{what}; {advice}"
    try:
        fits = allowed.contains(installed, prereleases=True)
    except InvalidVersion:  # which no rule can judge
        fits = not versions
    return "" if fits else f"{name} {installed} is installed, {versions} is required; {advice}"


def other_versions(protocol: Protocol) -> Iterator[Problem]:
    """A warning for each step that is not as it was where the values were chosen."""
    known = protocol.envelope.get("steps", {})
    here = {entry.name: entry.step.version for entry in every_step(protocol)}
    for name, version in known.items():
        if here.get(name, version) != version:
            what = f"{name} has version {here[name]} here, {version} where the values were chosen"
            message = f"{what}: its pixels are others; look at the result"
            yield protocol.text.problem(("envelope", "steps", name), message, severity="warning")
