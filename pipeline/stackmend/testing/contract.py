"""What is asked of a step or a loss: a rule, held against it, and what is said where it fails."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Generic, TypeVar

from stackmend.errors import ProtocolError, StackmendError, UsageError

SubjectT = TypeVar("SubjectT")
EXTRA = "pip install 'stackmend[testing]'"


class Broken(AssertionError):
    """A contract does not hold; the message says of what, what was seen, and what to do."""


@dataclass(frozen=True)
class Rule(Generic[SubjectT]):
    """One thing that is asked of steps or losses.

    ``check`` raises ``Broken`` where it does not hold; ``applies`` says of which it is asked, of
    all if left out.
    """

    name: str
    check: Callable[[SubjectT], None]
    applies: Callable[[SubjectT], bool] = lambda _: True


@dataclass(frozen=True, repr=False)
class Contract(Generic[SubjectT]):
    """A rule that is asked of one step (of one variant of it) or loss.

    ``deviation`` is the reason for which it is known not to hold; empty where it must.
    """

    rule: Rule[SubjectT]
    subject: SubjectT
    deviation: str = ""

    def __repr__(self) -> str:
        return f"{self.subject}-{self.rule.name}"

    def check(self) -> None:
        """See that it holds.

        Raises
        ------
        Broken
            If it does not, with what to do.
        """
        __tracebackhide__ = True  # pytest shows the line of the author's test
        try:
            self.rule.check(self.subject)
        except Broken as error:
            raise Broken(f"{self.subject}, {self.rule.name}: {error}") from error.__cause__
        except ProtocolError as error:
            said = f"its chain is refused ({error}); give one that holds it, as chain=[...]"
            raise Broken(f"{self.subject}, {self.rule.name}: {said}") from error
        except StackmendError as error:
            said = f"it cannot be tried ({error}); give slices that it works with, as stack=..."
            raise Broken(f"{self.subject}, {self.rule.name}: {said}") from error

    def settle(self) -> str:
        """What is wrong, a known deviation that is none any more included; empty if nothing."""
        try:
            self.check()
        except Broken as error:
            return "" if self.deviation else str(error)
        return f"{self!r}: holds; take it out of deviations" if self.deviation else ""


def contracts_of(
    subjects: Sequence[SubjectT], rules: Sequence[Rule[SubjectT]], deviations: Mapping[str, str]
) -> list[Contract[SubjectT]]:
    """Every rule that is asked of some subjects.

    Raises
    ------
    UsageError
        If a deviation is from a rule that is asked of none of them, or has no reason.
    """
    asked = [
        Contract(rule, subject, deviations.get(rule.name, ""))
        for subject in subjects
        for rule in rules
        if rule.applies(subject)
    ]
    known = dict.fromkeys(contract.rule.name for contract in asked)
    for name, reason in deviations.items():
        if name not in known:
            raise UsageError(f"deviations: {name} is not asked of it; known: {', '.join(known)}")
        if not reason.strip():
            raise UsageError(f"deviations: {name} has no reason; say why it cannot hold")
    return asked


def settle_all(contracts: Sequence[Contract[Any]]) -> None:
    """See that all hold.

    Raises
    ------
    Broken
        With all that do not.
    """
    __tracebackhide__ = True
    wrong = [said for contract in contracts if (said := contract.settle())]
    if wrong:
        raise Broken("\n".join(wrong))


def as_parameters(contracts: Sequence[Contract[Any]]) -> list[Any]:
    """The contracts as parameters of a test of pytest; known deviations are expected failures.

    Raises
    ------
    UsageError
        If pytest is not installed.
    """
    if find_spec("pytest") is None:
        raise UsageError(f"stackmend.testing needs pytest, which is not installed; run: {EXTRA}")
    import pytest

    parameters: list[Any] = []
    for contract in contracts:
        reason = contract.deviation
        expected = pytest.mark.xfail(raises=Broken, strict=True, reason=reason)
        marks = (expected,) if reason else ()
        parameters.append(pytest.param(contract, id=repr(contract), marks=marks))
    return parameters
