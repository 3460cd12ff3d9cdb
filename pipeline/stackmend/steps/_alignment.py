"""Where each slice of a stack lies: what the steps that find it have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.align_baseline import ecc_pair, phase_pair
from stackmend.kernels.align_pairs import robust_pair
from stackmend.kernels.align_plan import settled
from stackmend.kernels.align_slices import Prepared, prepare
from stackmend.kernels.placement import doubts_of, loaded_plan, told_of, values_of
from stackmend.kernels.slice_transform import SliceTransform
from stackmend.kernels.transform_files import csv_of, json_of, read_transforms
from stackmend.registry import Each, LoadedFile, Stage, Survey, Unsettled

Seen = Prepared | tuple[int, ...]
"""What is looked at of a slice; where transforms are loaded, its shape alone."""


def seen(
    image: NDArray[np.float32],
    charging_mask: NDArray[np.bool_] | None = None,
    *,
    model: str,
    region: Sequence[int] | None,
    load: LoadedFile | None,
) -> Seen:
    """What a slice gives once for all its pairs; what is masked has no part in it."""
    if load is not None:
        return image.shape
    return prepare(image, model=model, region=region, mask=charging_mask)


def laid(
    first: Seen,
    second: Seen | None = None,
    apart: int = 1,
    *,
    method: str,
    model: str,
    trend: str,
    largest_shift: float | None,
) -> dict[str, Any]:
    """The record of a pair: where the second slice lies on the first.

    How blocks move by themselves is asked of neighbours alone.
    """
    if not isinstance(first, Prepared) or not isinstance(second, Prepared):
        return {"shape": list(first) if isinstance(first, tuple) else list(first.shape)}
    if method == "phase":
        return phase_pair(first, second, largest_shift=largest_shift)
    if method == "ecc":
        return ecc_pair(first, second, model=model, largest_shift=largest_shift)
    blocks = trend == "consensus" and apart == 1
    return robust_pair(first, second, model=model, largest_shift=largest_shift, blocks=blocks)


def placed(
    records: Mapping[Any, Mapping[str, Any]],
    numbers: Sequence[int],
    *,
    method: str,
    model: str,
    trend: str,
    trend_window: float,
    reference: int | None,
    missing: str,
    canvas: str,
    load: LoadedFile | None,
    scale: Sequence[float] | None,
) -> Each:
    """The place of every slice, from all pairs or from a file.

    Raises
    ------
    Unsettled
        If a slice has no place, naming it.
    """
    try:
        if load is not None:
            [record, *_] = records.values()
            plan = loaded_plan(load.content, numbers, record["shape"], scale)
            about: dict[str, Any] = {"loaded": str(load), "hash": load.hash}
        else:
            plan = settled(
                records,
                numbers,
                model=model,
                trend="remove" if trend == "region" else trend,
                trend_window=trend_window,
                reference=_nearest(numbers, reference),
                missing=missing,
                chain=method != "robust",
            )
            about = {"trend": trend}
        values = values_of(plan, canvas)
    except ValueError as error:
        raise Unsettled(f"{load} {error}" if load is not None else str(error)) from error
    about["found"] = told_of(plan, loaded=None if load is None else str(load))
    told = {name: each for name, each in plan.items() if name != "matrices"}
    return Each(values, {**told, **about, "warnings": doubts_of(plan)})


def _nearest(numbers: Sequence[int], reference: int | None) -> int:
    """The slice that stays, or the restored one that is nearest to it."""
    if reference is None:
        return numbers[0]
    return min(numbers, key=lambda number: (abs(number - reference), number))


def looked_at(
    numbers: Sequence[int], optimization: Sequence[int], *, load: LoadedFile | None
) -> Sequence[int]:
    """All slices; where transforms are loaded, a few for their shape."""
    del optimization
    return numbers if load is None else numbers[:8]


def apart(*, load: LoadedFile | None, method: str, reach: int) -> int:
    """How far apart the slices of a pair may be; 0 where transforms are loaded."""
    if load is not None:
        return 0
    return reach if method == "robust" else 1


def tables(settled: Each, facts: Mapping[str, Any]) -> dict[str, str]:
    """The transforms as files of the result."""
    about, places = settled.about, settled.values
    plan = {**about, "matrices": [places[number]["matrix"] for number in about["numbers"]]}
    said = {name: about[name] for name in ("model", "reference", "trend") if name in about}
    return {"transforms.csv": csv_of(plan), "transforms.json": json_of(plan, {**said, **facts})}


SURVEY = Survey(
    "place",
    laid,
    placed,
    pairs=apart,
    slices=looked_at,
    prepare=seen,
    tables=tables,
    of_first_channel=True,
)
FILES = {"load": read_transforms}
REFERENCES = (
    "Thevenaz, Ruttimann, Unser, IEEE Trans. Image Process. 7 (1998), 27-41, 10.1109/83.650848",
    "Evangelidis, Psarakis, IEEE Trans. Pattern Anal. 30 (2008), 1858-1865, 10.1109/TPAMI.2008.113",
    "Kuglin, Hines, The phase correlation image alignment method, Proc. IEEE Int. Conf. "
    "Cybernetics and Society (1975), 163-165",
)


def transform(place: Mapping[str, Any] | None) -> SliceTransform | None:
    """Where aligned coordinates lie in the slice; ``None`` for one that has no place."""
    if place is None:
        return None
    canvas = place["canvas"]
    shape, box = tuple(place["shape"]), None if canvas is None else tuple(canvas)
    return SliceTransform(np.asarray(place["matrix"]), shape, box)


def displacement(transform: SliceTransform | None) -> dict[str, float]:
    """By how much the middle of the slice is moved, and by how much the slice is turned."""
    if transform is None:
        return {}
    y, x, angle = transform.motion
    return {"y": y, "x": x, "angle": angle}


ESTIMATION = (
    Stage(transform),
    Stage(
        displacement,
        facts={
            "y": "displacement of the middle along y (px)",
            "x": "displacement of the middle along x (px)",
            "angle": "angle by which the slice is turned (degrees)",
        },
    ),
)
