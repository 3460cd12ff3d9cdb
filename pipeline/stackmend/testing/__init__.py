"""Contracts that steps and losses keep, to be tried by those who write them, under pytest.

``step_contracts`` and ``loss_contracts`` are parameters of a test:

    import pytest
    from stackmend.testing import step_contracts

    @pytest.mark.parametrize("contract", step_contracts("my_step"))
    def test_contract(contract):
        contract.check()

Each has a name of its own, ``my_step-input-untouched``, and says what to do where it does not hold.
``check_step`` and ``check_loss`` try all at once, without pytest. What is tried is what is
installed, by its name, as a run finds it.

How to read it: ``contract.py`` is a rule held against a subject; ``step_subject.py`` and
``loss_subject.py`` are what is tried; the other modules are the rules, one for each kind.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackmend import registry
from stackmend.errors import UsageError
from stackmend.testing import (
    declared,
    images,
    losses,
    memory,
    neighbours,
    products,
    purity,
    values,
)
from stackmend.testing.contract import (
    Broken,
    Contract,
    as_parameters,
    contracts_of,
    settle_all,
)
from stackmend.testing.loss_subject import LossSubject
from stackmend.testing.samples import sample
from stackmend.testing.step_subject import StepSubject

__all__ = [
    "Broken",
    "Contract",
    "check_loss",
    "check_step",
    "loss_contracts",
    "sample",
    "step_contracts",
]

_OF_STEPS = (
    *declared.RULES,
    *purity.RULES,
    *images.RULES,
    *neighbours.RULES,
    *products.RULES,
    *values.RULES,
    *memory.RULES,
)
_OF_LOSSES = (*declared.RULES, *losses.RULES)


def step_contracts(name: str, **how: Any) -> list[Any]:
    """All that is asked of a step, as parameters of a test of pytest.

    Parameters
    ----------
    name
        Of the step, which must be installed.
    **how
        As for ``check_step``.

    Raises
    ------
    UsageError
        If there is no such step, something in ``how`` cannot be, or pytest is not installed.
    """
    return as_parameters(_of_step(name, **how))


def check_step(name: str, **how: Any) -> None:
    """Try all that is asked of a step.

    Parameters
    ----------
    name
        Of the step, which must be installed.
    chain
        The chain in which it is tried, entries as in a protocol or names of steps; by default it
        stands alone. What it needs comes before it.
    stack : (Z, Y, X) array, optional
        Slices that it works with; by default ``sample()``.
    methods
        Of a step with variants, those that are tried; by default all.
    slices_in_memory
        How many slices of float32 it may take at once for each that it sees; 32 by default.
    deviations
        Contracts that it is known not to keep, each with the reason. One that holds is an error.

    Raises
    ------
    Broken
        With all contracts that do not hold.
    UsageError
        If there is no such step, or something in the call cannot be.
    """
    __tracebackhide__ = True
    settle_all(_of_step(name, **how))


def loss_contracts(name: str, **how: Any) -> list[Any]:
    """All that is asked of a loss, as parameters of a test of pytest.

    Parameters
    ----------
    name
        Of the loss, which must be installed.
    **how
        As for ``check_loss``.

    Raises
    ------
    UsageError
        If there is no such loss, something in ``how`` cannot be, or pytest is not installed.
    """
    return as_parameters(_of_loss(name, **how))


def check_loss(name: str, **how: Any) -> None:
    """Try all that is asked of a loss.

    Parameters
    ----------
    name
        Of the loss, which must be installed.
    products
        What it reads beside slices and what is given to every loss, such as a mask of a step.
    better, worse : (Y, X) array or mapping of products, optional
        Two results, of which the first must have the lower loss.
    values
        Values of parameters that are not to be the defaults.
    deviations
        Contracts that it is known not to keep, each with the reason. One that holds is an error.

    Raises
    ------
    Broken
        With all contracts that do not hold.
    UsageError
        If there is no such loss, or something in the call cannot be.
    """
    __tracebackhide__ = True
    settle_all(_of_loss(name, **how))


def _of_step(
    name: str,
    *,
    chain: Sequence[str | Mapping[str, Any]] = (),
    stack: Any = None,
    methods: Sequence[str] = (),
    slices_in_memory: float = memory.SLICES,
    deviations: Mapping[str, str] | None = None,
) -> list[Contract[StepSubject]]:
    try:
        step = registry.steps().get(name)
    except registry.RegistryError as error:
        raise UsageError(f"{error}; pip install -e . installs a package that you write") from error
    entries = [{"step": each} if isinstance(each, str) else dict(each) for each in chain or [name]]
    places = [place for place, entry in enumerate(entries) if entry.get("step") == name]
    if not places:
        raise UsageError(f"chain: {name} is not in it; name all steps of it, {name} among them")
    slices = sample() if stack is None else stack
    subjects: list[StepSubject] = []
    for method in methods or tuple(step.variants) or (None,):
        own = [dict(entry) for entry in entries]
        if method is not None:
            own[places[0]][registry.METHOD] = method
        subjects.append(StepSubject(step, tuple(own), places[0], slices, slices_in_memory))
    return contracts_of(subjects, _OF_STEPS, deviations or {})


def _of_loss(
    name: str,
    *,
    products: Mapping[str, Any] | None = None,
    better: Any = None,
    worse: Any = None,
    values: Mapping[str, Any] | None = None,
    deviations: Mapping[str, str] | None = None,
) -> list[Contract[LossSubject]]:
    try:
        loss = registry.losses().get(name)
    except registry.RegistryError as error:
        raise UsageError(f"{error}; pip install -e . installs a package that you write") from error
    if (better is None) != (worse is None):
        raise UsageError("better and worse go together; give both, or neither")
    subject = LossSubject.of(loss, products or {}, values or {}, better, worse)
    return contracts_of([subject], _OF_LOSSES, deviations or {})
