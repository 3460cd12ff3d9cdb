"""Measure what each model of charging leaves on slices with added charge, and what it harms.

``make charging`` runs all of it and writes ``.benchmarks/charging.md``. It needs the reference
data (``STACKMEND_REFERENCE``): the named cases are those of ``charging_phantoms.py``, the fresh
ones have the same shapes at seeds of which none was used for tuning. ``--only`` runs some models,
``--tables`` makes some tables, ``--fresh`` sets how many fresh cases there are.

A case is a stack of one slice, restored by a run of the program: with the published grid under its
guards (and a clean control slice: the truth turned upside down, in place of a neighbour), with
either model and the polarity of the case, and with the protocol that ``init --for`` writes. *Left*
is the root mean square of the error after the run over that before it, where the charge exceeds 8
grey levels; *outside* what the run adds to that error elsewhere.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import yaml
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import reference_data
from components import bound, evaluate
from stackmend import api, registry

sys.path.append(str(reference_data.FOLDER / "reference"))
import charging_phantoms

FIRST_SEED = 7000  # of the fresh cases
CHARGED = 8  # grey levels
LARGEST_CHANGE = 0.001  # of a clean slice
TABLES = ["named", "fresh", "clean", "swept"]
OUT = Path(__file__).resolve().parents[2] / ".benchmarks"

Pixels = np.ndarray[Any, np.dtype[np.uint8]]
Case = tuple[str, Pixels, Pixels, Any, bool]
Chain = list[dict[str, Any]]


def published(inverse: bool) -> dict[str, Any]:
    """The published grid under its guards; the control is the slice after the case."""
    chain: Chain = [
        {"step": "standardize", "per": "stack", "percentiles": [0.5, 99.5]},
        {
            "step": "find_charging",
            "inverse": inverse,
            "gf1_sigma": {"sweep": [40, 80, 120]},
            "color_shift": {"sweep": [0.05, 0.1, 0.2]},
        },
        {
            "step": "correct_charging",
            "gf2_sigma": {"sweep": [40, 80, 120]},
            "rb_radius": {"sweep": [2, 10, 50]},
            "gf3_sigma": {"sweep": [4, 25, 50]},
        },
        {"step": "destandardize"},
    ]
    optimize = {"slices": [0], "clean": [1], "loss": "common_histogram", "on_nothing_found": "skip"}
    return {"chain": chain, "optimize": optimize}


def streaks(inverse: bool) -> dict[str, Any]:
    return {"chain": [{"step": "find_streaks", "inverse": inverse}, {"step": "fill_streaks"}]}


def learnt(inverse: bool) -> dict[str, Any]:
    names = ("learn_charging", "find_learnt_charging", "subtract_charge")
    chain: Chain = [{"step": name} for name in names]
    chain[0]["inverse"] = inverse
    return {"chain": chain}


MODELS: dict[str, Callable[[bool], dict[str, Any]] | None] = {
    "published": published,
    "streaks": streaks,
    "learnt": learnt,
    "init --for": None,
}


def named_cases() -> Iterator[Case]:
    """Those of the reference."""
    for name in charging_phantoms.CASES:
        yield name, *charging_phantoms.phantom(name)


def fresh_cases(count: int) -> Iterator[Case]:
    """Every shape on every background in turn, with seeds of their own."""
    shapes, bases = list(charging_phantoms.SHAPES), list(charging_phantoms.BASES)
    for number in range(count):
        random = np.random.default_rng(FIRST_SEED + number)
        shape, base = shapes[number % len(shapes)], bases[(number + number // 5) % len(bases)]
        inverse, strength = bool(random.integers(2)), int(random.uniform(40, 110))
        args = base, shape, strength, inverse, FIRST_SEED + number
        name = f"{base}-{shape}-{strength}-{'dark' if inverse else 'bright'}"
        yield name, *charging_phantoms.make(*args), inverse


def clean_stacks() -> Iterator[tuple[str, Pixels]]:
    """The reference slices without charge."""
    for folder, pattern in (("fibsem_clean", "*.png"), ("celegans", "*.tif")):
        files = sorted((reference_data.FOLDER / "data" / folder).glob(pattern))
        yield folder, np.stack([np.asarray(Image.open(file).convert("L")) for file in files])


def restored(pixels: Pixels, body: dict[str, Any] | None) -> Pixels:
    """A stack as a run with that body leaves it; without one, as init's protocol does."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tifffile.imwrite(folder / "stack.tif", pixels, photometric="minisblack")
        if body is None:
            text = api.init(folder / "stack.tif")
        else:
            text = yaml.safe_dump({"protocol": 1, "input": {"path": "stack.tif"}, **body})
        (folder / "p.yaml").write_text(text, encoding="utf-8")
        given = {"output.format": "tiff"}
        api.run(folder / "p.yaml", output=folder / "out", set=given, workers=1)
        result: Pixels = tifffile.imread(folder / "out" / "stack.tif")
    return result.reshape(pixels.shape)


