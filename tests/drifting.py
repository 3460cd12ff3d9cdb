"""A stack whose slices drift by known parts of pixels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

HEIGHT, WIDTH, COUNT, MARGIN = 112, 136, 8, 12


def path(count: int = COUNT) -> NDArray[np.float64]:
    """Where aligned coordinates lie in each slice, (y, x) px; the first stays."""
    steps = np.random.default_rng(3).uniform(-1.6, 1.6, (count, 2))
    steps[0] = 0
    return np.cumsum(steps, axis=0)


def drifted(count: int = COUNT, noise: float = 3.0) -> NDArray[np.uint8]:
    """The same tissue in every slice, moved along the path."""
    generator = np.random.default_rng(0)
    shape = HEIGHT + 2 * MARGIN, WIDTH + 2 * MARGIN
    tissue = ndimage.gaussian_filter(generator.normal(size=shape), 2)
    tissue = 40 + 170 * (tissue - tissue.min()) / np.ptp(tissue)
    slices = []
    for shift in path(count):
        moved = ndimage.shift(tissue, shift, order=3, mode="mirror")
        seen = moved[MARGIN:-MARGIN, MARGIN:-MARGIN]
        seen = seen + generator.normal(0, noise, seen.shape)
        slices.append(np.clip(np.rint(seen), 0, 255).astype(np.uint8))
    return np.stack(slices)


def write_drifted(folder: Path, pixels: NDArray[Any] | None = None) -> NDArray[Any]:
    """The stack as ``cell.tif`` in a folder."""
    stack = drifted() if pixels is None else pixels
    axes = "ZYX" if stack.ndim == 3 else "ZCYX"
    file = folder / "cell.tif"
    tifffile.imwrite(file, stack, photometric="minisblack", metadata={"axes": axes})
    return stack


def write_chain(folder: Path, *chain: dict[str, Any], name: str = "protocol", **more: Any) -> Path:
    """A protocol with this chain for the stack in a folder, writing into a folder of its name."""
    file = folder / f"{name}.yaml"
    content = {"protocol": 1, "input": {"path": "cell.tif"}, "output": {"path": f"of_{name}"}}
    file.write_text(json.dumps({**content, "chain": list(chain), **more}), encoding="utf-8")
    return file
