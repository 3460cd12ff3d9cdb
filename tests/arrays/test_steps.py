"""Steps as functions: made from what they declare, checked by it, and the same as in a chain."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pickle
import pydoc
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import stackmend
from components import bound, evaluate
from spied import Spied
from stackmend import registry, steps
from stackmend.arrays import StepResult
from stackmend.arrays.evaluation import Slices
from stackmend.arrays.step_functions import step_function
from stackmend.arrays.step_shape import FOUND, products_read, reads_image, returned
from stackmend.errors import StackmendError, StepError, UnknownParameter, UsageError, WrongValue
from stackmend.registry import IMAGE

TESTS = Path(__file__).parent.parent
STEPS = [step.name for step in registry.steps().usable()]


@pytest.fixture(autouse=True, scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Steps of the example package, installed for this process alone."""
    site, name = tmp_path_factory.mktemp("site"), "stackmend_example"
    info = site / f"{name}-0.1.dist-info"
    info.mkdir()
    shutil.copytree(TESTS / "example_package" / name, site / name)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stackmend-example\nVersion: 0.1\n")
    points = (
        f"gamma = {name}.gamma:STEP\nsteady = {name}.steady:STEP\nbroken = {name}.nowhere:STEP\n"
    )
    (info / "entry_points.txt").write_text(f"[stackmend.steps]\n{points}")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(site)
        registry.steps.cache_clear()
        step_function.cache_clear()
        importlib.invalidate_caches()
        yield
    registry.steps.cache_clear()
    step_function.cache_clear()


@pytest.fixture(scope="module")
def images() -> Any:
    """A stack of noise that is large enough for every step."""
    return np.random.default_rng(3).random((3, 64, 72), dtype=np.float32)


# What the functions say about themselves


@pytest.mark.parametrize("name", [*STEPS, "gamma", "steady"])
def test_signature_and_documentation_are_those_of_the_schema(name: str) -> None:
    function, step = getattr(steps, name), registry.steps().get(name)
    signature = inspect.signature(function)
    declared = step.schema.get("properties", {})
    own = {each: value for each, value in signature.parameters.items() if each in declared}
    assert {each: value.default for each, value in own.items()} == {
        each: value["default"] for each, value in declared.items()
    }
    assert all(value.kind is value.KEYWORD_ONLY for value in own.values())
    assert list(own) == list(declared)
    products = products_read(step)
    image = [IMAGE] if reads_image(step) else []
    found = [FOUND, *products] if products else []
    assert [each for each in signature.parameters if each not in own] == [*image, *found]
    assert not set(declared).intersection({IMAGE, FOUND, *products})

    page = inspect.getdoc(function)
    assert page is not None
    assert max(map(len, page.splitlines())) < 80
    for each, value in declared.items():
        assert f"\n{each} : " in page
        assert " ".join(value["description"].split()[:3]) in " ".join(page.split())
    assert pydoc.plain(pydoc.render_doc(function)).count(name) > 1
    assert (function.__name__, function.__module__) == (name, "stackmend.steps")
    assert pickle.loads(pickle.dumps(function)) is function


@pytest.mark.parametrize("name", [*STEPS, "gamma", "steady"])
def test_the_example_runs(name: str) -> None:
    runner = doctest.DocTestRunner()
    (example,) = doctest.DocTestFinder().find(getattr(steps, name), name, globs={}, module=False)
    assert len(example.examples) >= 4
    assert runner.run(example).failed == 0


def test_the_package_lists_the_steps_and_keeps_its_modules() -> None:
    assert {*STEPS, "gamma", "steady", "broken"} <= set(dir(steps))
    assert "crop" in steps.__all__
    importlib.import_module("stackmend.steps.crop")
    from stackmend.steps.crop import STEP

    assert STEP.name == "crop"
    assert inspect.isfunction(steps.crop)
    assert stackmend.steps is steps
    assert {"apply", "search", "steps"} <= set(dir(stackmend))
    with pytest.raises(AttributeError, match=r"no step named median is installed.*mean median_z"):
        steps.median  # noqa: B018 - looking it up is what fails
    with pytest.raises(AttributeError, match=r"broken of stackmend-example 0\.1 cannot be loaded"):
        steps.broken  # noqa: B018 - see above
    assert not hasattr(steps, "_private")


