"""Every kernel against the best plain library call for the same result.

On made-up slices of real size. Run as a script it prints a table. Times are the smallest of several
runs in one process; read the ratios.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage
from skimage.morphology import reconstruction
from skimage.restoration import ball_kernel, rolling_ball

from stackmend.kernels import gaussian, histogram, regions
from stackmend.kernels import reconstruction as fill
from stackmend.kernels import rolling_ball as ball

SMALL, LARGE = (400, 2000), (2304, 3072)
Image = NDArray[np.float32]


@dataclass(frozen=True)
class Timing:
    name: str
    baseline: float  # seconds
    ours: float  # seconds

    @property
    def ratio(self) -> float:
        return self.baseline / self.ours


@lru_cache(maxsize=4)
def phantom(shape: tuple[int, int]) -> Image:
    """A noisy 0..1 slice with texture, dark charging centres and their horizontal tails."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float32)
    texture = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), 6)
    image = 0.5 + texture / (6 * texture.std()) + rng.standard_normal(shape).astype(np.float32) / 25
    for _ in range(ceil(shape[0] * shape[1] / 2e5)):
        cy, cx, r = rng.uniform(0, shape[0]), rng.uniform(0, shape[1]), rng.uniform(8, 30)
        image -= 0.5 * np.exp(-(((y - cy) / r) ** 2) - np.abs(x - cx) / (6 * r))
    return (image - image.min()) / np.ptp(image)


@lru_cache(maxsize=4)
def flattened(shape: tuple[int, int]) -> Image:
    return phantom(shape) - gaussian.gaussian(phantom(shape), 40)


@lru_cache(maxsize=4)
def charging(shape: tuple[int, int]) -> NDArray[np.bool_]:
    detection = 1 - flattened(shape)
    return detection - fill.fill_from_border(detection, 0.1) > np.float32(0.1)


def seconds(call: Callable[[], object], repeats: int) -> float:
    call()  # compiles, fills caches
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


