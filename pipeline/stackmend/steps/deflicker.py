"""Bring all slices to one gain and one offset, by the pixels that neighbours have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.pair_balance import pair_balance
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.stack_balance import groups_of, stack_balance
from stackmend.kernels.thinned_gaussian import thinned_gaussian, thinned_gaussian_at
from stackmend.registry import IMAGE, Each, Stage, Step, Survey, Unsettled

Image = NDArray[np.float32]
Record = Mapping[str, Any]
Records = Mapping[tuple[int, int], Record]


class Seen(NamedTuple):
    """What is kept of a slice while it is compared: every n-th pixel of its blur, and its mean."""

    pixels: Image
    mean: float


def blurred(
    image: Image, transform: SliceTransform | None = None, *, blur: float, thin: int
) -> Seen:
    """What serves all pairs of a slice: its blur, where it lies if that was found before."""
    if transform is None:
        pixels = thinned_gaussian(image, blur, thin)
    else:
        pixels = thinned_gaussian_at(image, transform.matrix, blur, thin)
    return Seen(pixels, float(image.mean(dtype=np.float64)))


def compared(first: Seen, second: Seen, *, model: str) -> dict[str, Any]:
    """Gain and offset between two slices, and their means."""
    found = pair_balance(first.pixels, second.pixels, model)
    return {**found, "means": [first.mean, second.mean]}


def balance(
    records: Records,
    numbers: Sequence[int],
    *,
    model: str,
    keep_trend: int,
    anchor: int | str,
    missing: str,
) -> Each:
    """Gain and offset of every slice; `kernels.stack_balance` says how.

    Raises
    ------
    Unsettled
        If slices can be compared with none and ``missing`` is ``error``, if the stack falls into
        parts that no pair joins, or the anchor is compared with none.
    """
    records = dict(sorted(records.items()))
    believed = {pair: record for pair, record in records.items() if not record["reason"]}
    groups = groups_of(list(believed))
    _check_joined(groups, records)
    paired = groups[0]
    unpaired = sorted({number for pair in records for number in pair}.difference(paired))
    if unpaired and missing == "error":
        why = _reasons(records, unpaired[0])
        what = f"{_listed(unpaired)} can be compared with none ({why})"
        raise Unsettled(
            f"{what}; mend or leave out these, raise reach, or take missing: interpolate"
        )
    if anchor != "stack" and anchor not in paired:
        what = f"anchor: slice {anchor} is not restored here, or compared with none"
        raise Unsettled(f"{what}; name one of those that are ({paired[0]} to {paired[-1]})")
    means: dict[int, float] = {}
    for pair, record in believed.items():
        means |= dict(zip(pair, record["means"], strict=True))
    found = stack_balance(
        believed,
        means,
        model=model,
        keep_trend=keep_trend,
        anchor=None if anchor == "stack" else int(anchor),
        interpolated=numbers if missing == "interpolate" else (),
    )
    each = zip(found.gains.tolist(), found.offsets.tolist(), found.pairs.tolist(), strict=True)
    every = [dict(zip(("gain", "offset", "pairs"), values, strict=True)) for values in each]
    about = _told(records, unpaired)
    gains, offsets = (
        f"{min(each):.3g} to {max(each):.3g}" for each in (found.gains, found.offsets)
    )
    used = f"{about['pairs']} of {len(records)} pairs used"
    about["found"] = f"gains from {gains}, offsets from {offsets}; {used}"
    return Each(dict(zip(found.numbers, every, strict=True)), about)


def _told(records: Records, unpaired: Sequence[int]) -> dict[str, Any]:
    """What is to be known besides, and what of it people are warned of."""
    dropped = [[*pair, record["reason"]] for pair, record in records.items() if record["reason"]]
    warnings = []
    if dropped:
        one, two, reason = dropped[0]
        what = f"{len(dropped)} of {len(records)} pairs of slices are left out"
        warnings.append(f"{what}, the first {one} and {two} ({reason}); surveys.json has all")
    if unpaired:
        what = f"{_listed(unpaired)} can be compared with none"
        warnings.append(f"{what}: gain and offset lie between those of the neighbours")
    told = {"pairs": len(records) - len(dropped), "dropped": dropped}
    return {**told, "interpolated": list(unpaired), "warnings": warnings}


def _check_joined(groups: Sequence[Sequence[int]], records: Records) -> None:
    if not groups:
        told = [f" ({i} and {j}: {record['reason']})" for (i, j), record in records.items()]
        what = f"no two slices can be compared{told[0] if told else ''}"
        raise Unsettled(f"{what}; leave this step out, or take match_histogram")
    if len(groups) > 1:
        first, second = groups[0], groups[1]
        what = f"no pair joins {_listed(first)} with {_listed(second)}"
        why = _reasons(records, second[0])
        raise Unsettled(f"{what} ({why}); raise reach, or restore these parts one by one")


def _reasons(records: Records, number: int) -> str:
    """Why the pairs of a slice are not believed."""
    of = [(pair, each["reason"]) for pair, each in records.items() if number in pair]
    return "; ".join(f"{one} and {two}: {reason}" for (one, two), reason in of[:3] if reason)


def _listed(numbers: Sequence[int]) -> str:
    if len(numbers) == 1:
        return f"slice {numbers[0]}"
    more = f" and {len(numbers) - 6} more" if len(numbers) > 6 else ""
    return f"slices {', '.join(map(str, numbers[:6]))}{more}"


def balanced(image: Image, balance: Record | None) -> Image | None:
    """The slice with its gain and offset.

    Parameters
    ----------
    image : (Y, X) float32
    balance
        ``gain`` and ``offset``, as the survey settled them.

    Returns
    -------
    (Y, X) float32, or None
        If nothing was settled for it, and it is not of one grey level.
    """
    if image.min() == image.max():
        return image
    if balance is None:
        return None
    return image * np.float32(balance["gain"]) + np.float32(balance["offset"])


def balance_found(balance: Record | None) -> dict[str, float]:
    """Gain and offset, and the number of slices that it was compared with."""
    if balance is None:
        return {}
    return {name: float(balance[name]) for name in ("gain", "offset", "pairs")}


STEP = Step(
    name="deflicker",
    version=1,
    stages=(
        Stage(balanced, makes=IMAGE),
        Stage(
            balance_found,
            facts={
                "gain": "factor of the grey levels",
                "offset": "what is added to them, grey levels",
                "pairs": "slices that it was compared with (0: gain and offset are interpolated)",
            },
        ),
    ),
    watch=(
        "This should be one grey level, or a faint copy of the whole slice where its contrast was "
        "another. Gain and offset along the stack show whether it was flicker or a trend that went."
    ),
    survey=Survey("balance", compared, balance, pairs="reach", prepare=blurred),
)
