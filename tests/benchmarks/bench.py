"""Measure the program against a literal reading of the method, and how its cost grows.

Everything is measured in one run on one machine, so that ratios mean something; nothing asserts on
a clock. ``make bench`` runs all of it in some minutes and writes ``.benchmarks/bench.json``. With
``--full`` the literal reading evaluates all 243 combinations instead of a sample (12 minutes more);
``--only NAME`` runs one section.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import tifffile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import reference_data
from benchmarks import bench_formats, bench_kernels, bench_stacks, literal
from components import bound, evaluate
from stackmend import api, registry
from stackmend.chain import Bound, compile_chain
from stackmend.registry import IMAGE
from stackmend.resources import config
from stackmend.stacks.phantom_model import Phantom
from stackmend.sweep import Axis, Space, search

PUBLISHED = {
    "gf1_sigma": (40, 80, 120),
    "color_shift": (0.05, 0.1, 0.2),
    "gf2_sigma": (40, 80, 120),
    "rb_radius": (2, 10, 50),
    "gf3_sigma": (4, 25, 50),
}
OWNERS = (
    "find_charging",
    "find_charging",
    "correct_charging",
    "correct_charging",
    "correct_charging",
)
LARGE = (2304, 3072)

Row = dict[str, Any]


def timed(function: Callable[[], Any], repeat: int = 1) -> float:
    """The shortest of some runs, in seconds."""
    times = []
    for _ in range(repeat):
        start = perf_counter()
        function()
        times.append(perf_counter() - start)
    return min(times)


def phantom(height: int, width: int, *, slices: int = 1) -> Phantom:
    """A stack of that size with charging in proportion to it."""
    return Phantom(
        slices=slices, height=height, width=width, centres=max(3, height * width // 200_000)
    )


def large_slice() -> np.ndarray:
    return literal.standardize(phantom(*LARGE).image(0))


def yeast_slice() -> np.ndarray:
    return literal.standardize(tifffile.imread(reference_data.yeast()))


def swept_search(image: np.ndarray, values: dict[str, tuple[Any, ...]], workers: int) -> Any:
    """The search as the program does it, on a standardised slice."""
    swept = tuple(zip(OWNERS, values, strict=True))
    loss = Bound(
        registry.losses().get("charging_histogram"), "loss", {"regions": 20, "distance": 10}
    )
    steps = [bound("find_charging", inverse=True), bound("correct_charging")]
    graph = compile_chain([*steps, loss], swept=swept)
    space = Space(
        tuple(Axis(parameter, each) for parameter, each in zip(swept, values.values(), strict=True))
    )
    return search(graph, space, [0], lambda number: {IMAGE: image}, workers=workers)


def literal_sweep_seconds(image: np.ndarray, *, full: bool) -> tuple[float, int]:
    """Seconds of the literal reading for all 243 combinations, and how many of them were measured.

    The sample has each pair of radius and threshold once, with the sigmas taken in turn: those
    decide the cost.
    """
    names = list(PUBLISHED)
    everything = list(itertools.product(*PUBLISHED.values()))
    sample = everything
    if not full:
        pairs = itertools.product(PUBLISHED["color_shift"], PUBLISHED["rb_radius"])
        sigmas = itertools.cycle(
            zip(PUBLISHED["gf1_sigma"], (80, 120, 40), (50, 4, 25), strict=True)
        )
        sample = [
            (g1, shift, g2, ball, g3)
            for (shift, ball), (g1, g2, g3) in zip(pairs, sigmas, strict=False)
        ]

    def evaluate_all() -> None:
        for combination in sample:
            corrected, mask = literal.correct(
                image, inverse=True, **dict(zip(names, combination, strict=True))
            )
            literal.loss(corrected, mask)

    return timed(evaluate_all) * len(everything) / len(sample), len(sample)


def sweep(full: bool) -> Iterator[Row]:
    """243 combinations against the literal reading."""
    images = {"phantom 2304 x 3072": large_slice}
    if (reference_data.FOLDER / "data").is_dir():
        images = {"yeast 400 x 2000": yeast_slice} | images
    for name, make in images.items():
        image = make()
        ours = {w: timed(partial(swept_search, image, PUBLISHED, w), 2) for w in (1, 2)}
        theirs, measured = literal_sweep_seconds(image, full=full and "yeast" in name)
        for workers, seconds in ours.items():
            what = f"sweep of 243, {name}, {workers} worker{'s' * (workers > 1)}"
            yield {
                "what": what,
                "literal_s": theirs,
                "ours_s": seconds,
                "ratio": theirs / seconds,
                "measured": measured,
            }


def application(full: bool) -> Iterator[Row]:
    """Correcting one large slice, and the throughput of several, against the literal reading."""
    image = phantom(*LARGE).image(0)
    with tempfile.TemporaryDirectory() as folder:
        stack = Path(folder) / "stack"
        stack.mkdir()
        for index in range(6):
            tifffile.imwrite(stack / f"{index}.tif", image)
        for radius in (2, 10, 50):
            values = {
                "gf1_sigma": 40,
                "color_shift": 0.1,
                "gf2_sigma": 40,
                "rb_radius": radius,
                "gf3_sigma": 4,
            }
            theirs = timed(
                lambda v=values: literal.correct(literal.standardize(image), inverse=True, **v)
            )
            steps = _chain(values)
            ours = timed(lambda s=steps: evaluate(image, *s), 2)
            yield {"what": f"correct 2304 x 3072, radius {radius}, 1 core",
                   "literal_s": theirs, "ours_s": ours, "ratio": theirs / ours}  # fmt: skip
            run = api.run(
                _protocol(folder, values),
                input=stack,
                output=Path(folder) / f"out{radius}",
                workers=2,
            )
            each = run.record["times"]["apply_s"] / 6
            yield {"what": f"the same, six slices read to written, 2 workers, radius {radius}",
                   "literal_s": theirs, "ours_s": each, "ratio": theirs / each}  # fmt: skip


def _chain(values: dict[str, Any]) -> list[Bound]:
    find = bound(
        "find_charging",
        inverse=True,
        gf1_sigma=values["gf1_sigma"],
        color_shift=values["color_shift"],
    )
    correct = {name: values[name] for name in ("gf2_sigma", "rb_radius", "gf3_sigma")}
    return [
        bound("standardize"),
        find,
        bound("correct_charging", **correct),
        bound("destandardize"),
    ]


def _protocol(folder: str, values: dict[str, Any]) -> Path:
    chain = [
        {"step": "standardize"},
        {"step": "find_charging", "inverse": True}
        | {name: values[name] for name in ("gf1_sigma", "color_shift")},
        {"step": "correct_charging"}
        | {name: values[name] for name in ("gf2_sigma", "rb_radius", "gf3_sigma")},
        {"step": "destandardize"},
    ]
    file = Path(folder) / "protocol.yaml"
    file.write_text(json.dumps({"protocol": 1, "chain": chain}))
    return file


def kernels(full: bool) -> Iterator[Row]:
    """Each kernel against the library call that a literal reading uses."""
    for shape in ((400, 2000), LARGE):
        for row in bench_kernels.run(shape):
            what = f"{row.name}, {shape[0]} x {shape[1]}"
            yield {"what": what, "literal_s": row.baseline, "ours_s": row.ours, "ratio": row.ratio}


def growth(full: bool) -> Iterator[Row]:
    """How the cost grows with pixels, combinations, slices and workers."""
    for height, width in ((576, 768), (1152, 1536), (2304, 3072)):
        image = literal.standardize(phantom(height, width).image(0))
        seconds = timed(lambda i=image: swept_search(i, PUBLISHED, 2), 2 if height < 2000 else 1)
        per_pixel = seconds / image.size * 1e6
        yield {
            "what": f"sweep of 243, {height} x {width}",
            "ours_s": seconds,
            "us_per_pixel": per_pixel,
        }
    image = literal.standardize(phantom(400, 2000).image(0))
    five = {
        "gf1_sigma": (40, 60, 80, 100, 120),
        "color_shift": (0.05, 0.075, 0.1, 0.15, 0.2),
        "gf2_sigma": (40, 60, 80, 100, 120),
        "rb_radius": (2, 5, 10, 25, 50),
        "gf3_sigma": (4, 12, 25, 37, 50),
    }
    for values in (PUBLISHED, five):
        result = swept_search(image, values, 2)
        seconds = timed(lambda v=values: swept_search(image, v, 2))
        if_nothing_shared = len(result.space) * len(result.work)
        yield {"what": f"sweep of {len(result.space)}, 400 x 2000", "ours_s": seconds,
               "distinct_stages": sum(result.work.values()),
               "stages_if_nothing_shared": if_nothing_shared}  # fmt: skip
    yield from _slices()


def _slices() -> Iterator[Row]:
    values = {"gf1_sigma": 40, "color_shift": 0.1, "gf2_sigma": 40, "rb_radius": 50, "gf3_sigma": 4}
    image = phantom(1024, 1024).image(0)
    with tempfile.TemporaryDirectory() as folder:
        for count in (20, 80):
            stack = Path(folder) / f"stack{count}"
            stack.mkdir()
            for index in range(count):
                tifffile.imwrite(stack / f"{index}.tif", image)
            for workers in (1, 2):
                out = Path(folder) / f"out{count}-{workers}"
                run = api.run(_protocol(folder, values), input=stack, output=out, workers=workers)
                seconds = run.record["times"]["apply_s"]
                at_work = f"{workers} worker{'s' * (workers > 1)}"
                yield {"what": f"restore {count} slices of 1024 x 1024, {at_work}",
                       "ours_s": seconds, "s_per_slice": seconds / count}  # fmt: skip


def memory(full: bool) -> Iterator[Row]:
    """Peak memory of a whole search, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        for height, width in ((400, 2000), LARGE):
            stack = Path(folder) / f"{height}.tif"
            tifffile.imwrite(stack, phantom(height, width).image(0))
            code = (
                "import resource, sys; from stackmend import api\n"
                "api.run(sys.argv[1], input=sys.argv[2], output=sys.argv[3], workers=2)\n"
                "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
            )
            command = [
                sys.executable,
                "-c",
                code,
                config("published-243"),
                stack,
                f"{folder}/out{height}",
            ]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            yield {
                "what": f"peak memory, sweep of 243, {height} x {width}",
                "peak_mb": int(done.stdout) / 1024,
            }


