"""Runs of chains that see neighbouring slices and know the stack: all ways to the end are one."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

import stackmend
from kills import contents, facts
from stackmend import api, registry, runner
from stackmend.errors import InputError
from stackmend.forecast import estimate
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import Each
from stackmend.report import write_report
from stackmend.restore.apply import Application
from stackmend.result.arrays import decoded
from stackmend.stacks import open_stack
from stackmend.tuning.chains import ChannelChain

MakeStack = Callable[..., NDArray[Any]]
COUNT = 12

KNOWING = [
    {"step": "standardize", "per": "stack"},
    {"step": "steady", "reach": 2},
    {"step": "median_z", "radius": 2, "threshold": 0.1},
]
MENDING = [
    {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [8, 12]}, "min_area": 20},
    {
        "step": "correct_charging",
        "gf2_sigma": 8,
        "rb_radius": {"sweep": [5, 10]},
        "gf3_sigma": 3,
        "border": 4,
    },
]
END = {"step": "destandardize"}
CHAIN = [*KNOWING, *MENDING, END]
OPTIMIZE = {
    "slices": [0, COUNT - 1],
    "validate": [5],
    "loss": {"name": "charging_histogram", "distance": 4},
}
QUIET = {"chain": [*KNOWING, END], "optimize": None}
"""The same without charging and search."""

MEDIAN = {"chain": [{"step": "median_z", "radius": 2}], "optimize": None}

PROCESSES = """
from stackmend.cli import main
from stackmend.workers import processes
processes.PROCESSES_PAY = 0
raise SystemExit(main())
"""
"""The command, for which the smallest stack is worth processes."""

KILLED = """
import os, signal, sys
from stackmend import api

file, output, phase, count = sys.argv[1:]

def listen(kind, fields):
    if kind == "progress" and (fields["phase"], fields["done"]) == (phase, int(count)):
        os.kill(os.getpid(), signal.SIGKILL)

api.run(file, output=output, workers=2, listener=listen)
"""
"""A run that is killed when some phase has come so far."""


@pytest.fixture(scope="module", autouse=True)
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The step ``steady`` of the example package installed, here and in processes started here."""
    site = tmp_path_factory.mktemp("site")
    info, name = site / "stackmend_example-0.1.dist-info", "stackmend_example"
    info.mkdir()
    shutil.copytree(Path(__file__).parent / "example_package" / name, site / name)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(f"[stackmend.steps]\nsteady = {name}.steady:STEP\n")
    with pytest.MonkeyPatch.context() as patch:
        paths = [str(site), os.environ.get("PYTHONPATH")]
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, paths)))
        patch.syspath_prepend(site)
        registry.steps.cache_clear()
        importlib.invalidate_caches()
        yield
    registry.steps.cache_clear()


@pytest.fixture(autouse=True)
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page about a result takes longer than the result, and is proven elsewhere."""
    monkeypatch.setattr(runner, "write_report", lambda folder: None)


def slices(charged: MakeStack) -> NDArray[Any]:
    """A stack whose slices differ in brightness."""
    stack = charged(COUNT).astype(int)
    stack[:, 1:-1, 1:-1] += np.array([0, 9, -6, 4, 0, 12, -9, 3, -3, 6, 0, -5])[:, None, None]
    return stack.clip(0, 255).astype(np.uint8)


def write_stack(folder: Path, stack: NDArray[Any]) -> None:
    folder.mkdir()
    for number, image in enumerate(stack):
        tifffile.imwrite(folder / f"s{number:02d}.tif", image)


def write(folder: Path, name: str = "protocol.json", **sections: Any) -> Path:
    content = {"protocol": 1, "input": {"path": "stack"}, "output": {"path": "out"}}
    content |= {"chain": CHAIN, "optimize": OPTIMIZE, **sections}
    file = folder / name
    file.write_text(json.dumps({key: value for key, value in content.items() if value}))
    return file


@pytest.fixture
def folder(tmp_path: Path, charged: MakeStack) -> Path:
    write_stack(tmp_path / "stack", slices(charged))
    return tmp_path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, charged: MakeStack) -> Path:
    """A stack and its protocol, for the runs that must all end alike."""
    place = tmp_path_factory.mktemp("neighbours")
    write_stack(place / "stack", slices(charged))
    write(place)
    write(place, "zarr.json", output={"path": "out", "format": "ome-zarr"})
    return place


@pytest.fixture(scope="module")
def whole(place: Path) -> Mapping[str, api.RunResult]:
    """Runs with one worker, by the file of their protocol."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runner, "write_report", lambda folder: None)
        for name in ("protocol", "zarr"):
            output = place / f"whole {name}"
            found[name] = api.run(place / f"{name}.json", output=output, workers=1)
    return found


