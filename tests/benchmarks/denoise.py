"""What `denoise` leaves of known noise on real slices, and what the search by j_invariance picks.

Prints PSNR in dB, and processor seconds of one thread; half a minute. Needs the reference data.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from reference_data import fibsem_clean
from stackmend.kernels.hidden_pixels import hidden_at, with_hidden
from stackmend.losses.j_invariance import loss, noise_of_slice
from stackmend.registry import Window
from stackmend.steps.denoise import neighbours, nl_means, tv_chambolle

REACHES, WIDTHS, GUIDES = (0, 1, 2), (0.5, 0.7, 1.0, 1.5), (0.5, 0.8)


def noisy_stack(clean, seed=0, gain=0.3, read_noise=6.0):
    """Poisson noise of `gain` electrons per grey level, and read noise."""
    random = np.random.default_rng(seed)
    counts = random.poisson(clean * gain) / gain
    return (counts + random.normal(0, read_noise, clean.shape)).astype(np.float32)


def psnr(image, clean):
    return 10 * np.log10(255**2 / np.mean((image.astype(float) - clean) ** 2))


def model_of(stack):
    records = {place: neighbours.noise_of_slice(image) for place, image in enumerate(stack)}
    return neighbours.model_of_noise(records, noise=None)


def grid(images, centre, model, points, *, distance=0, asked=None):
    """The slice denoised with each of some (reach, h, guide), as the stages share it.

    If not all pixels are asked for, only these.
    """
    results = {}
    levels = [neighbours.stable_levels(image, model) for image in images]
    for guide in dict.fromkeys(each[2] for each in points):
        own = [each for each in points if each[2] == guide]
        reaches, widths = (tuple(dict.fromkeys(each[i] for each in own)) for i in (0, 1))
        guides = Window([neighbours.guide_levels(each, guide=guide) for each in levels], centre)
        shape = {"guide": guide, "distance": distance, "patch": 5}
        given = Window(levels, centre), guides, asked and Window([asked] * len(levels), centre)
        made = neighbours.averages(*given, reach=reaches, h=widths, **shape)
        for point in own:
            average = neighbours.averaged_levels(made, reach=point[0], h=point[1])
            results[point] = neighbours.denoised(images[centre], average, model, asked, strength=1)
    return results


def main():
    clean = fibsem_clean()[:, :512, :512]
    stack, points = noisy_stack(clean), list(itertools.product(REACHES, WIDTHS, GUIDES))
    model = model_of(stack)
    print({name: round(value, 3) for name, value in model.items()})
    few = [each[:64, :64] for each in stack[:3]]  # compiles
    for some in (None, hidden_at(8)):
        grid(few, 1, model, points, asked=some)
    for number in range(2, 6):
        images = list(stack[number - 2 : number + 3])
        start = process_time()
        [default] = grid(images, 2, model, [(2, 1.0, 0.8)]).values()
        one = process_time() - start
        every = grid(images, 2, model, points)
        truths = {point: psnr(image, clean[number]) for point, image in every.items()}
        hidden = [*images[:2], with_hidden(images[2], 8), *images[3:]]
        losses, start = {}, process_time()
        noise = noise_of_slice(images[2])
        for point, image in grid(hidden, 2, model, points, asked=hidden_at(8)).items():
            losses[point] = loss([image], images[2], noise, masks="one", stabilise=True)
        all_points = process_time() - start
        picked, best = min(losses, key=losses.get), max(truths, key=truths.get)
        print(
            f"slice {number}: before {psnr(images[2], clean[number]):.2f},"
            f" default {psnr(default, clean[number]):.2f} in {one:.2f} s,"
            f" picked {picked} {truths[picked]:.2f}, best {best} {truths[best]:.2f},"
            f" 24 losses in {all_points:.2f} s ({all_points / one:.1f} times)"
        )
    scaled = stack[3] / np.float32(255)
    tv = (tv_chambolle.flattened_out(scaled, weight=w, eps=None, iterations=None) for w in TV)
    print("tv_chambolle, best weight:", f"{max(psnr(255 * each, clean[3]) for each in tv):.2f}")
    kept = {"patch_size": 7, "patch_distance": 11, "sigma": None}
    means = (nl_means.averaged(stack[3], cut_off=h, **kept) for h in CUT_OFFS)
    print("nl_means, best cut_off:", f"{max(psnr(each, clean[3]) for each in means):.2f}")


TV, CUT_OFFS = (0.1, 0.15, 0.2, 0.25, 0.3), (8.0, 12.0, 16.0, 20.0)

if __name__ == "__main__":
    main()
