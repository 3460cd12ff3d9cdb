"""Stages, the unit of all work, and surveys: what each declares about itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from stackmend.registry.products import IMAGE


@dataclass(frozen=True)
class Stage:
    """One pure function of a step.

    Parameters
    ----------
    function
        ``function(product, ..., *, parameter, ...)``; positional parameters are named after
        products. The last ones may have the default ``None``; each of these is given where it is
        made before.
    makes
        Name of the product it returns; the function's own name if left out. Arrays of the slice's
        shape are cut to the region of a search; a product that holds such arrays has a method
        ``cut(window)`` for that.
    plural
        What people call several of these results, where the work of a search is told by them.
    mask_of
        What the product marks, if it is the mask that people are shown and whose area is counted.
    facts
        What the numbers are that it returns by name, if they are to be known of every slice.
    window
        How many slices to either side it sees: a number, or the name of the parameter that says it.
        Each product that it reads is then a ``Window`` of what the stages before make of these
        slices.
    together
        Parameters of which it is given all values at once, as a tuple: those of a sweep, or one.
        So it can do for all of them what they share; a stage behind it takes what one value needs.
    carries
        Whether it hands on a product that it reads and makes, and is left out where there is none.

    A stage that makes an image may return ``None`` for a neighbour that there is none of.
    """

    function: Callable[..., Any]
    makes: str = ""
    plural: str = ""
    mask_of: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    window: int | str = 0
    together: tuple[str, ...] = ()
    carries: bool = False

    def __post_init__(self) -> None:
        if not self.makes:
            object.__setattr__(self, "makes", self.function.__name__)
        if isinstance(self.window, str) and self.window not in self.parameters:
            what = f"window is {self.window}, which {self.function.__name__} does not take"
            raise TypeError(f"{what}; add it to its keyword-only parameters")

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of the products it reads, in calling order."""
        return _products(self.function)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Names of those without which it cannot run: all but what has a default."""
        optional = _optional(self.function)
        return tuple(name for name in self.reads if name not in optional)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters it takes."""
        return _names_of(self.function, inspect.Parameter.KEYWORD_ONLY)

    def radius(self, values: Mapping[str, Any]) -> int:
        """How many slices to either side it sees, with these values of its parameters."""
        if not isinstance(self.window, str):
            return self.window
        value = values[self.window]
        return int(max(value) if isinstance(value, tuple) else value)


