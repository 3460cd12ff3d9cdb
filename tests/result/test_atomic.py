"""Files that are there completely or not at all."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from stackmend import disk
from stackmend.result import atomic


def test_a_file_that_cannot_be_finished_leaves_the_earlier_one(tmp_path: Path) -> None:
    file = tmp_path / "slices.csv"
    atomic.write_table(file, [{"slice": 0}, {"slice": 1, "status": "restored"}])
    before = file.read_bytes()
    assert before == b"slice,status\r\n0,\r\n1,restored\r\n"
    with pytest.raises(ValueError, match="fields not in fieldnames"), atomic.writing(file) as half:
        csv.DictWriter(half, ["slice"]).writerow({"status": "restored"})
    assert file.read_bytes() == before
    # What is left of it is what a workspace clears away.
    assert [each.name for each in tmp_path.glob(disk.HALF_WRITTEN)] == [".slices.csv.part"]
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(tmp_path / "run.json", {"loss": float("nan")})
    assert not (tmp_path / "run.json").exists()
