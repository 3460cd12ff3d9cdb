"""How well and how fast `align` lays slices on each other, beside what others use.

Prints a table of corner errors, px (mean and greatest over slices), of made-up stacks of which the
truth is known (`align_cases.py`), and of processor seconds a slice, one thread. Programs that are
not installed are left out: pystackreg, opencv-python, SimpleITK. Needs the reference data; some
minutes. ``--quick`` takes one stack of each kind.
"""

from __future__ import annotations

import sys
from functools import partial
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from time import process_time

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import align_cases as cases
from reference_data import FOLDER, fibsem_clean
from stackmend.kernels import transforms
from stackmend.kernels.align_baseline import ecc_pair, phase_pair
from stackmend.kernels.align_pairs import robust_pair
from stackmend.kernels.align_plan import settled
from stackmend.kernels.align_slices import prepare

REACH = 3
TUNED, HELD_OUT = (0, 2), (4, 6)  # slices that stacks are made of


def ours(stack, model, reach=REACH):
    """All pairs within reach together, and what moves together stands still."""
    return _settled(stack, model, reach, robust_pair, blocks=True)


def chained_ecc(stack, model):
    """The method ``ecc``."""
    return _settled(stack, model, 1, ecc_pair)


def chained_phase(stack, model):
    """The method ``phase``."""
    return _settled(stack, model, 1, lambda one, two, model: phase_pair(one, two))


def _settled(stack, model, reach, look, *, blocks=False):
    prepared, records = [prepare(image, model=model) for image in stack], {}
    for i in range(len(stack)):
        for j in range(i + 1, min(i + reach + 1, len(stack))):
            how = {"blocks": j == i + 1} if blocks else {}
            records[i, j] = look(prepared[i], prepared[j], model=model, **how)
    how = {"trend": "consensus"} if blocks else {"trend": "remove", "chain": True}
    plan = settled(records, range(len(stack)), model=model, missing="interpolate", **how)
    return plan["matrices"]


def chain(pair, stack, model):
    """Neighbouring pairs one after the other."""
    found = [transforms.identity()]
    for one, two in pairwise(stack):
        found.append(transforms.composed(pair(one, two, model), found[-1]))
    return np.stack(found)


def with_stackreg(module, one, two, model):
    kinds = {"translation": "TRANSLATION", "euclidean": "RIGID_BODY", "affine": "AFFINE"}
    registration = module.StackReg(getattr(module.StackReg, kinds[model]))
    return transforms.from_stackreg(registration.register(one, two))


def with_opencv(module, one, two, model):
    kinds = {"translation": "TRANSLATION", "euclidean": "EUCLIDEAN", "affine": "AFFINE"}
    found = np.eye(2, 3, dtype=np.float32)
    # From coarse to fine, as it does not find shifts of some pixels by itself.
    for level in (2, 1, 0):
        small = [_halved(module, image, level) for image in (one, two)]
        found[:, 2] *= 2.0 if level < 2 else 2.0**-2
        how = (module.TERM_CRITERIA_EPS | module.TERM_CRITERIA_COUNT, 200, 1e-7)
        kind = getattr(module, f"MOTION_{kinds[model]}")
        _, found = module.findTransformECC(small[0], small[1], found, kind, how, None, 5)
    return transforms.from_stackreg(found)


def _halved(module, image, level):
    for _ in range(level):
        image = module.pyrDown(image)
    return image


def with_simpleitk(module, one, two, model):
    fixed, moving = (module.GetImageFromArray(image) for image in (one, two))
    kinds = {
        "translation": lambda: module.TranslationTransform(2),
        "euclidean": module.Euler2DTransform,
        "affine": lambda: module.AffineTransform(2),
    }
    start = kinds[model]()
    if model != "translation":
        start = module.CenteredTransformInitializer(fixed, moving, start)
    method = module.ImageRegistrationMethod()
    method.SetMetricAsCorrelation()
    method.SetInterpolator(module.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-4, 200)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([2, 1, 1])
    method.SetInitialTransform(start, inPlace=True)
    method.SetNumberOfThreads(1)
    method.Execute(fixed, moving)
    points = [start.TransformPoint(place) for place in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0))]
    origin, right, down = (np.array(place[::-1]) for place in points)
    return np.column_stack([down - origin, right - origin, origin])


def with_skimage(module, one, two, model):
    shift, _, _ = module.phase_cross_correlation(one, two, upsample_factor=100)
    return transforms.translation(-shift)


PEERS = {
    "StackReg": ("pystackreg", with_stackreg, ("translation", "euclidean", "affine")),
    "ECC of OpenCV": ("cv2", with_opencv, ("translation", "euclidean", "affine")),
    "SimpleITK": ("SimpleITK", with_simpleitk, ("translation", "euclidean", "affine")),
    "phase correlation of scikit-image": ("skimage.registration", with_skimage, ("translation",)),
}


def programs(model):
    """Those that are installed and know a model, by name."""
    found = {"stackmend, robust": ours, "stackmend, ecc": chained_ecc}
    if model == "translation":
        found["stackmend, phase"] = chained_phase
    for name, (package, pair, models) in PEERS.items():
        if model not in models:
            continue
        try:
            module = import_module(package)
        except ImportError:
            continue
        if hasattr(module, "setNumThreads"):
            module.setNumThreads(1)
        found[name] = partial(chain, partial(pair, module))
    return found


def stacks(at, images):
    """What is measured on a slice: what it is, the model, the stack and the truth."""
    field, others = cases.Field(images[at]), [cases.Field(images[at - k]) for k in (1, 2, 3)]
    turned = cases.Field(np.rot90(images[at - 4]))
    yield "static", "translation", cases.static(field, at)
    yield "affine", "affine", cases.affine(field, at)
    yield "2 degrees and 3 px a slice", "euclidean", cases.turning(field, at)
    yield "content changes", "translation", cases.changing(field, others, at)
    yield "charging patches", "translation", cases.charging(field, at)
    yield "a tilted object", "translation", cases.tilted(field, turned, at)


def measured(program, stack, model, truth):
    start = process_time()
    try:
        found = program(stack, model)
    except Exception as error:  # noqa: BLE001, what another program raises is not known
        return f"failed: {str(error).splitlines()[0][:60]}", None
    seconds = (process_time() - start) / len(stack)
    mean, most = cases.errors(found, truth, stack.shape[1])
    return f"{mean:.4f} / {most:.4f}, {seconds:.3f} s", cases.slope_left(found, truth)


def main():
    if not (FOLDER / "data").is_dir():
        print("align is measured on the reference data (set STACKMEND_REFERENCE to its folder)")
        return
    images = fibsem_clean()
    print("| stack | made of slice | program | error mean / greatest, px; time a slice |")
    print("|---|---|---|---|")
    chosen = HELD_OUT[:1] if "--quick" in sys.argv else (*TUNED, *HELD_OUT)
    for at in chosen:
        kind = "tuned on" if at in TUNED else "held out"
        for what, model, (stack, truth) in stacks(at, images):
            known = programs(model)
            if at == chosen[0]:
                known["stackmend, robust"](stack[:4], model)  # compiled before a clock starts
            for name, program in known.items():
                said, slope = measured(program, stack, model, truth)
                more = f", slope left {slope:.4f} px" if "tilted" in what and slope else ""
                print(f"| {what} | {at} ({kind}) | {name} | {said}{more} |", flush=True)


if __name__ == "__main__":
    main()