@dataclass(frozen=True)
class Survey:
    """What a step must know of other slices before it can compute its first one.

    Slices are looked at one by one, or in pairs, as the steps before give them; each look leaves a
    small record, and all records are settled into what every slice is given. Looks and what is
    settled are plain data: dictionaries, lists, texts, numbers and NumPy arrays; so they can be
    written down, and read by another run.

    Parameters
    ----------
    makes
        Name of the product that the stages of the step read; ``None`` where the survey is not
        needed.
    look
        ``look(image, *, parameter, ...)``, or ``look(first, second, *, parameter, ...)`` where
        ``pairs`` says so: returns the record of a slice or of a pair. What it is given of a slice
        is what ``prepare`` makes of it, if there is that. A third one, ``apart``, is how far the
        slices of a pair are apart, 1 for neighbours.
    settle
        ``settle(records, *, parameter, ...)`` with the records by number of slice, or by pair of
        numbers: returns one value for all slices, or ``Each`` with one for every slice. Raises
        ``Unsettled`` where it cannot. A second product, ``numbers``, is the numbers of all slices
        that are restored.
    needed
        ``needed(*, parameter, ...)``, whether anything must be known at all; always, if left out.
    pairs
        How far apart the slices of a pair may be, among those that are looked at: a number, or the
        name of the parameter that says it, or ``pairs(*, parameter, ...)``; 0 for slices one by
        one. Slices of one grey level are compared with none.
    slices
        ``slices(numbers, optimization, *, parameter, ...)``: those to be looked at, of all that are
        restored, and of those that the protocol optimizes on; all that are restored, if left out.
    prepare
        ``prepare(product, ..., *, parameter, ...)``, what is done once for a slice and serves all
        its pairs; it reads products as a stage does, and its result need not be plain data. Surveys
        at one place that have the same function and the same values for it share its results.
    tables
        ``tables(settled, facts)``: files of the result, by name, with what is settled in them for
        other programs; ``facts`` is what else is known of the stack. ``result/names.py`` lists
        which names there may be.
    of_first_channel
        Whether the first channel that is restored is looked at for all of them.
    """

    makes: str
    look: Callable[..., Any]
    settle: Callable[..., Any]
    needed: Callable[..., bool] | None = None
    pairs: int | str | Callable[..., int] = 0
    slices: Callable[..., Sequence[int]] | None = None
    prepare: Callable[..., Any] | None = None
    tables: Callable[[Each, Mapping[str, Any]], Mapping[str, str]] | None = None
    of_first_channel: bool = False

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """Names of the products that it looks at, in calling order."""
        return (IMAGE,) if self.prepare is None else _products(self.prepare)

    @cached_property
    def needs(self) -> tuple[str, ...]:
        """Names of those without which it cannot look."""
        optional = set() if self.prepare is None else _optional(self.prepare)
        return tuple(name for name in self.reads if name not in optional)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of all parameters that decide about what is settled."""
        names: dict[str, None] = {}
        for function in (self.needed, self.prepare, self.look, self.settle, self.slices):
            if function is not None:
                names |= dict.fromkeys(_names_of(function, inspect.Parameter.KEYWORD_ONLY))
        if isinstance(self.pairs, str):
            names[self.pairs] = None
        elif callable(self.pairs):
            names |= dict.fromkeys(_names_of(self.pairs, inspect.Parameter.KEYWORD_ONLY))
        return tuple(names)

    def is_needed(self, parameters: Mapping[str, Any]) -> bool:
        """Whether anything must be known with these values."""
        return self.needed is None or self.needed(**taken_by(self.needed, parameters))

    def apart(self, parameters: Mapping[str, Any]) -> int:
        """How far apart the slices of a pair may be; 0 for slices one by one."""
        if callable(self.pairs):
            return self.pairs(**taken_by(self.pairs, parameters))
        return int(parameters[self.pairs]) if isinstance(self.pairs, str) else self.pairs

    def chosen(
        self, numbers: Sequence[int], optimization: Sequence[int], parameters: Mapping[str, Any]
    ) -> list[int]:
        """The slices to be looked at, in the order of the stack."""
        if self.slices is None:
            return sorted(numbers)
        taken = taken_by(self.slices, parameters)
        return sorted(set(self.slices(numbers, optimization, **taken)))

    def prepared(self, products: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
        """What it looks at of a slice, from what the steps before make of that."""
        if self.prepare is None:
            return products[IMAGE]
        given = {name: products[name] for name in self.reads if name in products}
        return self.prepare(**given, **taken_by(self.prepare, parameters))

    def record_of(
        self, prepared: Sequence[Any], parameters: Mapping[str, Any], apart: int = 1
    ) -> Any:
        """The record of one slice, or of two so far apart."""
        given = {"apart": apart} if "apart" in _products(self.look) else {}
        return self.look(*prepared, **given, **taken_by(self.look, parameters))

    def settled(
        self,
        records: Mapping[Any, Any],
        parameters: Mapping[str, Any],
        numbers: Iterable[int] | None = None,
    ) -> Any:
        """What all records come to, where slices of some numbers are restored, or those seen."""
        if numbers is None:
            numbers = {n for key in records for n in (key if isinstance(key, tuple) else (key,))}
        given = {"numbers": sorted(numbers)} if "numbers" in _products(self.settle) else {}
        return self.settle(records, **given, **taken_by(self.settle, parameters))


@dataclass(frozen=True)
class Each:
    """What a survey settles for every slice by itself, by the number of the slice.

    ``about`` is what else is to be known of it, as plain data, which decides nothing: it is
    written down beside the values, the texts under ``warnings`` are said as such, and the one under
    ``found`` stands in the record, in the report and in the summary of the run.
    """

    values: Mapping[int, Any]
    about: Mapping[str, Any] = field(default_factory=dict)


class Unsettled(Exception):
    """A survey cannot say what must be known; the message says why, with slices, and what to do."""


def _names_of(function: Callable[..., Any], kind: object) -> tuple[str, ...]:
    signature = inspect.signature(function)
    return tuple(p.name for p in signature.parameters.values() if p.kind is kind)


def _products(function: Callable[..., Any]) -> tuple[str, ...]:
    return _names_of(function, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _optional(function: Callable[..., Any]) -> set[str]:
    given = inspect.signature(function).parameters.values()
    return {each.name for each in given if each.default is None}


def taken_by(function: Callable[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters that a function takes, of those of a step."""
    names = _names_of(function, inspect.Parameter.KEYWORD_ONLY)
    return {name: parameters[name] for name in names}
