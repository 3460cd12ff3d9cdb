"""No pixel changes unless it is meant, by the hashes of restored stacks.

They are what the shipped configurations and the reference figures give. Where a change of pixels is
meant, the version of the step is raised, the CHANGELOG names it, and the new hashes are printed by
``python tests/test_pixels.py``. The phantoms are made with this machine's NumPy: where their own
hash is another one, nothing can be said of the rest, and the test skips by name.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import reference_data
from stackmend import api
from stackmend.resources import config
from stackmend.result.rows import LEAVE_IT_ALONE

EXPECTED = Path(__file__).with_name("expected_pixels.json")
SMALL = "{slices: 3, height: 96, width: 128, centres: 2, radius: 8, tail: 16}"
SMALL_DEMO = """{slices: 5, height: 192, width: 256, tissue: cells, contrast: 0.2, step: 1.5,
every: 3, charge: [streaks, blobs, rings], centres: 3, radius: 8, tail: 30}"""
REFERENCE_RUNS = {
    "yeast": ("published-243", "yeast"),
    "yeast-quick": ("quick", "yeast"),
    "celegans-bright": ("bright", "celegans"),
}


def small_phantom(name: str) -> str:
    """A phantom with the kind of charge that a shipped configuration is for."""
    if name == "demo":
        return SMALL_DEMO
    return SMALL.replace("}", ", polarity: bright}") if name == "bright" else SMALL


def phantom_run(name: str, folder: Path) -> Any:
    """A shipped configuration on a small phantom."""
    given = {
        "input.phantom": small_phantom(name),
        "optimize.slices": "[1]",
        "optimize.validate": "[2]",
    }
    return api.run(config(name), output=folder / name, set=given, workers=1)


def reference_run(name: str, folder: Path) -> Any:
    """A shipped configuration on real slices."""
    protocol, stack = REFERENCE_RUNS[name]
    return api.run(config(protocol), input=getattr(reference_data, stack)(), output=folder / name)


def facts(run: Any) -> dict[str, Any]:
    """What must not change: the pixels, the losses, and what was chosen."""
    with (run.folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["combination"] != LEAVE_IT_ALONE]
    others = ("mean_loss", "masked_share")
    losses = [[value for key, value in row.items() if key not in others] for row in rows]
    return {
        "input": run.record["input"]["pixel_hash"],
        "output": run.record["output"]["pixel_hash"],
        "losses": hashlib.sha256(json.dumps(losses).encode()).hexdigest(),
        "chosen": run.record["searches"][0]["chosen"],
    }


def steps_on_reference_arrays() -> dict[str, str]:
    """The decharging steps on the arrays of the reference, by hash."""
    from test_reference import PUBLISHED, products

    arrays = reference_data.arrays()
    bright, dark = arrays["B_input"], 1 - arrays["B_input"]
    made = {
        "bright": products(bright, standardize=False, inverse=False, **PUBLISHED),
        "dark": products(dark, standardize=False, inverse=True, **PUBLISHED),
        "scaled": products(200 * bright + 7, standardize=True, inverse=False, **PUBLISHED),
    }
    hashes = {}
    for name, found in made.items():
        image = np.ascontiguousarray(found["image"])
        hashes[name] = hashlib.sha256(image.tobytes()).hexdigest()
        hashes[f"{name} mask"] = hashlib.sha256(found["charging_mask"].tobytes()).hexdigest()
    return hashes


def expected(name: str) -> Any:
    return json.loads(EXPECTED.read_text(encoding="utf-8"))[name]


PHANTOM_RUNS = ("bright", "demo", "published-243", "quick")


@pytest.mark.parametrize("name", PHANTOM_RUNS)
def test_configurations_give_the_same_pixels_and_losses(name: str, tmp_path: Path) -> None:
    found, known = facts(phantom_run(name, tmp_path)), expected(name)
    if found["input"] != known["input"]:
        pytest.skip("the phantom comes out differently with this NumPy on this processor")
    assert found == known


@reference_data.needs_reference
@pytest.mark.parametrize("name", REFERENCE_RUNS)
def test_real_slices_give_the_same_pixels_and_losses(name: str, tmp_path: Path) -> None:
    assert facts(reference_run(name, tmp_path)) == expected(name)


@reference_data.needs_reference
def test_reference_arrays_give_the_same_pixels() -> None:
    assert steps_on_reference_arrays() == expected("reference arrays")


def write_expected(folder: Path) -> None:
    """Write down what comes out now."""
    runs: list[tuple[tuple[str, ...], Callable[[str, Path], Any]]] = [
        (PHANTOM_RUNS, phantom_run),
        (tuple(REFERENCE_RUNS), reference_run),
    ]
    content: dict[str, Any] = {}
    for names, run in runs:
        content |= {name: facts(run(name, folder)) for name in names}
    content["reference arrays"] = steps_on_reference_arrays()
    EXPECTED.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        write_expected(Path(temporary))