def alike(run: Path, whole: api.RunResult) -> None:
    assert facts(run) == facts(whole.folder)
    assert contents(run) == contents(whole.folder)
    for name in ("losses.csv", "surveys.json"):
        assert (run / name).read_bytes() == (whole.folder / name).read_bytes()


def computed(folder: Path) -> set[int]:
    """The slices that the last run into a folder has computed."""
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    return {event["slice"] for event in events if event["event"] == "slice"}


def settled(folder: Path, product: str, channel: str = "0") -> Any:
    """What a survey came to, read back from the file of a result."""
    content = json.loads((folder / "surveys.json").read_text(encoding="utf-8"))
    found = content["channels"][channel][product]
    if "each" in found:
        return {int(number): value for number, value in decoded(found["each"]).items()}
    return decoded(found["all"])


def restored(run: api.RunResult) -> list[NDArray[Any]]:
    assert run.stack is not None
    reader = open_stack(run.stack)[0]
    return [reader.read(number) for number in range(reader.shape[0])]


# Any way to the end


def test_every_format_has_the_same_pixels(whole: Mapping[str, api.RunResult]) -> None:
    hashes = {run.record["output"]["pixel_hash"] for run in whole.values() if run.record}
    assert len(hashes) == 1
    first = whole["protocol"]
    assert len({row["output_hash"] for row in facts(first.folder)}) == COUNT
    assert first.record is not None
    assert first.record["searches"][0]["status"] == "chosen"
    assert first.record["slices"]["restored"] == COUNT
    assert not [each for each in first.record["warnings"] if "picture" in each]


@pytest.mark.parametrize("name", ["protocol", "zarr"])
@pytest.mark.parametrize("workers", [2, 7])
def test_any_number_of_workers(
    place: Path, whole: Mapping[str, api.RunResult], name: str, workers: int, tmp_path: Path
) -> None:
    run = api.run(place / f"{name}.json", output=tmp_path / "out", workers=workers)
    alike(run.folder, whole[name])


@pytest.mark.parametrize("size", [1, 5])
def test_any_batches(
    place: Path,
    whole: Mapping[str, api.RunResult],
    size: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("stackmend.restore.apply.BATCH_OF_WINDOWS", size)
    monkeypatch.setattr("stackmend.tuning.survey.CHUNK", size)
    run = api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    alike(run.folder, whole["protocol"])


def test_processes(place: Path, whole: Mapping[str, api.RunResult], tmp_path: Path) -> None:
    words = ["run", place / "protocol.json", "--output", tmp_path / "out", "--workers", 2]
    command = [sys.executable, "-c", PROCESSES, *map(str, words), "--quiet"]
    subprocess.run(command, check=True)
    alike(tmp_path / "out", whole["protocol"])


@pytest.mark.parametrize("name", ["protocol", "zarr"])
def test_shards(place: Path, whole: Mapping[str, api.RunResult], name: str, tmp_path: Path) -> None:
    file = place / f"{name}.json"
    for number in (3, 1, 2):
        api.run(file, output=tmp_path / "out", workers=1, shard=f"{number}/3")
    run = api.finish(file, output=tmp_path / "out", workers=1)
    alike(run.folder, whole[name])


def test_a_cluster(
    place: Path,
    whole: Mapping[str, api.RunResult],
    dask: Callable[[], tuple[str, list[int]]],
    tmp_path: Path,
) -> None:
    address, _ = dask()
    file = place / "protocol.json"
    run = api.run(file, output=tmp_path / "out", backend="dask", scheduler=address)
    alike(run.folder, whole["protocol"])


@pytest.mark.slow
def test_killed_in_each_phase_it_ends_as_in_one_go(
    place: Path, whole: Mapping[str, api.RunResult], tmp_path: Path
) -> None:
    file, output = place / "protocol.json", tmp_path / "out"
    for phase, count in (("survey", 7), ("search", 3), ("apply", 4)):
        words = [str(file), str(output), phase, str(count)]
        died = subprocess.run([sys.executable, "-c", KILLED, *words], check=False)
        assert died.returncode == -signal.SIGKILL
    run = api.run(file, output=output, workers=2)
    alike(run.folder, whole["protocol"])
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] >= 4


