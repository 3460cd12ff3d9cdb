"""Times of `destripe`, and of its search, against a plain one with PyWavelets.

Prints processor milliseconds of one thread, and ratios; some minutes. Needs the reference data and
PyWavelets.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

import numpy as np
import pywt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_data import fibsem_clean
from stackmend.kernels.wavelets import most_levels, wavelet_names
from stackmend.losses import stripe_gradient
from stackmend.steps.destripe import robust, wavelet

SIGMAS = tuple(each + 0.01 for each in range(50))
"""Those of the search, which share a decomposition and more."""

HOW = {"ratio": 48, "shortest": 48, "clip": 1.5}


def curtained(size):
    """A slice of `size` x `size` px with curtains."""
    clean = np.tile(np.asarray(fibsem_clean()[0], np.float32), (2, 2))[:size, :size]
    return clean + np.random.default_rng(0).normal(scale=10, size=size).astype(np.float32)


def plain(image, name, sigma, level):
    """The published method, from decomposition to the slice."""
    coarsest, *details = pywt.wavedec2(image, name, level=level)
    kept = [coarsest]
    for horizontal, vertical, diagonal in details:
        frequency = np.arange(len(vertical)) - len(vertical) / 2 + 0.5
        gain = 1 - np.exp(-(frequency**2) / (2 * sigma**2))
        spectrum = np.fft.fftshift(np.fft.fft(vertical, axis=0), axes=0) * gain[:, np.newaxis]
        damped = np.fft.ifft(np.fft.ifftshift(spectrum, axes=0), axis=0).real
        kept.append((horizontal, damped.astype(image.dtype), diagonal))
    return pywt.waverec2(kept, name)[: image.shape[0], : image.shape[1]]


def plain_loss(image, restored):
    along = np.abs(np.gradient(image - restored, axis=0)).mean()
    return 2 * along + np.abs(np.gradient(restored, axis=1)).mean()


def milliseconds(function, times=3):
    best = np.inf
    for _ in range(times):
        started = process_time()
        function()
        best = min(best, process_time() - started)
    return 1000 * best


def search(image, every):
    """Of every so many wavelets, a point of the search: plain, plain in double, and ours."""
    double, totals, furthest = image.astype(np.float64), np.zeros(3), 0.0
    for name in wavelet_names()[4::every]:
        level = most_levels(image.shape, name)

        def losses(name=name, level=level):
            spectra = wavelet.stripe_spectra(image, wavelet=name, level=level)
            slopes = wavelet.slopes_by_sigma(image, spectra, sigma=SIGMAS, match_contrast=False)
            return [stripe_gradient.loss_of_slopes(slopes[each]) for each in SIGMAS]

        def plain_point(given, name=name, level=level, sigma=SIGMAS[20]):
            return plain_loss(given, plain(given, name, sigma, level))

        others = [milliseconds(lambda each=each: plain_point(each)) for each in (image, double)]
        row = np.array([*others, milliseconds(losses) / len(SIGMAS)])
        furthest = max(furthest, abs(losses()[20] / plain_point(double) - 1))
        totals += row
        print(f"{name:8}", *(f"{each:8.1f}" for each in row), flush=True)
    print(
        f"a search is {totals[0] / totals[2]:.1f} times as fast, {totals[1] / totals[2]:.1f} double"
    )
    print(f"losses differ from those in double precision by up to {furthest:.1e} of themselves")


def steps(size):
    """A slice by the robust method, by wavelets, and by plain wavelets."""
    image = curtained(size)
    plan = robust.plan_of_stack({0: robust.powers(image, bands=6, angle=0.0, **HOW)}, angle=0.0)

    def by_means():
        bands = robust.curtains_by_band(image, plan, **HOW)
        own = robust.own_curtains(bands, plan, gate=0.3)
        found = robust.curtains(image, own, None, plan, bands=6, gate=0.3, **HOW)
        return robust.destriped(image, found, strength=1.0)

    def by_wavelets():
        spectra = wavelet.stripe_spectra(image, wavelet="db4", level=4)
        return wavelet.destriped(image, spectra, sigma=4.0, match_contrast=False)

    functions = {"robust": by_means, "wavelet": by_wavelets}
    functions["plain"] = lambda: plain(image, "db4", 4.0, 4)
    for name, function in functions.items():
        function()
        print(f"{size} px, {name}: {milliseconds(function, 8):.1f}")


if __name__ == "__main__":
    for size in (520, 1024):
        steps(size)
    search(curtained(1000), every=9)
