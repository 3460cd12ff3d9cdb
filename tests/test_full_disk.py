"""A disk that is full: what is finished stays, and going on asks only for the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from full_disk import SLICES, full_and_on


@pytest.mark.parametrize("done", [SLICES // 2])
@pytest.mark.parametrize("output", [{}, {"format": "tiff"}], ids=["TIFF folder", "TIFF"])
def test_full_on_the_way(tmp_path: Path, output: dict[str, Any], done: int) -> None:
    """Other moments and formats are those of ``make soak``."""
    full_and_on(tmp_path, output, done)
