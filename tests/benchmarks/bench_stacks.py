"""What large stacks cost beside the work on pixels: memory, bookkeeping, copying, planning."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import tifffile

from stackmend import api
from stackmend.result.hashes import pixel_hash
from stackmend.result.journal import Journal
from stackmend.result.log import Log
from stackmend.result.rows import SliceRow, Status

Row = dict[str, Any]
CROP = [{"step": "crop"}]
DECHARGE = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 40},
    {"step": "correct_charging", "gf2_sigma": 40, "rb_radius": 10, "gf3_sigma": 4},
    {"step": "destandardize"},
]

MEASURED = """
import sys
from stackmend import api
from stackmend.workers import memory
if __name__ == "__main__":
    run = api.run(sys.argv[1], workers=2)
    print(memory.peak(), run.record["estimate"]["actual"]["worker_bytes"])
"""


def protocol(
    folder: Path, stack: Path, chain: list[Row], output: str = "tiff-folder", name: str = "out"
) -> Path:
    """A protocol for a stack, in a file."""
    file = folder / f"{name}.yaml"
    given = {
        "input": {"path": str(stack)},
        "output": {"path": str(folder / name), "format": output},
    }
    file.write_text(json.dumps({"protocol": 1, **given, "chain": chain}))
    return file


def stack_of(folder: Path, count: int, image: np.ndarray) -> Path:
    """A folder of slices that are all alike but for one pixel."""
    folder.mkdir()
    for number in range(count):
        image = image.copy()
        image[0, 0] = number % 256
        tifffile.imwrite(folder / f"s{number:05d}.tif", image)
    return folder


def peaks(image: np.ndarray) -> Iterator[Row]:
    """The most memory of any process, for 50 slices and for 2000."""
    for output in ("tiff-folder", "tiff"):
        found = {}
        for count in (50, 2000):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                file = protocol(folder, stack_of(folder / "in", count, image), DECHARGE, output)
                script = folder / "measured.py"
                script.write_text(MEASURED)
                done = subprocess.run(
                    [sys.executable, script, file], check=True, capture_output=True, text=True
                )
                found[count] = [int(each) / 1e6 for each in done.stdout.split()]
        for process, few, many in zip(
            ("main process", "worker"), found[50], found[2000], strict=True
        ):
            what = f"peak memory of the {process}, 512 x 512, {output}: 50 slices, 2000 slices"
            yield {"what": what, "mb_50": few, "mb_2000": many, "growth": many / few}


def bookkeeping() -> Iterator[Row]:
    """All that is done for a slice beside reading, computing and writing it."""
    pixels = np.zeros((512, 512), np.uint8)
    with tempfile.TemporaryDirectory() as name:
        log, journal = Log(Path(name) / "log.jsonl"), Journal(Path(name) / "journal")
        start, count = perf_counter(), 500
        for number in range(count):
            row = SliceRow(
                number,
                0,
                "s.tif",
                Status.RESTORED,
                input_hash=pixel_hash(pixels),
                output_hash=pixel_hash(pixels),
            )
            journal.enter(row)
            log.event("slice", slice=number, name=row.name, status=row.status, seconds=row.seconds)
            row.to_csv()
        each = (perf_counter() - start) / count
        yield {
            "what": "bookkeeping for a slice (journal, log, row, two hashes), 512 x 512",
            "ms": each * 1e3,
        }


def _copy(source: str, target: str) -> None:
    tifffile.imwrite(target, tifffile.imread(source))


def copying(image_of: Callable[[int, int], np.ndarray]) -> Iterator[Row]:
    """A chain that changes nothing, against plain copying with tifffile."""
    for side, count in ((512, 400), (2048, 100)):
        for workers in (1, 2):
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                stack = stack_of(folder / "in", count, image_of(side, side))
                pairs = [
                    (str(file), str(folder / "copy" / file.name))
                    for file in sorted(stack.iterdir())
                ]
                (folder / "copy").mkdir()
                plain = min(_plain(pairs, workers) for _ in range(3))
                ours = []
                for turn in range(3):
                    run = api.run(protocol(folder, stack, CROP, name=f"out{turn}"), workers=workers)
                    ours.append(run.record["times"]["apply_s"])
                at_work = f"{workers} process{'es' * (workers > 1)}"
                what = f"copy {count} slices of {side} x {side}, {at_work}"
                yield {
                    "what": what,
                    "plain_s": plain,
                    "ours_s": min(ours),
                    "ratio": plain / min(ours),
                }


def _plain(pairs: list[tuple[str, str]], workers: int) -> float:
    if workers == 1:
        start = perf_counter()
        for pair in pairs:
            _copy(*pair)
        return perf_counter() - start
    with ProcessPoolExecutor(workers) as pool:
        list(
            pool.map(_copy, *zip(*pairs[:2], strict=True))
        )  # started, as are our workers after their first run
        start = perf_counter()
        list(pool.map(_copy, *zip(*pairs, strict=True), chunksize=8))
        return perf_counter() - start


def opening() -> Iterator[Row]:
    """Checking and planning stacks that are too large to be read for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack = stack_of(folder / "in", 5000, np.zeros((64, 64), np.uint8))
        start = perf_counter()
        api.check(protocol(folder, stack, CROP)).job()
        yield {"what": "check a folder of 5000 slices", "ours_s": perf_counter() - start}
        file, shape = folder / "huge.tif", (2000, 2560, 4096)
        pages = tifffile.memmap(
            file, shape=shape, dtype="uint8", bigtiff=True, photometric="minisblack"
        )
        pages[:3] = np.random.default_rng(0).integers(90, 160, (3, *shape[1:]), dtype=np.uint8)
        pages[:3, 800:1200, 800:1200] -= 60
        pages.flush()
        del pages
        huge = protocol(folder, file, DECHARGE, name="huge")
        start = perf_counter()
        outlook = api.plan(huge, workers=2)
        status = file.stat()
        size = f"{status.st_size / 1e9:.1f} GB, {status.st_blocks * 512 / 1e6:.0f} MB on disk"
        yield {"what": f"plan a sparse BigTIFF ({size})", "ours_s": perf_counter() - start,
               "says_s": outlook.need.total_s,
               "worker_mb": outlook.need.worker_bytes / 1e6}  # fmt: skip
        start = perf_counter()
        api.run(huge, set={"input.slices": '"0:3"'}, workers=2)
        yield {"what": "restore its first three slices", "ours_s": perf_counter() - start}
