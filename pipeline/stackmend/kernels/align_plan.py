"""What all looks at pairs come to: where every slice lies, and what must be known about that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels import transforms
from stackmend.kernels.align_groups import standing_still, warning_of
from stackmend.kernels.align_stack import Pair, chained, disagreements, together
from stackmend.kernels.align_trend import without_trend
from stackmend.kernels.transforms import Matrix

Record = Mapping[str, Any]
Array = NDArray[np.float64]


def settled(
    records: Mapping[Pair, Record],
    numbers: Sequence[int] | None = None,
    *,
    model: str,
    trend: str = "consensus",
    trend_window: float = 25,
    reference: int = 0,
    missing: str = "error",
    chain: bool = False,
) -> dict[str, Any]:
    """Where every slice lies.

    Parameters
    ----------
    records
        Of pairs, by the numbers of two slices, the first before the second.
    numbers
        All slices, in the order of the stack; those of the records, if ``None``.
    model
        ``translation``, ``euclidean`` or ``affine``.
    trend
        ``consensus``, ``remove``, ``keep`` or ``linear`` (`align_groups`, `align_trend`).
    trend_window
        Slices, for ``keep``.
    reference
        The slice that stays as it is.
    missing
        What becomes of a slice without a pair: ``error``, or ``interpolate`` between its
        neighbours. Where no pair leads across a gap, what follows continues as it stood before it.
    chain
        Neighbouring pairs one after the other, not all pairs together.

    Returns
    -------
    dict
        Plain data. Of each slice: ``numbers``; ``matrices`` (N, 2, 3), from aligned coordinates to
        those of the slice; ``pairs``, how many of them were used; ``disagreement_px``, the root
        mean square over these; ``status``, empty or ``bridged``. Of pairs: ``pair_disagreement``
        ([i, j, px]) and ``dropped`` ([i, j, why]). ``groups`` and ``warnings``; ``model``,
        ``trend``, ``reference`` and ``shape``.

    Raises
    ------
    ValueError
        If the reference is none of the slices, no pair can be used, or a slice has none and
        `missing` is ``error``; the message names slices.
    """
    every = sorted(numbers or {number for pair in records for number in pair})
    _refuse_others(reference, every)
    used, dropped = _usable(records, every, neighbours=chain)
    islands = _islands(used, every)
    if len(islands) > 1 and missing != "interpolate":
        raise ValueError(_why_apart(islands))
    shape = next(iter(used.values()))["shape"]
    joined = sorted(number for island in islands if len(island) > 1 for number in island)
    place = {number: index for index, number in enumerate(joined)}
    matrices = {(place[i], place[j]): record["matrix"] for (i, j), record in used.items()}
    given = matrices | _bridges(islands, place)
    how: dict[str, Any] = {"model": model, "shape": shape}
    found = chained(given, len(joined)) if chain else together(given, len(joined), **how)
    groups: list[dict[str, Any]] = []
    apart = disagreements(matrices, found, shape)
    if trend == "consensus":
        by_blocks = {(place[i], place[j]): record for (i, j), record in used.items()}
        found, groups = standing_still(found, _with_blocks(by_blocks))
    whole = _filled(found, joined, every, model, shape)
    if trend in ("keep", "linear"):
        whole = without_trend(whole, trend=trend, window=trend_window, **how)
    bridged = {number for island in islands for number in _bridged(island, islands)}
    plan = {"model": model, "trend": trend, "reference": reference, "shape": list(shape)}
    plan |= _of_slices(every, apart, joined, bridged)
    plan["matrices"] = _from_reference(whole, every.index(reference))
    plan["pair_disagreement"] = [[joined[i], joined[j], px] for (i, j), px in apart.items()]
    warnings = [warning_of(groups), _told_bridges(sorted(bridged))]
    told = [each for each in warnings if each]
    return plan | {"dropped": dropped, "groups": groups, "warnings": told}


def _refuse_others(reference: int, every: Sequence[int]) -> None:
    if reference not in every:
        within = f"{every[0]} to {every[-1]}" if every else "there is none"
        raise ValueError(f"reference: slice {reference} is none of those aligned ({within})")


def _usable(
    records: Mapping[Pair, Record], every: Sequence[int], *, neighbours: bool
) -> tuple[dict[Pair, Record], list[list[Any]]]:
    """The pairs that did not fail, and those that did, each with the reason."""
    places = {number: index for index, number in enumerate(every)}
    used, dropped = {}, []
    for i, j in sorted(records):
        record = records[i, j]
        if record["status"]:
            dropped.append([i, j, record["status"]])
        elif not neighbours or places[j] == places[i] + 1:
            used[i, j] = record
    if not used:
        reason = f"; slices {dropped[0][0]} and {dropped[0][1]}: {dropped[0][2]}" if dropped else ""
        raise ValueError(f"no pair of slices can be aligned{reason}")
    return used, dropped


def _islands(used: Mapping[Pair, Record], every: Sequence[int]) -> list[list[int]]:
    """The slices that pairs connect, in the order of their first."""
    root = {number: number for number in every}

    def top(number: int) -> int:
        while root[number] != number:
            root[number] = root[root[number]]
            number = root[number]
        return number

    for i, j in used:
        one, other = sorted((top(i), top(j)))
        root[other] = one
    islands: dict[int, list[int]] = {}
    for number in every:
        islands.setdefault(top(number), []).append(number)
    return list(islands.values())


def _why_apart(islands: Sequence[Sequence[int]]) -> str:
    alone = [island[0] for island in islands if len(island) == 1]
    wide = [island for island in islands if len(island) > 1]
    reasons = []
    if alone:
        reasons.append(f"no pair is left of {_named(alone)}")
    if len(wide) > 1:
        parts = ", ".join(f"{each[0]} to {each[-1]}" for each in wide[:5])
        reasons.append(f"no pair connects slices {parts}")
    return f"{'; '.join(reasons)}; raise reach, or take missing: interpolate"


def _bridges(islands: Sequence[Sequence[int]], place: Mapping[int, int]) -> dict[Pair, Matrix]:
    """Pairs that let each island continue where the one before it stood."""
    wide = [island for island in islands if len(island) > 1]
    bridges: dict[Pair, Matrix] = {}
    for before, after in pairwise(wide):
        i, j = sorted((place[before[-1]], place[after[0]]))
        bridges[i, j] = transforms.identity()
    return bridges


def _bridged(island: Sequence[int], islands: Sequence[Sequence[int]]) -> list[int]:
    """The slices of an island of which no pair says where they lie."""
    first = next(each for each in islands if len(each) > 1)
    return [] if island is first else [island[0]]


def _with_blocks(records: Mapping[Pair, Record]) -> dict[Pair, Record]:
    return {
        (i, j): each
        for (i, j), each in records.items()
        if j == i + 1 and each["blocks"] is not None
    }


def _filled(
    found: Array, joined: Sequence[int], every: Sequence[int], model: str, shape: Sequence[int]
) -> Array:
    """The transforms of all slices, between their neighbours' where no pair tells them."""
    flat = found.reshape(len(found), 6)
    columns = [np.interp(every, joined, column) for column in flat.T]
    whole = np.stack(columns, axis=1).reshape(-1, 2, 3)
    if model == "euclidean":
        centre = transforms.centre_of(shape)
        whole = np.stack([transforms.nearest_rotation(each, centre) for each in whole])
    return whole


