"""A small disk that fills up while a run writes, and then has room for just what is missing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from kills import contents, facts, write_protocol
from stackmend import api
from stackmend.errors import OutputError

SLICES, SHAPE = 20, (128, 1024)
SLICE = SHAPE[0] * SHAPE[1]
BESIDE = 1_500_000
"""More than all takes that lies beside the stack."""

CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True},
    {"step": "destandardize"},
]


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Path]:
    """A disk in memory; skips by name where none can be mounted."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        pytest.skip(f"needs to mount a tmpfs: {error}")
    if done.returncode:
        pytest.skip(f"needs to mount a tmpfs: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def write_inputs(folder: Path, output: dict[str, Any]) -> Path:
    """A stack of noise, and a protocol that leaves it as it is."""
    generator = np.random.default_rng(1)
    (folder / "stack").mkdir(exist_ok=True)
    for number in range(SLICES):
        image = generator.integers(0, 255, SHAPE, dtype=np.uint8)
        tifffile.imwrite(folder / "stack" / f"s{number}.tif", image)
    return write_protocol(folder, output, chain=CHAIN)


def fill(disk: Path, leave: int = 0) -> Path:
    """Take all room of a disk but so many bytes."""
    filler = disk / "filler"
    filler.unlink(missing_ok=True)
    status = subprocess.run(["df", "-B1", "--output=avail", str(disk)], capture_output=True)
    room = int(status.stdout.split()[-1]) - leave
    with filler.open("wb") as file:
        for _ in range(max(room, 0) // 4096):
            file.write(bytes(4096))
    return filler


def full_and_on(folder: Path, output: dict[str, Any], done: int) -> None:
    """Let the disk fill up after so many slices; with room for what is missing, the run ends."""
    file = write_inputs(folder, output)
    whole = api.run(file, output=folder / "whole", workers=1)
    # The slices of a compressed file lie beside it while it is put together.
    each = SLICE * (2 if output.get("masks") else 1)
    twice = output.get("format") == "tiff" and "compression" in output
    again = SLICES * each if twice else 0
    with small_disk(folder / "disk", SLICES * each + again + 2 * BESIDE) as disk:
        finished = 0

        def listen(kind: str, _: Any) -> None:
            nonlocal finished
            finished += kind == "slice"
            if kind == "slice" and finished == done:
                fill(disk)

        with pytest.raises(OutputError, match=r"No space left on device.*make room"):
            api.run(file, output=disk / "out", workers=1, listener=listen)
        with suppress(OutputError):  # still full; or what there is just does for the last slices
            api.run(file, output=disk / "out", workers=1)
            assert done >= SLICES - 2
        fill(disk, leave=(SLICES - done + 1) * each + again + BESIDE)
        heard: list[str] = []
        api.run(
            file,
            output=disk / "out",
            workers=1,
            listener=lambda kind, fields: heard.append(kind),
        )
        assert heard.count("slice") <= SLICES - done + 1
        assert facts(disk / "out") == facts(whole.folder)
        assert contents(disk / "out") == contents(whole.folder)
