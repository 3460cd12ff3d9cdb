"""Damaged files of every format end in an error that says so; ``make fuzz`` tries many more."""

from __future__ import annotations

from pathlib import Path

import pytest

from helpers.mutants import TIFFS, Save, mrc, try_mutants, zarr_array


@pytest.mark.parametrize("save", [*TIFFS, mrc, zarr_array], ids=lambda save: save.__name__)
def test_a_damaged_file_is_refused_or_read(tmp_path: Path, save: Save) -> None:
    for package in {"mrc": ["mrcfile"], "zarr_array": ["zarr"]}.get(save.__name__, []):
        pytest.importorskip(package)
    counts = try_mutants(save, tmp_path / "cell", 22, seed=7)
    assert counts["refused"] > 0
    assert sum(counts.values()) == 22
