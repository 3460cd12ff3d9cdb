"""A run, its frozen protocol and its bundle taken elsewhere: the same pixels wherever it arrives.

Elsewhere is another folder, user, locale, time zone and mask of permissions, with a bundle that
cannot be written to; other numbers and kinds of workers; and, marked slow, a processor without the
instructions of this one, for which all kernels are compiled anew.
"""

from __future__ import annotations

import json
import locale
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

import stackmend
from stackmend import api
from stackmend.stacks import open_phantom

PROTOCOL = """
# The best for dark blobs.
protocol: 1
name: dark blobs
input: {path: cell}
output: {path: result}
chain:
  - {step: standardize, per: stack}
  - step: find_charging
    inverse: true
    gf1_sigma: {sweep: [60 nm, 100 nm]}
    min_area: 500 nm2
  - {step: correct_charging, gf2_sigma: 8, rb_radius: 5, gf3_sigma: 3}
  - step: destandardize
optimize: {slices: [1]}
"""

LEARNT = """
protocol: 1
input: {phantom: {slices: 5, height: 128, width: 192, tissue: cells, charge: [streaks, blobs]}}
chain:
  - {step: learn_charging, inverse: true}
  - step: find_learnt_charging
  - step: subtract_charge
"""

# What somebody would type who has got the folder: every verb in one process, to be quick.
ARRIVAL = """
import json, os, sys
os.umask(0o077)
from stackmend import api
said = [api.prove("b.zip").verification.outcome]
by_bundle = api.run("b.zip", input="cell", output="by bundle", workers=1)
by_frozen = api.run("frozen.yaml", output="by frozen", workers=1)
for made in (by_bundle, by_frozen):
    said += [api.verify(made.folder).outcome]
    found = api.verify("result", output_of=made.folder)
    said += [found.outcome, [str(each) for each in found.findings]]
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stack, a protocol, its run, what freeze makes of it, and a bundle; not to be written to."""
    folder = tmp_path_factory.mktemp("lab")
    (folder / "cell").mkdir()
    reader = open_phantom({"slices": 4, "height": 96, "width": 128})
    for number in range(4):
        size = {"resolution": (2e6, 2e6), "resolutionunit": "CENTIMETER"}  # pixels of 5 nm
        tifffile.imwrite(folder / "cell" / f"s{number}.tif", reader.read(number), **size)
    (folder / "p.yaml").write_text(PROTOCOL, encoding="utf-8")
    run = api.run(folder / "p.yaml", workers=1)
    assert run.record["chain"][1]["parameters"]["gf1_sigma"]["given"].endswith(" nm")
    api.freeze(run.folder, output=folder / "frozen.yaml")
    api.bundle(folder / "p.yaml", run.folder, output=folder / "b.zip", size=64)
    return folder


def arrive(lab: Path, folder: Path, **environment: str) -> list[Any]:
    """What comes of everything at a place to which it was copied, in another environment."""
    shutil.copytree(lab, folder)
    (folder / "home").mkdir()
    (folder / "b.zip").chmod(0o400)
    given = {**os.environ, "HOME": str(folder / "home"), "USER": "somebody", "LOGNAME": "somebody"}
    done = subprocess.run(
        [sys.executable, "-c", ARRIVAL],
        cwd=folder,
        env={**given, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[Any] = json.loads(done.stdout)
    return found


IDENTICAL = ["identical", *(["identical", "identical", []] * 2)]


def test_another_folder_user_time_zone_and_mask(lab: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "the lab next door, \u00e4"
    assert arrive(lab, elsewhere, LC_ALL="C", TZ="Pacific/Kiritimati") == IDENTICAL
    assert (elsewhere / "by bundle" / "run.json").stat().st_mode & 0o077 == 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tr_TR.UTF-8", "de_DE.UTF-8"])
def test_a_locale_with_other_letters_or_commas(lab: Path, tmp_path: Path, name: str) -> None:
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        pytest.skip(f"the locale {name} is not on this machine")
    finally:
        locale.setlocale(locale.LC_ALL, before)
    assert arrive(lab, tmp_path / "elsewhere", LC_ALL=name) == IDENTICAL


def lesser_processor(cache: Path) -> dict[str, str]:
    """Variables under which neither kernels nor NumPy use what not every processor has."""
    beyond = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    return {
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(cache),
        "NPY_DISABLE_CPU_FEATURES": " ".join(beyond),
    }


@pytest.mark.slow
def test_a_processor_without_the_instructions_of_this_one(lab: Path, tmp_path: Path) -> None:
    cache = tmp_path / "numba"
    assert arrive(lab, tmp_path / "elsewhere", **lesser_processor(cache)) == IDENTICAL
    assert any(cache.rglob("*.nbc"))


@pytest.mark.slow
def test_what_is_learnt_on_such_a_processor_is_equivalent(tmp_path: Path) -> None:
    """Without AVX2 NumPy calculates otherwise in the last digits, and another model is learnt."""
    (tmp_path / "p.yaml").write_text(LEARNT, encoding="utf-8")
    run = api.run(tmp_path / "p.yaml", output=tmp_path / "here", workers=1)
    command = [sys.executable, "-m", "stackmend", "run", "p.yaml", "--output", "there"]
    environment = {**os.environ, **lesser_processor(tmp_path / "numba")}
    subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True)
    found = api.verify(run.folder, output_of=tmp_path / "there")
    assert found.outcome in ("identical", "equivalent")
    assert api.verify(tmp_path / "there").outcome == "identical"


def pixels(run: api.RunResult) -> str:
    hashed: str = run.record["output"]["pixel_hash"]
    return hashed


@pytest.mark.parametrize("workers", [1, 2, pytest.param(7, marks=pytest.mark.slow)])
def test_any_number_of_workers(lab: Path, tmp_path: Path, workers: int) -> None:
    run = api.run(lab / "frozen.yaml", output=tmp_path / "out", workers=workers)
    assert pixels(run) == api.show(lab / "result").record.output.pixel_hash


@pytest.mark.slow
def test_a_cluster(lab: Path, tmp_path: Path, dask: Callable[[], tuple[str, list[int]]]) -> None:
    address, _ = dask()
    given: dict[str, Any] = {"backend": "dask", "scheduler": address}
    run = api.run(lab / "frozen.yaml", output=tmp_path / "out", **given)
    assert pixels(run) == api.show(lab / "result").record.output.pixel_hash


def test_threads_on_an_array(lab: Path) -> None:
    """Arrays have no size of a pixel: the protocol is told it."""
    stack = np.stack([tifffile.imread(lab / "cell" / f"s{number}.tif") for number in range(4)])
    size = {"input.pixel_size": 5}
    for workers in (1, 3):
        restored = stackmend.apply(lab / "frozen.yaml", stack, set=size, workers=workers)
        for number in range(4):
            kept = tifffile.imread(lab / "result" / "stack" / f"s{number}.tif")
            assert np.array_equal(restored[number], kept)
