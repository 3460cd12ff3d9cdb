"""A crop leaves what Python's slices leave, and everything behind it sees only that.

It also says where it lay.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from components import bound, evaluate
from kills import charged
from stackmend import api
from stackmend.errors import ProtocolError
from stackmend.registry import IMAGE, steps

END = st.none() | st.integers(-12, 12)
CUT = {"y": [10, -6], "x": [None, 100]}


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    tifffile.imwrite(
        tmp_path / "cell.tif", charged(8), photometric="minisblack", metadata={"axes": "ZYX"}
    )
    return tmp_path


def write(folder: Path, *chain: dict[str, Any], **more: Any) -> Path:
    file = folder / "protocol.yaml"
    content = {
        "protocol": 1,
        "input": {"path": "cell.tif"},
        "output": {"path": "out"},
        "chain": list(chain),
        **more,
    }
    file.write_text(json.dumps(content))
    return file


def pixels(run: api.RunResult) -> Any:
    assert run.stack is not None
    return np.stack([tifffile.imread(file) for file in sorted(run.stack.iterdir())])


@given(st.tuples(END, END), st.tuples(END, END))
def test_ranges_are_those_of_python(
    y: tuple[int | None, int | None], x: tuple[int | None, int | None]
) -> None:
    image = np.arange(63, dtype=np.float32).reshape(7, 9)
    expected = image[slice(*y), slice(*x)]
    step = steps().get("crop")
    assert step.keeps is not None
    part = step.keeps.of({"z": None, "y": list(y), "x": list(x)}, (3, 7, 9))
    assert tuple(
        len(range(size)[window]) for size, window in zip((3, 7, 9), part, strict=True)
    ) == (3, *expected.shape)
    if expected.size:
        assert np.array_equal(evaluate(image, bound("crop", y=list(y), x=list(x)))[IMAGE], expected)


def test_of_everything_is_a_copy(stack: Path) -> None:
    run = api.run(write(stack, {"step": "crop"}), workers=2)
    assert np.array_equal(pixels(run), charged(8))
    assert run.record is not None
    assert run.record["output"]["origin"] == [0, 0, 0]


def test_a_part_in_three_axes(stack: Path) -> None:
    run = api.run(write(stack, {"step": "crop", "z": [2, -1], **CUT}), workers=2)
    assert np.array_equal(pixels(run), charged(8)[2:-1, 10:-6, :100])
    assert run.record is not None
    assert run.record["output"]["origin"] == [2, 10, 0]
    assert run.record["output"]["shape"] == [5, 80, 100]
    assert run.record["input"]["slices"] == [2, 3, 4, 5, 6]


def test_slices_are_those_that_are_restored(stack: Path) -> None:
    file = write(
        stack, {"step": "crop", "z": [1, 3]}, input={"path": "cell.tif", "slices": "0:8:2"}
    )
    run = api.run(file, workers=1)
    assert np.array_equal(pixels(run), charged(8)[[2, 4]])


def test_steps_behind_it_see_only_the_part(stack: Path) -> None:
    chain = [
        {"step": "standardize"},
        {"step": "find_charging", "inverse": True, "gf1_sigma": {"sweep": [20, 30]}},
        {"step": "correct_charging", "gf2_sigma": 20, "rb_radius": 50},
        {"step": "destandardize"},
    ]
    optimize = {"slices": [3], "region": {"y": [0, 80], "x": [0, 100]}}
    cropped = api.run(write(stack, {"step": "crop", **CUT}, *chain, optimize=optimize), workers=1)
    tifffile.imwrite(
        stack / "part.tif",
        charged(8)[:, 10:-6, :100],
        photometric="minisblack",
        metadata={"axes": "ZYX"},
    )
    alone = api.run(
        write(stack, *chain, optimize=optimize),
        input=stack / "part.tif",
        output=stack / "alone",
        workers=1,
    )
    assert np.array_equal(pixels(cropped), pixels(alone))
    assert (cropped.folder / "losses.csv").read_text() == (alone.folder / "losses.csv").read_text()


@pytest.mark.parametrize(
    ("step", "path", "message"),
    [
        ({"y": [50, 50]}, "chain[0].y", "leaves nothing of 96"),
        ({"z": [8, None]}, "chain[0].z", "leaves nothing of 8"),
        ({"x": 5}, "chain[0].x", "must be [first, stop], for instance [10, 200] or [10, null]"),
        (
            {"x": [1, 2, 3]},
            "chain[0].x",
            "must be [first, stop], for instance [10, 200] or [10, null]",
        ),
    ],
)
def test_what_is_refused(stack: Path, step: dict[str, Any], path: str, message: str) -> None:
    problems = api.check(write(stack, {"step": "crop", **step})).draft.problems
    assert [(problem.path, problem.message) for problem in problems] == [(path, message)]


def test_it_cannot_stand_where_slices_are_standardized(stack: Path) -> None:
    file = write(stack, {"step": "standardize"}, {"step": "crop"}, {"step": "destandardize"})
    with pytest.raises(
        ProtocolError, match=r"changes the size of slices; move it before standardize"
    ):
        api.run(file, workers=1)


def test_a_region_is_one_of_the_part(stack: Path) -> None:
    chain = [{"step": "crop", **CUT}, {"step": "global_decharge", "gf1_sigma": {"sweep": [20, 30]}}]
    problems = api.check(
        write(stack, *chain, optimize={"slices": [3], "region": {"y": [0, 81]}})
    ).draft.problems
    assert "cell.tif has 80 rows; the stop must be at most 80" in [
        problem.message for problem in problems
    ]


def test_another_chain_must_leave_the_same_part(stack: Path) -> None:
    chain = [
        {"step": "crop", **CUT},
        {"step": "standardize"},
        {"step": "find_charging", "gf1_sigma": {"sweep": [1, 2]}},
    ]
    instead = {"instead": [{"step": "standardize"}, {"step": "destandardize"}]}
    optimize = {"slices": [3], "on_nothing_found": instead}
    problems = api.check(
        write(stack, *chain, {"step": "destandardize"}, optimize=optimize)
    ).draft.problems
    message = "these steps leave another part of the stack than the chain; crop it here as there"
    assert [problem.message for problem in problems if problem.severity == "error"] == [message]
