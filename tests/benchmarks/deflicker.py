"""What `deflicker` leaves of known flicker on real slices, beside other ways, and what it costs.

Prints errors in grey levels and processor milliseconds of one thread; a minute. Needs the reference
data.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flicker import error, resin_enters, with_flicker
from reference_data import fibsem_clean
from stackmend import registry, steps

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from skimage.exposure import match_histograms

SEEDS = range(8)


def chained(stack):
    """Each slice with the histogram of the one before."""
    made = [stack[0].astype(np.float32)]
    for image in stack[1:]:
        made.append(match_histograms(image.astype(np.float32), made[-1]))
    return np.array(made)


def standardized(stack):
    """Each slice with the mean and the spread of the stack."""
    means, spreads = stack.mean(axis=(1, 2), keepdims=True), stack.std(axis=(1, 2), keepdims=True)
    return (stack - means) / spreads * spreads.mean() + means.mean()


WAYS = {
    "chained histograms": chained,
    "mean and spread": standardized,
    "deflicker": steps.deflicker,
    "deflicker, reach 1": lambda stack: steps.deflicker(stack, reach=1),
    "deflicker, reach 8": lambda stack: steps.deflicker(stack, reach=8),
    "deflicker, blur 0": lambda stack: steps.deflicker(stack, blur=0),
    "deflicker, blur 1": lambda stack: steps.deflicker(stack, blur=1),
    "deflicker, blur 4": lambda stack: steps.deflicker(stack, blur=4),
    "deflicker, thin 1": lambda stack: steps.deflicker(stack, thin=1),
    "deflicker, thin 8": lambda stack: steps.deflicker(stack, thin=8),
}


def errors():
    cases = [("like slices", [fibsem_clean()] * len(SEEDS), 7.4)]
    cases.append(("resin enters", [resin_enters(seed) for seed in SEEDS], 12.7))
    for name, truths, before in cases:
        stacks = [with_flicker(t, seed, before) for seed, t in zip(SEEDS, truths, strict=True)]
        for way, function in WAYS.items():
            left = [error(function(each), t) for each, t in zip(stacks, truths, strict=True)]
            clean = [error(function(each), each) for each in truths]
            ranges = (f"{min(each):.2f} to {max(each):.2f}" for each in (left, clean))
            print(f"{name}, {way}:", ", clean ".join(ranges))


def milliseconds(function, count=4):
    function()
    start = process_time()
    for _ in range(count):
        function()
    return 1000 * (process_time() - start) / count


def costs():
    tiled = np.tile(fibsem_clean()[:2], (1, 4, 4))[:, :2048, :2048]
    noise = np.random.default_rng(0).normal(0, 3, tiled.shape)
    first, second = np.clip(np.rint(tiled + noise), 0, 255).astype(np.float32)
    step = registry.steps().get("deflicker")
    values = {"blur": 2, "thin": 4, "model": "gain_offset"}
    seen = [step.survey.prepared({"image": each}, values) for each in (first, second)]
    prepared = milliseconds(lambda: step.survey.prepared({"image": first}, values))
    compared = milliseconds(lambda: step.survey.record_of(seen, values))
    balance = {"gain": 1.1, "offset": 3.0}
    applied = milliseconds(lambda: step.stages[0].function(first, balance))
    own = registry.steps().get("match_histogram")
    levels = own.survey.look(second)
    looked = milliseconds(lambda: own.survey.look(first))
    matched = milliseconds(lambda: own.stages[0].function(first, levels))
    peer = milliseconds(lambda: match_histograms(first, second), 1)
    total = prepared + 3 * compared + applied
    print(
        f"2048 x 2048, ms a slice: blur {prepared:.0f}, pair {compared:.1f}, applied {applied:.0f}"
    )
    print(f"all {total:.0f}; match_histogram {looked + matched:.0f}, scikit-image {peer:.0f}")


if __name__ == "__main__":
    errors()
    costs()
