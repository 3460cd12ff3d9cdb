"""Transforms of the slices of a stack as files: those of this program, of StackReg and of IMOD."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.transforms import from_imod, from_stackreg, scaled

Matrices = NDArray[np.float64]

COLUMNS = (
    *("slice", "yy", "yx", "y", "xy", "xx", "x"),
    *("pairs", "disagreement_px", "status", "rows", "columns"),
)
"""Of ``transforms.csv``; the last two are the shape of the slices."""

CONVENTION = (
    "matrix [[yy, yx, y], [xy, xx, x]] maps aligned coordinates (y, x), in px, to those of the "
    "slice; the centre of the first pixel is (0, 0)"
)
MAIN, IMOD = "aligned to slice, (y, x)", "IMOD"


def csv_of(plan: Mapping[str, Any]) -> str:
    """``transforms.csv``: one row a slice, numbers so that they come back as they were.

    ``plan`` has ``numbers``, ``matrices`` (N, 2, 3), ``shape``, and what is known of ``pairs``,
    ``disagreement_px`` and ``status``.
    """
    written = io.StringIO()
    rows = csv.writer(written, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry in _entries(plan):
        pairs, apart = entry["pairs"], entry["disagreement_px"]
        measured = ["" if each is None else repr(each) for each in (pairs, apart)]
        numbers = [repr(each) for row in entry["matrix"] for each in row]
        rows.writerow([entry["slice"], *numbers, *measured, entry["status"], *plan["shape"]])
    return written.getvalue()


def json_of(plan: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """``transforms.json``: the same, with what else is known of the stack under ``facts``."""
    said = {"transforms": 1, "convention": CONVENTION, "shape": list(plan["shape"])}
    entries = ",\n".join("  " + json.dumps(entry) for entry in _entries(plan))
    head = json.dumps({**said, **facts}, indent=1)
    return f'{head[:-2]},\n "slices": [\n{entries}\n ]\n}}\n'


def _entries(plan: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for place, number in enumerate(plan["numbers"]):
        own: dict[str, Any] = {"slice": int(number)}
        own["matrix"] = [[float(each) for each in row] for row in plan["matrices"][place]]
        pairs, apart = (_known(plan, name, place) for name in ("pairs", "disagreement_px"))
        own["pairs"] = None if pairs is None else int(pairs)
        own["disagreement_px"] = apart
        own["status"] = str(plan["status"][place]) if "status" in plan else ""
        found.append(own)
    return found


def _known(plan: Mapping[str, Any], name: str, place: int) -> float | None:
    value = plan[name][place] if name in plan else None
    return float(value) if value is not None and math.isfinite(value) else None


def read_transforms(content: bytes, name: str) -> dict[str, Any]:
    """The transforms in a file, by its name: csv, json, npy and txt (StackReg), xf (IMOD).

    Returns
    -------
    dict
        ``matrices`` (N, 2, 3), or rows of six where ``form`` is ``IMOD``, since these need the
        shape of the slices; ``numbers`` of the slices; ``shape`` of the slices, or ``None``.

    Raises
    ------
    ValueError
        If it holds none, as the end of a sentence about the file.
    """
    readers = {
        ".csv": _of_csv,
        ".json": _of_json,
        ".npy": _of_npy,
        ".txt": _of_text,
        ".xf": _of_imod,
    }
    ending = "." + name.rpartition(".")[2].lower()
    if ending not in readers:
        raise ValueError(f"must end with {', '.join(readers)}, got {name}")
    try:
        found = readers[ending](content)
    except (ValueError, KeyError, TypeError, IndexError, EOFError) as error:
        why = f"{type(error).__name__}: {error}"
        raise ValueError(f"holds no transforms that can be read ({why})") from error
    numbers, matrices = found["numbers"], found["matrices"]
    if not len(numbers) or not np.isfinite(matrices).all():
        raise ValueError("must have finite numbers for one slice or more")
    if len(set(numbers)) < len(numbers):
        raise ValueError("has two transforms of one slice; keep one of them")
    return found


def for_slices(
    loaded: Mapping[str, Any], shape: Sequence[int], scale: Sequence[float] | None
) -> Matrices:
    """The transforms of a file for slices of a shape, ``(N, 2, 3)``.

    Parameters
    ----------
    loaded
        What ``read_transforms`` has returned.
    shape
        Rows and columns of the slices.
    scale
        How many of their pixels, along y and x, lie in one of those that the transforms are for;
        ``None`` where these are the same.

    Raises
    ------
    ValueError
        If the file is for slices of another shape.
    """
    factors = np.asarray(scale or (1.0, 1.0), dtype=np.float64)
    own = np.asarray(loaded["shape"] or np.asarray(shape) / factors, dtype=np.float64)
    # Averages of blocks leave out a last block that is not whole.
    if (np.abs(np.asarray(shape) - own * factors) > np.maximum(factors, 1) - 1).any():
        there, here = (" x ".join(f"{each:g}" for each in size) for size in (own, shape))
        what = f"is for slices of {there} px, and these have {here}"
        if scale is None:
            raise ValueError(
                f"{what}; give scale if their pixels are of another size, or crop alike"
            )
        raise ValueError(f"{what}, which scale {factors.tolist()} does not bring together")
    matrices = np.asarray(loaded["matrices"], dtype=np.float64)
    if loaded["form"] == IMOD:
        matrices = np.stack([from_imod(row, own.tolist()) for row in matrices])
    return np.stack([scaled(each, factors) for each in matrices]) if scale else matrices


def _of_csv(content: bytes) -> dict[str, Any]:
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    matrices = [[[float(row[name]) for name in line] for line in _MATRIX] for row in rows]
    shape = None
    if rows and rows[0].get("rows") and rows[0].get("columns"):
        shape = [int(rows[0]["rows"]), int(rows[0]["columns"])]
    return _main([int(row["slice"]) for row in rows], matrices, shape)


_MATRIX = (("yy", "yx", "y"), ("xy", "xx", "x"))


def _of_json(content: bytes) -> dict[str, Any]:
    data = json.loads(content)
    numbers = [int(each["slice"]) for each in data["slices"]]
    shape = [int(size) for size in data["shape"]]
    return _main(numbers, [each["matrix"] for each in data["slices"]], shape)


def _of_npy(content: bytes) -> dict[str, Any]:
    return _of_stackreg(np.load(io.BytesIO(content), allow_pickle=False))


def _of_text(content: bytes) -> dict[str, Any]:
    return _of_stackreg(np.loadtxt(io.StringIO(content.decode())).reshape(-1, 3, 3))


def _of_stackreg(matrices: NDArray[Any]) -> dict[str, Any]:
    several = np.asarray(matrices, dtype=np.float64).reshape(-1, 3, 3)
    if not np.allclose(several[:, 2], (0, 0, 1)):
        raise ValueError("the last row of a matrix is not 0 0 1")
    return _main(list(range(len(several))), [from_stackreg(each) for each in several], None)


def _of_imod(content: bytes) -> dict[str, Any]:
    rows = np.loadtxt(io.StringIO(content.decode()), ndmin=2).reshape(-1, 6)
    return {"numbers": list(range(len(rows))), "matrices": rows, "shape": None, "form": IMOD}


def _main(numbers: list[int], matrices: Any, shape: list[int] | None) -> dict[str, Any]:
    found = np.asarray(matrices, dtype=np.float64).reshape(len(numbers), 2, 3)
    return {"numbers": numbers, "matrices": found, "shape": shape, "form": MAIN}