def test_the_package_loads_nothing_before_a_step_is_asked_for() -> None:
    code = """if True:
        import sys
        from stackmend import steps
        print(sorted(name for name in sys.modules if name.startswith("stackmend.")))
        print("numpy" in sys.modules, len(dir(steps)) > 12)
        print([name for name in sys.modules if name.startswith("stackmend.steps.")])
        import stackmend.steps.crop
        print(steps.crop.__name__, stackmend.steps.crop is steps.crop)
        from stackmend.steps import *
        print(median_z.__name__)
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "['stackmend.steps']",
        "False True",
        "[]",
        "crop True",
        "median_z",
    ]


# What they return


def test_a_chain_by_hand_gives_what_the_chain_gives(charged: Any) -> None:
    for image in (charged()[1], charged(dtype="uint16")[1], charged(dtype="float32")[2]):
        before = image.copy()
        scaled = steps.standardize(image)
        found = steps.find_charging(scaled, inverse=True, gf1_sigma=12, min_area=20)
        corrected = steps.correct_charging(scaled, found, gf2_sigma=8, rb_radius=5)
        restored = steps.destandardize(corrected, scaled)
        chain = [
            bound("standardize"),
            bound("find_charging", inverse=True, gf1_sigma=12, min_area=20),
            bound("correct_charging", gf2_sigma=8, rb_radius=5),
            bound("destandardize"),
        ]
        assert np.array_equal(restored, evaluate(image, *chain)[IMAGE])
        assert found.charging_mask.any()
        assert np.array_equal(image, before)
        named = steps.correct_charging(
            image=scaled.image,
            flattened=found.flattened,
            charging_mask=found,
            gf2_sigma=8,
            rb_radius=5,
        )
        assert np.array_equal(named, corrected)


def test_a_stack_is_taken_slice_by_slice(charged: Any) -> None:
    stack = charged()
    scaled = steps.standardize(stack)
    found = steps.find_charging(scaled, inverse=True, gf1_sigma=12)
    corrected = steps.correct_charging(scaled, found)
    restored = steps.destandardize(corrected, scaled)
    assert isinstance(scaled.scale, Slices)
    assert found.charging_mask.shape == stack.shape
    for number, image in enumerate(stack):
        own = steps.standardize(image)
        mask = steps.find_charging(own, inverse=True, gf1_sigma=12)
        assert np.array_equal(mask, found.charging_mask[number])
        alone = steps.destandardize(steps.correct_charging(own, mask), own)
        assert np.array_equal(alone, restored[number])


def test_types_of_what_is_returned(images: Any) -> None:
    for name in STEPS:
        given = returned(registry.steps().get(name))
        assert given.names
    assert steps.median_z(images).dtype == np.float32
    assert steps.crop(images[0]).flags.writeable
    found = steps.find_charging(images[0])
    assert isinstance(found, StepResult)
    assert (found.charging_mask.dtype, np.asarray(found).dtype) == (bool, bool)
    assert found.flattened.dtype == np.float32
    streaks = steps.find_streaks(images[0])
    filled = steps.fill_streaks(images[0], streaks)
    assert (filled.dtype, filled.shape) == (np.float32, images[0].shape)
    for other in ("uint8", "int32", "float64", ">f4"):
        assert steps.median_z(images.astype(other)).dtype == np.float32


def test_steps_that_see_neighbours_or_look_at_all_slices_are_as_in_a_run(charged: Any) -> None:
    stack = charged(5)
    stack[3] = 9  # of one grey level: no neighbour to the others
    for chain, made in (
        ([{"step": "median_z", "radius": 2}], steps.median_z(stack, radius=2)),
        (
            [{"step": "standardize", "per": "stack"}, {"step": "destandardize"}],
            steps.destandardize(*[steps.standardize(stack, per="stack")] * 2),
        ),
        ([{"step": "steady"}], steps.steady(stack)),
        ([{"step": "crop", "z": [1, 4], "x": [3, None]}], steps.crop(stack, z=[1, 4], x=(3, None))),
    ):
        protocol = {"protocol": 1, "chain": chain, "output": {"dtype": "float32"}}
        assert np.array_equal(made, stackmend.apply(protocol, stack)), chain


def test_learnt_steps_follow_each_other(images: Any) -> None:
    learnt = steps.learn_charging(images, copies=2, members=1, rounds=1)
    mask = steps.find_learnt_charging(learnt)
    assert (mask.shape, mask.dtype) == (images.shape, bool)
    corrected = steps.subtract_charge(images, learnt, charging_mask=mask)
    assert np.array_equal(corrected[~mask], images[~mask]) or mask.any()
    assert np.array_equal(corrected, steps.subtract_charge(images, learnt, mask))


def test_a_foreign_step_is_a_function_like_the_others(images: Any) -> None:
    bent = steps.gamma(images[0], exponent=2)
    assert np.allclose(bent, images[0] ** 2)
    assert "stackmend-example 0.1" in (steps.gamma.__doc__ or "")
    with pytest.raises(WrongValue, match=r"gamma: exponent must be above 0 .* got 11"):
        steps.gamma(images[0], exponent=11)


def test_large_arrays_are_taken_slice_by_slice(images: Any) -> None:
    spied = Spied(images)
    assert np.array_equal(steps.crop(spied), images)
    assert set(spied.taken) == {0, 1, 2}


# Mistakes

ONE = np.linspace(0, 1, 16, dtype=np.float32).reshape(4, 4)
STACK = np.stack([ONE, ONE.T])
HOLED = STACK.copy()
HOLED[1, 2, 3] = np.nan


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: steps.find_charging(ONE, gf1_sigma=-1, color_shift=7),
            WrongValue,
            r"find_charging: gf1_sigma must be above 0 .*, got -1; color_shift must .*, got 7$",
        ),
        (
            lambda: steps.find_charging(ONE, gf1_sgma=3, min_area=2.5),
            UnknownParameter,
            r"no such parameter; did you mean gf1_sigma\?; min_area must .* got 2.5$",
        ),
        (lambda: steps.find_charging(ONE, gf1_sigma=np.nan), WrongValue, "no finite number"),
        (lambda: steps.find_charging(ONE, gf1_sigma={"sweep": [1]}), WrongValue, "cannot be swept"),
        (lambda: steps.find_charging(STACK.astype("u1")), WrongValue, "scale that standardize"),
        (lambda: steps.find_charging(), UnknownParameter, "image is missing"),
        (lambda: steps.find_charging(ONE, 40), UnknownParameter, "give parameters by name"),
        (lambda: steps.crop(ONE, image=ONE), UnknownParameter, "image is given twice"),
        (lambda: steps.crop(ONE, y=[4, 4]), WrongValue, "leaves nothing of y, which has 4"),
        (lambda: steps.crop(ONE, y=["a", 4]), WrongValue, r"y\[0\] must be the number of a row"),
        (lambda: steps.crop(STACK[None]), WrongValue, r"must be a slice .* \(1, 2, 4, 4\)"),
        (lambda: steps.crop(ONE * 1j), WrongValue, "must have real numbers, got complex64"),
        (lambda: steps.crop(ONE > 0), WrongValue, "must have real numbers, got bool"),
        (lambda: steps.crop(ONE.astype(float) * 1e300), WrongValue, "NaN or infinite"),
        (lambda: steps.median_z(HOLED), WrongValue, r"image\[1\]: 1 pixels .* y 2, x 3"),
        (lambda: steps.median_z(ONE), WrongValue, r"sees neighbouring slices.*image\[np.newaxis\]"),
        (lambda: steps.standardize(ONE, per="stack"), WrongValue, "must look at all slices first"),
        (lambda: steps.standardize(ONE, percentiles=(9, 1)), WrongValue, "lower percentage"),
        (
            lambda: steps.correct_charging(ONE),
            UnknownParameter,
            "flattened is missing; give what find_charging returns; charging_mask is missing",
        ),
        (lambda: steps.correct_charging(ONE, ONE > 0), UnknownParameter, "by name"),
        (
            lambda: steps.correct_charging(ONE, steps.find_charging(STACK)),
            WrongValue,
            "flattened must be of the same slices",
        ),
        (lambda: steps.learn_charging(STACK), WrongValue, "at least 64 x 64 pixels"),
    ],
    ids=range(22),
)
def test_mistakes_are_told(call: Any, error: type[Exception], message: str) -> None:
    with np.errstate(all="ignore"), pytest.raises(error, match=message) as raised:
        call()
    assert isinstance(raised.value, UsageError)
    assert isinstance(raised.value, TypeError if error is UnknownParameter else ValueError)


def test_a_stage_that_fails_is_named() -> None:
    fitting = steps.find_charging(STACK[0])
    with pytest.raises(StepError, match="correct_charging: "):
        steps.correct_charging(np.zeros((3, 3)), fitting)
    assert issubclass(StepError, StackmendError)


# Results


def test_a_result_is_a_mapping_an_array_and_a_page(images: Any) -> None:
    found = steps.find_charging(images[0])
    assert list(found) == ["flattened", "charging_mask"]
    assert found["flattened"] is found.flattened
    assert {"flattened", "charging_mask"} <= set(dir(found))
    assert np.asarray(found).shape == images[0].shape
    assert np.array(found, dtype=np.uint8).dtype == np.uint8
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.charging_mask, found.charging_mask)
    assert repr(found) == (
        "<find_charging: flattened: 64 x 72 float32; charging_mask: 64 x 72 bool>"
    )
    with pytest.raises(AttributeError, match="flattened, charging_mask, and no mask"):
        found.mask  # noqa: B018 - looking it up is what fails
    page = found._repr_html_()
    assert page.count("data:image/png;base64,") == 2
    odd = StepResult("<em>", {'"><i>': images[0], "<u>": ("<s>",)}, "<u>")
    assert not any(tag in odd._repr_html_() for tag in ("<em>", "<i>", "<u>", "<s>"))
