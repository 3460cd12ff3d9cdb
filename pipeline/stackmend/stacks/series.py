"""The names of slices as a series: their order, and what is odd about it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from stackmend.words import counted, few

_UNIT = r"\s?(?:nm|um|\N{MICRO SIGN}m|\N{GREEK SMALL LETTER MU}m|mm)(?![a-z])"
_NUMBER = re.compile(
    rf"(?<==)[-+]?\d+(?:\.\d+)?|(?<=_)-\d+(?:\.\d+)?(?={_UNIT})|\d+\.\d+(?={_UNIT})|\d+"
)
"""A number; with a sign and decimals only where ``=`` before it or a unit behind says so."""

_PERHAPS_DECIMAL = re.compile(r"\d+\.\d+")
_PERHAPS_NEGATIVE = re.compile(r"(?<![\dA-Za-z])-\d+")
_MOST_MISSING = 10
"""Missing numbers for each that is there, above which these are no numbers of slices."""


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key by which slice2.tif comes before slice10.tif, and z=1.10um before z=1.9um."""
    texts, numbers = _parts(name)
    parts: list[tuple[int, float, str]] = []
    for place, text in enumerate(texts):
        parts.append((0, 0, text))
        if place < len(numbers):
            parts.append((1, numbers[place], ""))
    return tuple(parts), name


def _parts(name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The text around the numbers of a name, and these numbers."""
    plain = name.casefold()
    found = _NUMBER.findall(plain)
    numbers = [float(each) if "." in each else int(each) for each in found]
    return tuple(_NUMBER.split(plain)), tuple(numbers)


def series_notes(label: str, names: Sequence[str]) -> list[str]:
    """What a person should know of the order of slices, by their names."""
    kinds: dict[tuple[str, ...], list[tuple[float, ...]]] = defaultdict(list)
    for name in names:
        texts, numbers = _parts(name)
        kinds[texts].append(numbers)
    notes = [*_several_kinds(kinds)]
    for texts, every in kinds.items():
        if len(every) > 1:
            notes += _one_kind(texts, every)
    notes += _doubtful(names)
    return [f"{label}: {note}" for note in notes]


def _several_kinds(kinds: Mapping[tuple[str, ...], list[tuple[float, ...]]]) -> Iterator[str]:
    """Names of several forms, with the same numbers or others."""
    if len(kinds) < 2 or all(len(numbers) == 1 for numbers in kinds.values()):
        return
    shown = [f"{'#'.join(texts)} ({len(numbers)})" for texts, numbers in kinds.items()]
    last = Counter(each for numbers in kinds.values() for each in {every[-1:] for every in numbers})
    shared = sum(count > 1 for number, count in last.items() if number)
    what = f"slices have names of {len(kinds)} kinds: {few(shown, 4)}"
    if shared:
        yield f"{what}; {counted(shared, 'number')} in more than one: two detectors, or two stacks?"
    else:
        yield f"{what}; they follow each other in this order"


def _one_kind(texts: tuple[str, ...], numbers: Sequence[tuple[float, ...]]) -> Iterator[str]:
    """Numbers of one form of name: equal ones, series that begin again, gaps."""
    form = "#".join(texts)
    equal = [" ".join(f"{each:g}" for each in key) for key, n in Counter(numbers).items() if n > 1]
    if equal:
        yield f"{form}: {counted(len(equal), 'number')} more than once: {few(equal, 5)}"
    columns = list(zip(*numbers, strict=True))
    varying = [column for column in columns if len(set(column)) > 1]
    if not varying:
        return
    first = Counter(varying[0])
    if len(varying) > 1 and len(first) < len(set(numbers)):
        starts = [f"{number:g} ({count})" for number, count in first.items()]
        yield f"{form}: the numbers begin again, in {len(first)} series: {few(starts, 6)}"
        return
    missing = _missing(sorted(first))
    if missing:
        text = few([f"{number:g}" for number in missing], 10)
        yield f"{form}: {counted(len(missing), 'number')} missing between the ends: {text}"


def _missing(numbers: Sequence[float]) -> list[float]:
    """Whole numbers that a series with one step leaves out."""
    if any(number != int(number) for number in numbers):
        return []
    steps = [int(after - before) for before, after in pairwise(numbers)]
    step = min(steps, default=0)
    if not step or any(each % step for each in steps):
        return []
    most = _MOST_MISSING * len(numbers)
    if (numbers[-1] - numbers[0]) / step + 1 - len(numbers) > most:
        return []
    there = set(numbers)
    every = range(int(numbers[0]), int(numbers[-1]), step)
    return [number for number in every if number not in there]


def _doubtful(names: Sequence[str]) -> Iterator[str]:
    """Decimals and signs: those that are taken as such, and those where nothing says so."""
    found: dict[str, list[str]] = {"decimals": [], "a minus": []}
    perhaps: dict[str, list[str]] = {"decimals": [], "a minus": []}
    for name in names:
        known = _NUMBER.findall(name.casefold())
        rest = _NUMBER.sub(lambda each: "#" if "." in each[0] else each[0], name.casefold())
        if any("." in number for number in known):
            found["decimals"].append(name)
        elif _PERHAPS_DECIMAL.search(rest):
            perhaps["decimals"].append(name)
        if any(number.startswith("-") for number in known):
            found["a minus"].append(name)
        elif _PERHAPS_NEGATIVE.search(rest):
            perhaps["a minus"].append(name)
    for what, every in found.items():
        if every:
            yield f"{counted(len(every), 'name')} with {what} ({every[0]}), ordered as numbers"
    for what, every in perhaps.items():
        if every and (what == "decimals" or len(every) < len(names)):
            said = "taken as text: write z=NUMBER or a unit behind it to say that it is one"
            yield f"{counted(len(every), 'name')} with what may be {what} ({every[0]}), {said}"
