"""Protocols of bmiptools and PyStack3D, taken over as data."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from commands import Main
from stackmend import api
from stackmend.errors import UsageError

DECHARGER: dict[str, Any] = {
    "auto_optimize": True,
    "optimization_setting": {
        "dilation_iterations": 12,
        "N_regions_for_opt": 15,
        "gf1_sigma_list": [40, 80, 120],
        "color_shift_list": [0.05, 0.1, 0.2],
        "gf2_sigma_list": [40, 80],
        "RB_radius_list": [2, 10, 50],
        "gf3_sigma_list": [4],
        "opt_bounding_box": {
            "use_bounding_box": True,
            "y_limits_bbox": [0, 60],
            "x_limits_bbox": [-50, None],
        },
        "fit_step": 10,
    },
    "decharger_type": "local_GF2RBGF",
    "GF2RBGF_setting": {
        "gf1_sigma": 80,
        "gf2_sigma": 80,
        "RB_radius": 2,
        "gf3_sigma": 4,
        "local_setting": {"A_threshold": 30, "color_shift": 0.1, "n_px_border": 7},
    },
    "inverse": True,
}


def pipeline(folder: Path, **settings: Any) -> Path:
    """The JSON file of a pipeline of these plugins."""
    content = {
        "pipeline_name": "cryo",
        "pipeline_creation_date": "01/02/2023 at 10:00",
        "bmiptools_version": "1.0.1",
        "plugins_list": list(settings),
        "true_operations_list": [f"{fit}{name}" for name in settings for fit in ("fit_", "")],
        "pipeline_setting": settings,
    }
    file = folder / "pipeline__cryo.json"
    file.write_text(json.dumps(content, indent=4), encoding="utf-8")
    return file


def taken_over(file: Path) -> tuple[dict[str, Any], api.ImportedProtocol]:
    found = api.import_protocol(file)
    return yaml.safe_load(found.text), found


def test_the_steps_and_the_search_of_a_decharger(tmp_path):
    crop = {"z_range": [None, None], "y_range": [10, -5], "x_range": [None, None]}
    file = pipeline(tmp_path, Cropper_0=crop, Decharger_1=DECHARGER)
    protocol, found = taken_over(file)
    assert found.problems == ()
    assert protocol["name"] == "cryo"
    steps = {step.pop("step"): step for step in protocol["chain"]}
    assert list(steps) == [
        "crop",
        "standardize",
        "find_charging",
        "correct_charging",
        "destandardize",
    ]
    assert steps["crop"] == {"y": [10, -5]}
    assert steps["find_charging"] == {
        "inverse": True,
        "gf1_sigma": {"sweep": [40, 80, 120]},
        "color_shift": {"sweep": [0.05, 0.1, 0.2]},
        "min_area": 30,
    }
    assert steps["correct_charging"] == {
        "gf2_sigma": {"sweep": [40, 80]},
        "rb_radius": {"sweep": [2, 10, 50]},
        "gf3_sigma": 4,
        "border": 7,
    }
    search = protocol["optimize"]
    assert search["slices"] == "::10"
    assert search["loss"] == {"name": "charging_histogram", "regions": 15, "distance": 12}
    assert search["region"] == {"y": [0, 60]}
    assert [step["step"] for step in search["on_nothing_found"]["instead"]] == [
        "crop",
        "global_decharge",
    ]
    # What cannot be said the same way is listed, in the file and to the caller.
    assert any("Decharger_1: a region along x" in each for each in found.left_out)
    assert "region along x" in found.text


def test_without_a_search_the_values_are_taken(tmp_path):
    given = {**copy.deepcopy(DECHARGER), "auto_optimize": False}
    protocol, found = taken_over(pipeline(tmp_path, Decharger_0=given))
    assert found.problems == ()
    assert "optimize" not in protocol
    assert protocol["chain"][1]["gf1_sigma"] == 80
    assert protocol["chain"][2]["rb_radius"] == 2
    given["decharger_type"] = "global_GF2RBGF"
    protocol, _ = taken_over(pipeline(tmp_path, Decharger_0=given))
    assert [step["step"] for step in protocol["chain"]] == ["global_decharge"]


def test_two_of_a_kind_have_names(tmp_path):
    bright = {**copy.deepcopy(DECHARGER), "inverse": False}
    file = pipeline(tmp_path, Decharger_0=DECHARGER, Decharger_1=bright)
    protocol, found = taken_over(file)
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert [entry["steps"] for entry in protocol["optimize"]] == [
        ["find_charging", "correct_charging"],
        ["find_charging_2", "correct_charging_2"],
    ]


def test_what_has_no_equal_is_listed(tmp_path):
    settings = {"standardization_type": "mean/std", "standardization_mode": "stack"}
    file = pipeline(
        tmp_path, Standardizer_0=settings, Destriper_1={}, Decharger_2=DECHARGER, Odd_3={}
    )
    content = json.loads(file.read_text(encoding="utf-8"))
    content["true_operations_list"] = ["fit_Decharger_2", "fit_Standardizer_0", "Standardizer_0"]
    file.write_text(json.dumps(content), encoding="utf-8")
    _, found = taken_over(file)
    assert [each.partition(":")[0] for each in found.left_out][:2] == [
        "Standardizer_0",
        "Destriper_1",
    ]
    assert any(each.startswith("Odd_3: it is not one") for each in found.left_out)
    assert "Decharger_2 was fitted earlier" in found.text
    alone, _ = taken_over(pipeline(tmp_path, Standardizer_0=settings))
    assert alone["output"] == {"dtype": "float32"}
    assert alone["chain"] == [{"step": "standardize", "range": "mean/std", "per": "stack"}]


PYSTACK = """
input_dirname = 'C:\\data\\cell 3'
ind_min = 5
ind_max = 9
channels = ["ESB"]
process_steps = ["cropping", "destriping", "cropping_final"]
history = []