def _from_reference(whole: Array, reference: int) -> Array:
    """The same with the reference as it is."""
    back = transforms.inverse(whole[reference])
    result = np.stack([transforms.composed(each, back) for each in whole])
    result[reference] = transforms.identity()
    return result


def _of_slices(
    every: Sequence[int], apart: Mapping[Pair, float], joined: Sequence[int], bridged: set[int]
) -> dict[str, Any]:
    """What is told of each slice."""
    squares: dict[int, list[float]] = {number: [] for number in every}
    for pair, distance in apart.items():
        for index in pair:
            squares[joined[index]].append(distance**2)
    means = [np.sqrt(np.mean(squares[number])) if squares[number] else 0.0 for number in every]
    return {
        "numbers": list(every),
        "pairs": [len(squares[number]) for number in every],
        "disagreement_px": [float(each) for each in means],
        "status": ["bridged" if number in bridged else "" for number in every],
    }


def _told_bridges(bridged: Sequence[int]) -> str:
    if not bridged:
        return ""
    lies = "lies" if len(bridged) == 1 else "lie"
    return (
        f"no pair says where {_named(bridged)} {lies}: a single one is put between its neighbours, "
        "a part of the stack continues where the one before it stood"
    )


def _named(slices: Sequence[int]) -> str:
    """Slices by their numbers, the first ten of many."""
    if len(slices) == 1:
        return f"slice {slices[0]}"
    more = f" and {len(slices) - 10} more" if len(slices) > 10 else ""
    return f"slices {', '.join(map(str, slices[:10]))}{more}"
