"""Thousands of damaged files of every format: none may end in anything but a plain error.

``python tests/fuzz.py TIFFS OTHERS``: so many mutants of TIFF, and of HDF5, zarr and MRC together.
Each kind runs in a process of its own, whose peak of memory is said.
"""

from __future__ import annotations

import logging
import multiprocessing
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from helpers.mutants import TIFFS, Save, hdf5, mrc, try_mutants, zarr_array


def _run(save: Save, count: int, seed: int) -> None:
    logging.disable(logging.CRITICAL)
    start = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        counts = try_mutants(save, Path(folder) / "cell", count, seed)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.process_time() - start
    print(f"{save.__name__:14} {counts}, {took:.1f} s, peak {peak:.0f} MB", flush=True)


def main(tiffs: int, others: int) -> int:
    """Try them; 1 if any fails."""
    rest = (hdf5, zarr_array, mrc)
    tasks = [(save, tiffs // len(TIFFS)) for save in TIFFS]
    tasks += [(save, others // len(rest)) for save in rest]
    failed = 0
    for save, count in tasks:
        process = multiprocessing.get_context("spawn").Process(target=_run, args=(save, count, 11))
        process.start()
        process.join()
        if process.exitcode:
            print(f"{save.__name__:14} FAILED with {process.exitcode}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in sys.argv[1:3])))