[cropping]
area = [40, 340, 0, 300]

[cropping_final]
area = [2, 9999, 4, 30]
"""


def test_parameters_of_pystack3d(tmp_path):
    file = tmp_path / "params.toml"
    file.write_text(PYSTACK, encoding="utf-8")
    protocol, found = taken_over(file)
    assert found.problems == ()
    assert protocol["input"] == {"path": "C:/data/cell 3/ESB", "slices": "5:10"}
    # Rows count from the bottom there.
    assert protocol["chain"] == [
        {"step": "crop", "y": [-300, None], "x": [40, 340]},
        {"step": "crop", "id": "crop_2", "y": [-30, -4], "x": [2, None]},
    ]
    [left] = found.left_out
    assert left.startswith("destriping: ")
    assert left.endswith("the step destripe")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.dill", "", "is a pickle"),
        ("a.json", "[" * 100_000, "cannot be understood"),
        ("a.json", "{}", "a pipeline has a plugins_list"),
        ("a.json", '{"plugins_list": []}', "no pipeline_setting"),
        ("a.json", '{"plugins_list": ["Denoiser_0"], "pipeline_setting": {}}', "nothing in it has"),
        ("a.toml", "x = ", "cannot be understood"),
        ("a.toml", "x = 1", "process_steps"),
        ("a.toml", 'process_steps = ["cropping"]\n[cropping]\narea = [1]', "four numbers"),
        ("a.toml", 'process_steps = []\nind_max = "a"', "of another kind than it must be"),
        ("a.yaml", "", "is of no program that is known here"),
    ],
)
def test_what_cannot_be_taken_over(tmp_path, name, text, said):
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said):
        api.import_protocol(file)


def test_the_command(tmp_path: Path, main: Main, capsys: pytest.CaptureFixture[str]) -> None:
    file = pipeline(tmp_path, Decharger_0=DECHARGER, Registrator_1={})
    target = tmp_path / "new.yaml"
    assert main("import", file, "--output", target) == 0
    assert "no equal: Registrator_1: alignment" in capsys.readouterr().err
    assert api.check(target).draft.problems == ()
    assert main("import", file, "--output", target) == 8
    assert "there is such a file already" in capsys.readouterr().err
    assert main("import", file) == 0
    assert capsys.readouterr().out == target.read_text(encoding="utf-8")