def compare(
    name: str, baseline: Callable[[], object], ours: Callable[[], object], repeats: int
) -> Timing:
    return Timing(name, seconds(baseline, max(1, repeats // 3)), seconds(ours, repeats))


def cosine_blur(image: Image, sigma: float) -> Image:
    """The mirror-border Gaussian by cosine transforms, the best library for large sigma."""
    spectrum = fft.dctn(image, type=1)
    for axis, size in enumerate(image.shape):
        impulse = np.zeros(2 * size - 1)
        impulse[size - 1] = 1
        kernel = ndimage.gaussian_filter1d(impulse, sigma, mode="constant")[size - 1 :]
        factor = fft.dct(kernel, type=1).astype(np.float32)
        spectrum *= factor[:, None] if axis == 0 else factor
    return fft.idctn(spectrum, type=1)


def bench_gaussian(shape: tuple[int, int], repeats: int) -> Iterator[Timing]:
    image = flattened(shape)
    for sigma in (4, 25, 50, 120):
        yield compare(
            f"gaussian {sigma}",
            lambda s=sigma: cosine_blur(image, s),
            lambda s=sigma: gaussian.gaussian(image, s),
            repeats,
        )


def pruned_ball(image: Image, radius: int) -> Image:
    kernel = ball_kernel(radius, 2).astype(np.float32)
    low, high = kernel[radius, radius] - kernel[radius] <= np.ptp(image), slice(None)
    kept = np.flatnonzero(low[high])
    keep = slice(kept[0], kept[-1] + 1)
    return rolling_ball(image, kernel=kernel[keep, keep], workers=1)


def bench_rolling_ball(shape: tuple[int, int], repeats: int) -> Iterator[Timing]:
    image = flattened(shape)
    for radius in (2, 10, 50):
        yield compare(
            f"rolling_ball {radius}",
            lambda r=radius: pruned_ball(image, r),
            lambda r=radius: ball.rolling_ball(image, r),
            repeats,
        )


def bench_reconstruction(shape: tuple[int, int], repeats: int) -> Iterator[Timing]:
    image = 1 - flattened(shape)
    for drop in (0.05, 0.2):
        seed = np.full_like(image, image.min())
        for frame in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
            seed[frame] = image[frame] - np.float32(drop)
        yield compare(
            f"fill_from_border {drop}",
            lambda s=seed: reconstruction(s, image, footprint=np.ones((3, 3))),
            lambda d=drop: fill.fill_from_border(image, d),
            repeats,
        )


def library_rings(
    mask: NDArray[np.bool_], count: int, distance: int
) -> list[tuple[NDArray[np.intp], ...]]:
    labels, n = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel(), minlength=n + 1)[1:]
    far = ndimage.distance_transform_cdt(~mask, metric="taxicab") > distance
    boxes = ndimage.find_objects(labels)
    found = []
    for i in sorted(range(n), key=lambda i: (-areas[i], -i))[:count]:
        box = tuple(slice(max(s.start - 3 * distance, 0), s.stop + 3 * distance) for s in boxes[i])
        own = ndimage.distance_transform_cdt(labels[box] != i + 1, metric="taxicab")
        ring = np.zeros_like(mask)
        ring[box] = (own > distance) & (own <= 3 * distance) & far[box]
        found.append((np.flatnonzero(labels == i + 1), np.flatnonzero(ring)))
    return found


def library_small(mask: NDArray[np.bool_], min_area: int) -> NDArray[np.bool_]:
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas > min_area)[labels]


def bench_regions(shape: tuple[int, int], repeats: int) -> Iterator[Timing]:
    raw = charging(shape)
    mask = regions.remove_small(regions.fill_holes(raw), 50)
    pairs: list[tuple[str, Callable[[], object], Callable[[], object]]] = [
        ("fill_holes", lambda: ndimage.binary_fill_holes(raw), lambda: regions.fill_holes(raw)),
        ("remove_small", lambda: library_small(raw, 50), lambda: regions.remove_small(raw, 50)),
        (
            "cityblock_distance",
            lambda: ndimage.distance_transform_cdt(~mask, metric="taxicab"),
            lambda: regions.cityblock_distance(mask, 10),
        ),
        (
            "regions_and_rings",
            lambda: library_rings(mask, 20, 10),
            lambda: regions.regions_and_rings(mask, 20, 10),
        ),
    ]
    for name, baseline, ours in pairs:
        yield compare(name, baseline, ours, repeats)


def library_distances(image: Image, pairs: tuple[regions.Region, ...]) -> list[float]:
    scaled = (image - image.min()) / np.ptp(image) * np.float32(256)
    flat, distances = scaled.ravel(), []
    for pair in pairs:
        inside, outside = (
            np.histogram(flat[part], bins=256, range=(0, 256))[0] / max(part.size, 1)
            for part in pair
        )
        distances.append(np.abs(inside - outside).sum())
    return distances


def bench_histogram(shape: tuple[int, int], repeats: int) -> Iterator[Timing]:
    image = phantom(shape)
    pairs = regions.regions_and_rings(regions.remove_small(charging(shape), 50), 20, 10)
    yield compare(
        "histogram_distances",
        lambda: library_distances(image, pairs),
        lambda: histogram.histogram_distances(image, pairs),
        repeats,
    )


BENCHMARKS = (
    bench_gaussian,
    bench_rolling_ball,
    bench_reconstruction,
    bench_regions,
    bench_histogram,
)


def run(shape: tuple[int, int], repeats: int = 7) -> Iterator[Timing]:
    for bench in BENCHMARKS:
        yield from bench(shape, repeats)


def main() -> None:
    for shape, repeats in ((SMALL, 9), (LARGE, 3)):
        print(f"\n{shape[0]} x {shape[1]} | library ms | ours ms | ratio\n--- | ---: | ---: | ---:")
        for timing in run(shape, repeats):
            print(
                f"{timing.name} | {timing.baseline * 1e3:.1f} | "
                f"{timing.ours * 1e3:.1f} | {timing.ratio:.1f}"
            )


if __name__ == "__main__":
    sys.exit(main())