def test_interrupted_between_slices_it_goes_on(
    place: Path, whole: Mapping[str, api.RunResult], tmp_path: Path
) -> None:
    def stop(kind: str, fields: Mapping[str, Any]) -> None:
        if kind == "slice" and fields["slice"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(place / "protocol.json", output=tmp_path / "out", workers=1, listener=stop)
    run = api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    assert run.record is not None
    assert run.record["slices"]["kept_from_earlier"] >= 6
    alike(run.folder, whole["protocol"])


def test_an_unchanged_run_has_nothing_to_do(place: Path, tmp_path: Path) -> None:
    api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    again = api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    assert not again.changed


# What is settled


def test_what_was_settled_is_in_a_file_of_the_result(
    whole: Mapping[str, api.RunResult], monkeypatch: pytest.MonkeyPatch, place: Path, tmp_path: Path
) -> None:
    chains: list[ChannelChain] = []
    original = Application.of.__func__  # type: ignore[attr-defined]

    def of(cls: Any, job: Any, given: Sequence[ChannelChain]) -> Any:
        chains.extend(given)
        return original(cls, job, given)

    monkeypatch.setattr(Application, "of", classmethod(of))
    run = api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    offsets = chains[0].settled["steady.offsets"]
    assert isinstance(offsets, Each)
    assert settled(run.folder, "steady.offsets") == offsets.values
    assert sorted(offsets.values) == list(range(COUNT))
    scale = chains[0].settled["standardize.stack_range"]
    assert settled(run.folder, "standardize.stack_range") == scale
    assert scale == [0.0, 255.0]


def test_a_result_without_surveys_has_no_such_file(folder: Path) -> None:
    file = write(folder, **QUIET)
    assert (api.run(file, workers=1).folder / "surveys.json").exists()
    run = api.run(write(folder, **MEDIAN), workers=1)
    assert not (run.folder / "surveys.json").exists()


# What must be computed again


def edit(folder: Path, number: int) -> None:
    """Make a part of a slice brighter."""
    file = folder / "stack" / f"s{number:02d}.tif"
    image = tifffile.imread(file)
    image[4:8, 30:40] += np.uint8(10)
    tifffile.imwrite(file, image)


def near(numbers: Sequence[int], reach: int) -> set[int]:
    """All slices within reach of some."""
    return {n for n in range(COUNT) if any(abs(n - each) <= reach for each in numbers)}


@pytest.mark.parametrize("number", [0, 5, COUNT - 1])
def test_an_edited_slice_makes_those_in_reach_be_computed_again(folder: Path, number: int) -> None:
    chain = [KNOWING[0], KNOWING[2], {**KNOWING[2], "id": "again", "radius": 1}, END]
    file = write(folder, chain=chain, optimize=None)
    api.run(file, workers=2)
    edit(folder, number)
    run = api.run(file, workers=2)
    assert computed(run.folder) == near([number], 3)
    whole = api.run(file, output=folder / "whole", workers=1)
    alike_without_losses(run.folder, whole.folder)


def alike_without_losses(run: Path, whole: Path) -> None:
    assert facts(run) == facts(whole)
    assert contents(run) == contents(whole)


@pytest.mark.parametrize("number", [0, 2, COUNT - 1])
def test_so_do_other_values_that_were_settled(folder: Path, number: int) -> None:
    """Where the mean of a slice changes, others are given another offset, and their neighbours."""
    file = write(folder, **QUIET)
    before = settled(api.run(file, workers=2).folder, "steady.offsets")
    edit(folder, number)
    run = api.run(file, workers=2)
    after = settled(run.folder, "steady.offsets")
    others = [each for each in before if before[each] != after[each]]
    # All are brought to the level of the first.
    assert number in others or others == list(range(1, COUNT))
    assert computed(run.folder) == near([number, *others], 2)
    whole = api.run(file, output=folder / "whole", workers=1)
    alike_without_losses(run.folder, whole.folder)


def test_a_neighbour_beyond_those_that_are_restored_counts(folder: Path) -> None:
    """Slices at the ends of a part see what lies beside it."""
    file = write(folder, **MEDIAN, input={"path": "stack", "slices": "3:7"})
    first = api.run(file, workers=1)
    raw = np.stack(restored_raw(folder))
    for place, image in enumerate(restored(first)):
        assert np.array_equal(image, middle(raw, place + 3))
    edit(folder, 8)
    run = api.run(file, workers=1)
    assert computed(run.folder) == {6}
    edit(folder, 9)
    assert not api.run(file, workers=1).changed


def restored_raw(folder: Path) -> list[NDArray[Any]]:
    return [tifffile.imread(file) for file in sorted((folder / "stack").iterdir())]


def middle(stack: NDArray[Any], number: int, gone: Sequence[int] = (), radius: int = 2) -> Any:
    """The median along Z from its definition, as it is written."""
    around = range(max(number - radius, 0), min(number + radius + 1, len(stack)))
    used = [stack[each].astype(np.float32) for each in around if each not in gone]
    return to_dtype(np.median(np.stack(used), axis=0), stack.dtype)[0]


# Slices that cannot be used


def test_what_cannot_be_used_is_left_out_of_windows(folder: Path) -> None:
    raw = np.stack(restored_raw(folder))
    (folder / "stack" / "s03.tif").write_bytes(b"no image")
    tifffile.imwrite(folder / "stack" / "s07.tif", np.full_like(raw[0], 90))
    given = {"path": "stack", "on_bad_slice": "keep"}
    run = api.run(write(folder, **MEDIAN, input=given), workers=2)
    statuses = [row["status"] for row in facts(run.folder)]
    assert statuses == [{3: "blank", 7: "constant"}.get(n, "restored") for n in range(COUNT)]
    for number, image in enumerate(restored(run)):
        if number not in (3, 7):
            assert np.array_equal(image, middle(raw, number, gone=(3, 7)))


@pytest.mark.parametrize("say", ["keep", "skip"])
def test_a_whole_chain_goes_without_them(folder: Path, say: str) -> None:
    raw = restored_raw(folder)
    (folder / "stack" / "s03.tif").write_bytes(b"no image")
    tifffile.imwrite(folder / "stack" / "s07.tif", np.full_like(raw[0], 90))
    file = write(folder, input={"path": "stack", "on_bad_slice": say})
    run = api.run(file, workers=3)
    whole = api.run(file, output=folder / "whole", workers=1)
    alike(run.folder, whole)
    assert set(settled(run.folder, "steady.offsets")) == {*range(COUNT)} - {3, 7}
    # Mended, they are there for their neighbours, too.
    tifffile.imwrite(folder / "stack" / "s03.tif", raw[3])
    again = api.run(file, workers=1)
    assert computed(again.folder) >= near([3], 2) - {7}
    mended = api.run(file, output=folder / "mended", workers=1)
    alike(again.folder, mended)


def test_a_constant_slice_has_no_part_in_a_choice(folder: Path) -> None:
    for number in (0, 5):
        tifffile.imwrite(folder / "stack" / f"s{number:02d}.tif", np.full((48, 64), 90, np.uint8))
    run = api.run(write(folder), workers=2)
    assert run.record is not None
    search = run.record["searches"][0]
    assert search["slices_without_findings"] == [0]
    assert search["held_out"] == {"5": "nothing_found"}
    assert not [each for each in run.record["warnings"] if "picture" in each]
    assert write_report(run.folder).exists()
    other = api.run(
        write(folder, optimize=OPTIMIZE | {"slices": [COUNT - 1], "validate": [6]}),
        output=folder / "other",
        workers=1,
    )
    assert other.record is not None
    assert other.record["searches"][0]["chosen"] == search["chosen"]


def test_a_neighbour_that_cannot_be_read_stops_the_run_unless_it_is_tolerated(folder: Path) -> None:
    (folder / "stack" / "s08.tif").write_bytes(b"no image")
    file = write(folder, **MEDIAN, input={"path": "stack", "slices": "3:7"})
    with pytest.raises(InputError, match=r"s08\.tif"):
        api.run(file, workers=1)


# Channels, crops, regions, order


@pytest.mark.parametrize("format", ["tiff", "ome-zarr"])
def test_channels_know_their_own_slices(tmp_path: Path, charged: MakeStack, format: str) -> None:
    first = slices(charged)
    both = np.stack((first, 255 - first[::-1] // 2), axis=1)
    tifffile.imwrite(tmp_path / "cell.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    given, output = {"path": "cell.tif"}, {"path": "out", "format": format}
    together = api.run(write(tmp_path, **QUIET, input=given, output=output), workers=2)
    assert together.stack is not None
    readers = open_stack(together.stack)
    for channel in (0, 1):
        given = {"path": "cell.tif", "channel": channel}
        file = write(tmp_path, "one.json", **QUIET, input=given)
        alone = api.run(file, output=tmp_path / f"alone{channel}", workers=1)
        for number, image in enumerate(restored(alone)):
            assert np.array_equal(readers[channel].read(number), image)
        for product in ("steady.offsets", "standardize.stack_range"):
            own = settled(alone.folder, product, str(channel))
            assert settled(together.folder, product, str(channel)) == own


def test_each_channel_with_its_own_search(tmp_path: Path, charged: MakeStack) -> None:
    first = slices(charged)
    both = np.stack((first, first[::-1, ::-1] // 2), axis=1)
    tifffile.imwrite(tmp_path / "cell.tif", both, imagej=True, metadata={"axes": "ZCYX"})
    optimize = OPTIMIZE | {"channel": "each"}
    file = write(tmp_path, input={"path": "cell.tif"}, optimize=optimize)
    runs = [api.run(file, output=tmp_path / f"by{workers}", workers=workers) for workers in (1, 3)]
    alike(runs[1].folder, runs[0])


@pytest.mark.parametrize("first", [True, False], ids=["before", "behind"])
def test_a_crop_before_or_behind(folder: Path, first: bool) -> None:
    crop = {"step": "crop", "z": [2, 9], "y": [3, 40], "x": [5, 60]}
    median = MEDIAN["chain"]
    assert isinstance(median, list)
    chain = [crop, *median] if first else [*median, crop]
    run = api.run(write(folder, chain=chain, optimize=None), workers=2)
    raw = np.stack(restored_raw(folder))
    images = restored(run)
    assert len(images) == 7
    for place, image in enumerate(images):
        assert np.array_equal(image, middle(raw, place + 2)[3:40, 5:60])


def test_slices_in_any_order(folder: Path) -> None:
    order = [11, 2, 7, 3, 0]
    file = write(folder, **QUIET, input={"path": "stack", "slices": order})
    run = api.run(file, workers=2)
    assert [int(row["slice"]) for row in facts(run.folder)] == order
    ascending = write(folder, **QUIET, input={"path": "stack", "slices": sorted(order)})
    other = api.run(ascending, output=folder / "ascending", workers=1)
    hashes = {row["slice"]: row["output_hash"] for row in facts(other.folder)}
    assert {row["slice"]: row["output_hash"] for row in facts(run.folder)} == hashes


@pytest.mark.parametrize("region", [None, {"y": [2, 46], "x": [1, 60]}], ids=["whole", "region"])
def test_what_the_search_scored_is_what_is_applied(
    folder: Path, region: dict[str, Any] | None
) -> None:
    """On the last slice of the stack, which sees fewer neighbours, and on one held out."""
    optimize = OPTIMIZE | ({"region": region} if region else {})
    run = api.run(write(folder, optimize=optimize), workers=2)
    trial = stackmend.trial(folder / "protocol.json")
    assert run.record is not None
    search = run.record["searches"][0]
    owners = {"gf1_sigma": "find_charging", "rb_radius": "correct_charging"}
    chosen = {f"{owners[name]}.{name}": value for name, value in search["chosen"].items()}
    losses = [trial.loss(number, chosen) for number in (0, COUNT - 1)]
    assert np.mean(losses) == search["loss_of_choice"]
    before = [trial.loss_untouched(number, chosen) for number in (0, COUNT - 1)]
    assert np.mean(before) == search["loss_before"]
    assert search["held_out"] == {"5": trial.loss(5, chosen)}
    if not region:
        for number, image in enumerate(restored(run)):
            scored, _ = to_dtype(trial.image(number, chosen), np.dtype("uint8"))
            assert np.array_equal(scored, image)


def test_the_plan_of_it(place: Path) -> None:
    """One slice is measured; what a survey compares it with is looked at for that."""
    plan = api.plan(place / "protocol.json", workers=1)
    assert plan.survey


def test_where_a_survey_needs_more_than_a_few_slices_nothing_is_measured(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsettled(*_: Any, **__: Any) -> None:
        raise InputError("steady: three slices do not do")

    monkeypatch.setattr(estimate, "ENOUGH_SLICES", 1)
    monkeypatch.setattr(estimate, "ENOUGH_PIXELS", 1)
    monkeypatch.setattr(estimate, "need_of", unsettled)
    run = api.run(place / "protocol.json", output=tmp_path / "out", workers=1)
    assert run.record is not None
    skipped = "no slice could be measured (steady: three slices do not do)"
    assert run.record["estimate"]["skipped"] == skipped
    with pytest.raises(InputError, match="three slices do not do"):
        api.run(place / "protocol.json", output=tmp_path / "other", memory="8GB")
