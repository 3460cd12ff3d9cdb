"""Each contract finds the fault that it is there for, and says what to do about it."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from stackmend import registry
from stackmend.errors import UsageError
from stackmend.registry import IMAGE, Each, Loss, Stage, Step, Survey, Undefined
from stackmend.testing import (
    Broken,
    check_loss,
    check_step,
    contract,
    loss_contracts,
    memory,
    sample,
    step_contracts,
)

KNOWN: dict[str, float] = {}


def written_to(image, *, by: float):
    """Add to the slice itself."""
    image.flags.writeable = True
    image += np.float32(by)
    return image


def drawn(image, *, by: float):
    """Add what is drawn from the random numbers that all share."""
    noise = np.random.standard_normal(image.shape)  # noqa: NPY002 - this is the fault
    return image + np.float32(by) * noise.astype(np.float32)


def exact(image, *, by: float):
    """Add in double precision."""
    return image.astype(np.float64) + by


def shorter(image, *, by: float):
    """Leave a row out."""
    return image[:-1] + np.float32(by)


def divided(image, *, by: float):
    """Divide by the spread of the slice."""
    return (image / image.std()).astype(np.float32)


def indexed(image, *, by: float):
    """Look at the third row."""
    return image + image[2, 2] * np.float32(by)


def hidden(image, *, by: float):
    """Put something in place of what is no number."""
    return np.nan_to_num(image) + np.float32(by)


def only_bytes(image, *, by: float):
    """Work with grey levels of 8 bit alone."""
    if image.max() > 255:
        raise RuntimeError("too bright")
    return image + np.float32(by)


def remembered(image, *, by: float):
    """Add the mean of the slice before."""
    before = KNOWN.get("mean", 0.0)
    KNOWN["mean"] = float(image.mean())
    return image + np.float32(before)


def counting_on_three(image, *, by: float):
    """Take the slice before and the slice after."""
    return (image[0] + image[2]) / np.float32(2)


def weighted(image, *, by: float):
    """Mark with numbers."""
    return np.clip(image / 255, 0, 1)


def told(image, *, by: float):
    """Say something else than what is declared."""
    return {"other": 1.0}


def hoarded(image, *, by: float):
    """Take a hundred slices."""
    many = np.repeat(image[np.newaxis], 100, axis=0)
    return many.mean(axis=0, dtype=np.float32)


def rooted(image, *, by: float):
    """Fail at an end of the range."""
    return image + np.float32({8: 1}[by])


def of_all(image, *, by: float):
    """Give more where more is tried."""
    return image + np.float32(len(by))


def whole_slice(image):
    """The slice as its record."""
    return image


def mean_of(image):
    """The mean of the slice."""
    return float(image.mean())


def first_of(records):
    """What was looked at first."""
    return next(iter(records.values()))


def of_two(records):
    """What needs two."""
    return sorted(records.values())[1]


def numbers(records):
    """A set, which cannot be written down."""
    return Each({number: {1, 2} for number in records})


def apart(image, known, *, by: float):
    """Take what is known away."""
    return image - np.float32(by)


def schema(**changes):
    by = {"description": "By how much.", "type": "number", "unit": "grey levels", "default": 1}
    by |= {"minimum": 0, "maximum": 8, "errorMessage": "must be from 0 to 8"} | changes
    return {"description": "A step.", "properties": {"by": by}, "additionalProperties": False}


def step(function, *, declared=None, **how):
    survey = how.pop("survey", None)
    how = {"makes": IMAGE} | how
    declared = declared or schema()
    stages = (Stage(function, **how),)
    return Step(name="faulty", version=1, stages=stages, schema=declared, survey=survey)


def surveyed(look, settle):
    return step(apart, survey=Survey("known", look, settle))


def undocumented(image, *, by: float):
    return image


def fine(image, *, by: float):
    """The slice, brighter."""
    return image + np.float32(by)


def whole_number(image, *, by: int):
    """The slice, brighter by a whole number."""
    return image + np.float32(by)


FAULTS = {
    "channels": (step(remembered), "keep nothing outside of calls"),
    "constant-slices": (step(divided), "raise ValueError"),
    "declaration": (
        Step(name="faulty", version=0, stages=(Stage(fine, makes=IMAGE),), schema=schema()),
        "count from 1",
    ),
    "deterministic": (step(drawn), "np.random.default_rng(seed)"),
    "documentation": (step(undocumented), "has no docstring"),
    "ends-of-ranges": (
        step(rooted, declared=schema(minimum=1, default=8)),
        "by: 1: faulty: rooted failed (KeyError",
    ),
    "facts": (step(told, makes="told", facts={"one": "One."}), "must return numbers by name"),
    "input-untouched": (step(written_to), "writes to image; work on a copy"),
    "masks": (step(weighted, makes="marked", mask_of="faults"), "must be an array of bool"),
    "memory": (step(hoarded), "32 are stated"),
    "not-a-number": (step(hidden), "comes out as if it had none"),
    "number-types": (step(only_bytes), "slices of uint16: faulty: only_bytes failed"),
    "parameters-are-told": (step(fine, declared=schema(unit="")), 'by has no "unit"'),
    "pickling": (step(lambda image, *, by: image), "not of lambdas"),
    "schema-equals-signature": (step(whole_number), "by may be float, which its function denies"),
    "shape-and-type": (step(exact), "end with .astype(np.float32)"),
    "slices-alone": (step(remembered), "declare what it sees"),
    "survey-in-any-order": (surveyed(mean_of, first_of), "go through sorted(records)"),
    "survey-is-plain-data": (surveyed(mean_of, numbers), "must be plain data"),
    "survey-of-little": (surveyed(mean_of, of_two), "raise Unsettled"),
    "swept-as-alone": (step(of_all, together=("by",)), "together= on its own value"),
    "tiny-slices": (step(indexed), "slices of 1 x 1: faulty: indexed failed (IndexError"),
    "window-at-the-ends": (step(counting_on_three, window=1), "use its len, centre and offsets"),
    "window-with-a-gap": (step(counting_on_three, window=1), "use its offsets"),
    "workers-and-batches": (step(remembered), "keep nothing outside of calls"),
}


@pytest.fixture
def registered(monkeypatch):
    """Makes a step or a loss one that is installed."""

    def register(component):
        catalogue = registry.losses() if isinstance(component, Loss) else registry.steps()
        monkeypatch.setitem(catalogue._loaded, component.name, component)
        monkeypatch.setitem(catalogue._entries, component.name, [("somebody", None)])
        KNOWN.clear()

    return register


def contract_of(contracts, name):
    [found] = [each.values[0] for each in contracts if each.values[0].rule.name == name]
    return found


@pytest.mark.parametrize("name", FAULTS)
def test_a_faulty_step_is_told_what_to_do(name, registered):
    faulty, advice = FAULTS[name]
    registered(faulty)
    with pytest.raises(Broken) as caught:
        contract_of(step_contracts("faulty"), name).check()
    assert str(caught.value).startswith(f"faulty, {name}: ")
    assert advice in str(caught.value)


def test_every_contract_has_its_fault(registered):
    registered(surveyed(mean_of, first_of))
    asked = {each.id.removeprefix("faulty-") for each in step_contracts("faulty")}
    assert asked <= FAULTS.keys()


def test_a_record_as_large_as_a_slice_is_no_small_one(registered):
    registered(surveyed(whole_slice, first_of))
    with pytest.raises(Broken, match="memory: with 4 slices more it takes"):
        contract_of(step_contracts("faulty"), "memory").check()


KEPT = {}
"""Slices that a step keeps."""


def kept(image, *, by: float):
    """Keep every slice that was ever seen."""
    KEPT[image.tobytes()] = image
    return image * np.float32(by)


def test_slices_that_are_kept_anywhere_are_found(registered):
    registered(step(kept))
    with pytest.raises(Broken, match="memory: with 4 slices more it takes"):
        contract_of(step_contracts("faulty"), "memory").check()
    KEPT.clear()


def test_what_is_loaded_once_is_no_fault(registered, monkeypatch):
    registered(step(fine))
    peaks, measured = [], memory._peak

    def loading(*given):
        peaks.append(measured(*given) + (4_000_000 if len(peaks) == 1 else 0))
        return peaks[-1]

    monkeypatch.setattr(memory, "_peak", loading)
    contract_of(step_contracts("faulty"), "memory").check()
    assert len(peaks) == 4


def better(image, *, by: float):
    """Lower for smoother slices."""
    return float(np.abs(np.diff(image, axis=1)).mean()) + by


def worse(image, *, by: float):
    """Higher for smoother slices."""
    return -float(np.abs(np.diff(image, axis=1)).mean()) + by


def deaf(image, *, by: float):
    """Deaf to what is no number."""
    return float(np.nanmean(np.abs(np.diff(image, axis=1)))) + by


def bare(image, *, by: float):
    """A number of NumPy."""
    return np.abs(image).mean()


def failing(image, *, by: float):
    """Fail where there is one pixel."""
    return float(image[0, 0] - image[1, 0]) + by


def silent(image, *, by: float):
    """Say nothing."""
    return Undefined("nothing", "")


def loss(function):
    return Loss(name="faulty", version=1, stages=(Stage(function, makes="loss"),), schema=schema())


LOSSES = {
    "hard-slices": (loss(failing), "a slice of 1 x 1: faulty: failing failed"),
    "lower-is-better": (loss(worse), "a search takes the lowest"),
    "not-a-number": (loss(deaf), "though it has pixels that are no numbers"),
    "value": (loss(bare), "its value is of float32; return float(...)"),
}


@pytest.mark.parametrize("name", LOSSES)
def test_a_faulty_loss_is_told_what_to_do(name, registered):
    faulty, advice = LOSSES[name]
    registered(faulty)
    noisy = np.asarray(sample()[0], np.float32)
    contracts = loss_contracts("faulty", better=np.full_like(noisy, 9), worse=noisy)
    with pytest.raises(Broken) as caught:
        contract_of(contracts, name).check()
    assert str(caught.value).startswith(f"faulty, {name}: ")
    assert advice in str(caught.value)


def test_what_has_no_value_says_why(registered):
    registered(loss(silent))
    with pytest.raises(Broken, match="no reason; say why"):
        check_loss("faulty")


# Known deviations


def test_a_deviation_is_declared_with_its_reason(registered):
    registered(step(hidden))
    with pytest.raises(Broken, match="faulty, not-a-number"):
        check_step("faulty")
    why = {"not-a-number": "it is made to mend what is no number"}
    check_step("faulty", deviations=why)
    [marked] = [each for each in step_contracts("faulty", deviations=why) if each.marks]
    assert marked.id == "faulty-not-a-number"
    assert marked.marks[0].kwargs["reason"] == why["not-a-number"]
    assert marked.marks[0].kwargs["strict"]


def test_one_that_is_none_any_more_is_told(registered):
    registered(step(fine))
    with pytest.raises(Broken, match="faulty-pickling: holds; take it out of deviations"):
        check_step("faulty", deviations={"pickling": "it holds a file"})


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"deviations": {"speed": "slow"}}, "deviations: speed is not asked of it; known: "),
        ({"deviations": {"memory": " "}}, "deviations: memory has no reason; say why"),
        ({"chain": ["standardize"]}, "chain: faulty is not in it"),
    ],
)
def test_calls_that_cannot_be(how, said, registered):
    registered(step(fine))
    with pytest.raises(UsageError, match=said):
        check_step("faulty", **how)


def test_what_is_not_installed():
    with pytest.raises(UsageError, match=r"no step named nowhere is installed.*pip install -e \."):
        step_contracts("nowhere")
    with pytest.raises(UsageError, match="no loss named nowhere is installed"):
        loss_contracts("nowhere")


def test_without_pytest_the_command_is_said(registered, monkeypatch):
    registered(step(fine))
    monkeypatch.setattr(contract, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"run: pip install 'stackmend\[testing\]'"):
        step_contracts("faulty")
    check_step("faulty")


def test_it_is_imported_without_pytest():
    code = "import sys, stackmend.testing; sys.exit('pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