def formats(full: bool) -> Iterator[Row]:
    """Stacks read and written, against plain tifffile and zarr."""
    yield from bench_formats.rows()


def stacks(full: bool) -> Iterator[Row]:
    """What large stacks cost beside the work on pixels."""
    yield from bench_stacks.peaks(phantom(512, 512).image(0))
    yield from bench_stacks.bookkeeping()
    yield from bench_stacks.copying(lambda height, width: phantom(height, width).image(0))
    yield from bench_stacks.opening()


SECTIONS = {
    "sweep": sweep,
    "application": application,
    "kernels": kernels,
    "memory": memory,
    "growth": growth,
    "formats": formats,
    "stacks": stacks,
}


def shown(row: Row) -> str:
    """A row as a line of a Markdown table."""
    cells = [f"{row[key]:.3g}" if key in row else "" for key in ("literal_s", "ours_s", "ratio")]
    others = {
        key: value
        for key, value in row.items()
        if key not in ("what", "literal_s", "ours_s", "ratio")
    }
    more = ", ".join(
        f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}"
        for key, value in others.items()
    )
    return f"| {row['what']} | {' | '.join(cells)} | {more} |"


def machine() -> str:
    """The machine's name, for the table."""
    info = Path("/proc/cpuinfo")
    models = (
        [
            line.split(":")[1].strip()
            for line in info.read_text().splitlines()
            if "model name" in line
        ]
        if info.exists()
        else []
    )
    model = models[0] if models else platform.processor()
    return f"{model}, {os.cpu_count()} cores, Python {platform.python_version()}"


def main() -> None:
    """Print the table and write it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--full",
        action="store_true",
        help="measure all 243 literal combinations on the yeast slice",
    )
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    options = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    print(
        f"Machine: {machine()}\n\n"
        "| what | literal s | ours s | ratio | more |\n|---|---|---|---|---|"
    )
    # The kernels are compiled, or loaded from their cache, before any clock starts.
    swept_search(literal.standardize(phantom(64, 64).image(0)), PUBLISHED, 1)
    for name, section in SECTIONS.items():
        if options.only in (None, name):
            rows[name] = []
            for row in section(options.full):
                rows[name].append(row)
                print(shown(row), flush=True)
    target = reference_data.ROOT / ".benchmarks"
    target.mkdir(exist_ok=True)
    (target / "bench.json").write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2))


if __name__ == "__main__":
    main()
