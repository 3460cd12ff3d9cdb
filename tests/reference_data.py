"""Real images and independently made figures.

They lie beside a developer's checkout and in no user's clone.
"""

from __future__ import annotations

import csv
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(os.environ.get("STACKMEND_REFERENCE", ROOT.parent / "shared"))

needs_reference = pytest.mark.skipif(
    not (FOLDER / "reference").is_dir(),
    reason="needs the reference data (set STACKMEND_REFERENCE to its folder)",
)


def yeast() -> Path:
    """A 400 x 2000 uint8 slice with one dark charging centre."""
    return FOLDER / "data" / "SEM_yeast.tif"


def yeast_losses() -> list[dict[str, float]]:
    """The losses of the published 243 combinations on that slice, in the declared order."""
    with (FOLDER / "reference" / "yeast_losses.csv").open() as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def celegans() -> Path:
    """A folder of 21 slices without charging."""
    return FOLDER / "data" / "celegans"


def arrays() -> dict[str, np.ndarray[Any, Any]]:
    """Inputs and outputs of the steps on synthetic data."""
    with np.load(FOLDER / "reference" / "restoration_reference.npz", allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def fibsem_clean() -> np.ndarray[Any, Any]:
    """8 consecutive slices 520 x 520 of tissue, nothing wrong with them, grey levels of 8 bit."""
    from PIL import Image

    files = sorted((FOLDER / "data" / "fibsem_clean").glob("*.png"))
    return np.stack([np.asarray(Image.open(file)) for file in files]).astype(np.float64)