def figures(case: Case, model: str) -> tuple[float, float]:
    """The error left where the slice is charged, and what is added elsewhere."""
    _, charged, clean, charge, inverse = case
    make = MODELS[model]
    pixels = np.stack([charged, clean[::-1]]) if model == "published" else charged[None]
    result = restored(pixels, make and make(inverse))[0]
    where = charge > CHARGED
    before, after = (each.astype(float) - clean for each in (charged, result))
    return rms(after[where]) / rms(before[where]), rms(after[~where]) - rms(before[~where])


def rms(error: np.ndarray[Any, Any]) -> float:
    return float(np.sqrt(np.mean(error**2)))


def charged_table(title: str, cases: list[Case], models: list[str]) -> Iterator[str]:
    """A row a case, then means, medians and the worst."""
    yield f"\n**{title}** ({len(cases)}): left, outside\n"
    yield f"| case | {' | '.join(models)} |"
    yield "|---|" + "---:|" * len(models)
    values = []
    for case in cases:
        row = [figures(case, model) for model in models]
        values.append(row)
        cells = [f"{100 * left:.0f} %, {outside:+.2f}" for left, outside in row]
        yield f"| {case[0]} | {' | '.join(cells)} |"
    left, outside = np.moveaxis(np.array(values), 2, 0)
    for name, summary in (("mean", np.mean), ("median", np.median), ("worst", np.max)):
        pairs = zip(summary(left, axis=0), summary(outside, axis=0), strict=True)
        yield f"| {name} | " + " | ".join(f"{100 * a:.0f} %, {b:+.2f}" for a, b in pairs) + " |"


def clean_table(models: list[str]) -> Iterator[str]:
    """Changed pixels of clean slices, as one stack each, in both polarities."""
    yield "\n**Clean slices**: changed in the mean, slices above 0.1 %\n"
    yield f"| stack | {' | '.join(models)} |"
    yield "|---|" + "---:|" * len(models)
    for name, stack in clean_stacks():
        for inverse in (True, False):
            cells = []
            for model in models:
                make = MODELS[model]
                result = restored(stack, make and make(inverse))
                changed = np.mean(result != stack, axis=(1, 2))
                count = np.count_nonzero(changed > LARGEST_CHANGE)
                cells.append(f"{100 * changed.mean():.3g} %, {count} of {len(stack)}")
            kind = "dark" if inverse else "bright"
            yield f"| {name}, {kind} | {' | '.join(cells)} |"


def swept_table() -> Iterator[str]:
    """The same of streaks, with every default divided and multiplied by 4, within its range."""
    yield "\n**Clean slices, defaults of streaks by 4**: slices with any pixel changed\n"
    yield "| parameter | / 4 | x 4 |"
    yield "|---|---:|---:|"
    for step in ("find_streaks", "fill_streaks"):
        for name, declared in registry.steps().get(step).schema["properties"].items():
            default = declared["default"]
            if isinstance(default, bool) or default is None:
                continue
            cells = []
            for factor in (0.25, 4):
                value = min(
                    max(default * factor, declared.get("minimum", 1e-6)), declared["maximum"]
                )
                value = int(value) if declared["type"] == "integer" else value
                changed = _streaked(step, {name: value})
                cells.append(f"{value:g}: {sum(changed)} of {len(changed)}")
            yield f"| {name} | {' | '.join(cells)} |"


def _streaked(step: str, given: dict[str, Any]) -> list[bool]:
    changed = []
    for inverse in (True, False):
        values = {"find_streaks": {"inverse": inverse}, "fill_streaks": {}}
        values[step] |= given
        chain = [bound(name, **each) for name, each in values.items()]
        for _, stack in clean_stacks():
            for pixels in stack.astype(np.float32):
                changed.append(not np.array_equal(evaluate(pixels, *chain)["image"], pixels))
    return changed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(MODELS), default=list(MODELS))
    parser.add_argument("--fresh", type=int, default=25)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    OUT.mkdir(exist_ok=True)
    with (OUT / "charging.md").open("w", encoding="utf-8") as file:
        tables = {
            "named": lambda: charged_table("Named cases", list(named_cases()), given.only),
            "fresh": lambda: charged_table(
                "Fresh cases", list(fresh_cases(given.fresh)), given.only
            ),
            "clean": lambda: clean_table(given.only),
            "swept": swept_table,
        }
        for name in given.tables:
            for line in tables[name]():
                print(line, flush=True)
                print(line, file=file, flush=True)
