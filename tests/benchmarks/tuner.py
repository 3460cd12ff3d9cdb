"""How long the tuner takes from a move to the picture on the screen, as a browser sees it.

``make tuner-bench`` runs it; a quarter of an hour. Each figure is a median of 20 moves: from the
event of the input to the frame in which the new picture is drawn (``performance.now``). Beside it
stands what moves do to the memory of the server.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import psutil
import tifffile

from browsers import open_browser, set_screen

MOVES = 20
MANY = 200
SMALL = 1000
"""Rows of a slice below which the many moves are made, too."""

PATIENCE_S = 120
SIZES = {"0.8 Mpx": (400, 2000), "12 Mpx": (3000, 4000)}
PARAMETERS = {"correct_charging-gf3_sigma": (3, 40), "find_charging-gf1_sigma": (30, 120)}

PROTOCOL = """\
protocol: 1
input: {path: stack}
chain:
  - step: standardize
  - {step: find_charging, inverse: true, gf1_sigma: 40}
  - {step: correct_charging, gf3_sigma: 4, rb_radius: {sweep: [2, 10]}}
  - step: destandardize
optimize: {slices: [0], loss: charging_histogram}
"""

# About one pixel of the slice on one of the screen.
ENLARGE = "for (let i = 0; i < 5; i += 1) document.getElementById('in').click()"

# Moves a field, and waits for the frame that shows what came of it: any picture, and the exact one.
MOVE = """
const [name, value, done] = arguments;
const stage = document.getElementById("stage");
const before = Number(stage.dataset.revision);
const start = performance.now();
let first = null;
const watch = new MutationObserver(() => {
  if (Number(stage.dataset.revision) <= before) return;
  first ??= performance.now() - start;
  if (stage.dataset.quick === "true") return;
  watch.disconnect();
  done([first, performance.now() - start]);
});
watch.observe(stage, { attributes: true, attributeFilter: ["data-revision", "data-quick"] });
const field = document.getElementById(`p-${name}`);
field.value = value;
field.dispatchEvent(new Event("input", { bubbles: true }));
"""


def written(folder: Path, height: int, width: int) -> Path:
    """Three slices with dark charge, of this size."""
    noise = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    (folder / "stack").mkdir()
    for index in range(3):
        image = 0.6 + 0.05 * noise.standard_normal((height, width), dtype=np.float32)
        for _ in range(max(2, height * width // 400_000)):
            top, left = noise.uniform(40, height - 40), noise.uniform(80, width - 80)
            image -= 0.4 * np.exp(-((y - top) ** 2 / 400 + (x - left) ** 2 / 4000))
        pixels = (image.clip(0, 1) * 255).astype(np.uint8)
        tifffile.imwrite(folder / "stack" / f"slice{index}.tif", pixels)
    protocol = folder / "protocol.yaml"
    protocol.write_text(PROTOCOL, encoding="utf-8")
    return protocol


def started(protocol: Path) -> tuple[subprocess.Popen[str], str]:
    """The command, as a person starts it, and the address that it prints."""
    command = [sys.executable, "-m", "stackmend", "tune", str(protocol), "--no-browser"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, encoding="utf-8")
    assert process.stderr is not None
    found = re.search(r"http://\S+", process.stderr.readline())
    if found is None:
        raise SystemExit("the tuner did not start")
    return process, found.group(0)


def picture_comes(browser: Any, since: float) -> float:
    """Seconds until the first picture is on the screen."""
    shown = "return document.getElementById('stage')?.dataset.revision !== undefined"
    while not browser.execute_script(shown):
        if time.monotonic() - since > PATIENCE_S:
            raise SystemExit("no picture came")
        time.sleep(0.01)
    return time.monotonic() - since


def moves(browser: Any, name: str, low: float, high: float) -> tuple[float, float]:
    """Median ms to any picture and to the exact one; no value is tried twice."""
    rng = random.Random(name)
    times = []
    for _ in range(MOVES):
        value = round(rng.uniform(low, high), 2)
        times.append(browser.execute_async_script(MOVE, name, value))
    return median(each[0] for each in times), median(each[1] for each in times)


def measure_moves(browser: Any, title: str) -> None:
    """How long moves of each parameter take."""
    for name, (low, high) in PARAMETERS.items():
        browser.execute_async_script(MOVE, name, low + 0.5)
        first, exact = moves(browser, name, low, high)
        print(f"{title}: {name}: picture {first:.0f} ms, exact {exact:.0f} ms", flush=True)


def measure_memory(browser: Any, title: str, server: psutil.Process) -> None:
    """What many moves do to the memory of the server, which says its bound."""
    before = server.memory_info().rss
    rng = random.Random(0)
    for _ in range(MANY):
        name, (low, high) = rng.choice(list(PARAMETERS.items()))
        browser.execute_async_script(MOVE, name, round(rng.uniform(low, high), 2))
    grown = server.memory_info().rss
    print(f"{title}: memory {before / 1e6:.0f} MB, after {MANY} moves {grown / 1e6:.0f} MB")


def measure(browser: Any, title: str, shape: tuple[int, int]) -> None:
    """All figures of one size of slices."""
    with tempfile.TemporaryDirectory() as folder:
        protocol = written(Path(folder), *shape)
        since = time.monotonic()
        process, address = started(protocol)
        try:
            browser.get(address)
            print(f"{title}: first picture after {picture_comes(browser, since):.1f} s", flush=True)
            time.sleep(3)
            measure_moves(browser, f"{title}, whole slice")
            if shape[0] < SMALL:
                measure_memory(browser, title, psutil.Process(process.pid))
            else:
                browser.execute_script(ENLARGE)
                time.sleep(2)
                measure_moves(browser, f"{title}, enlarged")
        finally:
            process.terminate()
            process.wait()


def main() -> None:
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors", flush=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = open_browser(Path(profile))
        browser.set_script_timeout(PATIENCE_S)
        try:
            set_screen(browser, width=1400, height=900)
            for title, shape in SIZES.items():
                measure(browser, title, shape)
        finally:
            browser.quit()
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
