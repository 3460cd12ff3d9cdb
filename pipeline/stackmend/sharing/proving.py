"""A bundle proved on this machine: its test run here, and held against what was expected."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from stackmend import runner
from stackmend.bundles import Bundle
from stackmend.bundles.archive import CONTENT
from stackmend.errors import InputError, UsageError
from stackmend.protocol.migration import in_newest_format
from stackmend.protocol.text import parse
from stackmend.registry import steps
from stackmend.result import names
from stackmend.result.environment import MOVING_PIXELS, versions_of_pixels
from stackmend.sharing.testing import for_test
from stackmend.verification import Finding, Kind, Verification, verify

OURS = "stackmend"


@dataclass(frozen=True)
class Proof:
    """What came of the test; ``notes`` are versions that are other here than where it was made."""

    verification: Verification
    notes: Sequence[str]

    @property
    def findings(self) -> list[Finding]:
        """What is other than expected; parts that only tell of a machine are in no bundle."""
        return [each for each in self.verification.findings if each.kind is not Kind.NOTE]


def prove(bundle: Bundle, *, tolerance: float | None = None) -> Proof:
    """Run the test of a bundle in a folder that is gone afterwards.

    Raises
    ------
    UsageError
        If it has no test, or what it needs is not installed.
    InputError
        If its parts contradict each other.
    StackmendError
        As ``run``.
    """
    missing = _missing(bundle)
    if missing:
        raise UsageError(f"{bundle.file}: {'; '.join(missing)}")
    if not bundle.test.input or names.RECORD not in bundle.test.expected:
        what = "has no test; ask for one with a test, or run it on a stack of yours"
        raise UsageError(f"{bundle.file}: {what}")
    with TemporaryDirectory(prefix="stackmend-") as place:
        folder = Path(place)
        _unpack(bundle.test.input, folder / "input")
        _unpack(bundle.test.expected, folder / "expected")
        _unpack(bundle.loaded, folder)
        _check_parts(bundle, folder / "expected")
        file = folder / "test.yaml"
        file.write_text(for_test(bundle.protocol, bundle.said["test"]), encoding="utf-8")
        here = runner.run(file, output=folder / "here", workers=1).folder
        found = verify(folder / "expected", output_of=here, tolerance=tolerance)
        return Proof(found, [*_versions_of_steps(bundle), *_versions(bundle.needs)])


def _check_parts(bundle: Bundle, expected: Path) -> None:
    """See that the parts of a bundle belong together, whose hashes anybody can make anew."""
    findings = verify(expected).findings
    wrong = next((str(each) for each in findings if each.kind is Kind.DIFFERENT), "")
    if not wrong:
        own = _data(bundle.protocol)
        tested = _data((expected / names.PROTOCOL).read_text(encoding="utf-8"))
        if own.get("chain") != tested.get("chain"):
            wrong = "its protocol has another chain than its test was made with"
        elif own.get("envelope", {}) != bundle.said.get("envelope"):
            wrong = f"its protocol has another envelope than {CONTENT}"
    if wrong:
        what = f"its parts do not belong together ({wrong})"
        raise InputError(f"{bundle.file}: {what}; ask for it again, from somebody you trust")


def _data(protocol: str) -> Mapping[str, Any]:
    """What a protocol says; nothing where it is none, which its run will tell."""
    if not isinstance(parse(protocol).data, dict):
        return {}
    found: Mapping[str, Any] = parse(in_newest_format(protocol)).data
    return found


def _missing(bundle: Bundle) -> list[str]:
    """What a bundle needs that cannot be used here, with what to do."""
    others = [name for name in bundle.needs if name not in (OURS, *MOVING_PIXELS)]
    known = f"; the bundle needs {', '.join(others)}" if others else ""
    reasons = (steps().reason_unusable(name) for name in bundle.steps)
    return [f"{reason}{known}" for reason in reasons if reason is not None]


def _versions_of_steps(bundle: Bundle) -> Iterator[str]:
    for name, version in bundle.steps.items():
        here = steps().get(name).version
        if here != version:
            what = f"{name} has version {here} here, {version} where the bundle was made"
            yield f"{what}: its pixels are others"


def _versions(needs: Mapping[str, str]) -> list[str]:
    here = versions_of_pixels()
    return [
        f"{name} {here[name]} is here, {version} where the bundle was made"
        for name, version in needs.items()
        if name in here and here[name] != version
    ]


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    """Write files of a bundle, whose names were looked at when it was read."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
