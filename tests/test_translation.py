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
        tmp_path, Standardizer_0=settings, Registrator_1={}, Decharger_2=DECHARGER, Odd_3={}
    )
    content = json.loads(file.read_text(encoding="utf-8"))
    content["true_operations_list"] = ["fit_Decharger_2", "fit_Standardizer_0", "Standardizer_0"]
    file.write_text(json.dumps(content), encoding="utf-8")
    _, found = taken_over(file)
    assert [each.partition(":")[0] for each in found.left_out][:2] == [
        "Standardizer_0",
        "Registrator_1",
    ]
    assert any(each.startswith("Odd_3: it is not one") for each in found.left_out)
    assert "Decharger_2 was fitted earlier" in found.text
    alone, _ = taken_over(pipeline(tmp_path, Standardizer_0=settings))
    assert alone["output"] == {"dtype": "float32"}
    assert alone["chain"] == [{"step": "standardize", "range": "mean/std", "per": "stack"}]


BOX = {"use_bounding_box": True, "y_limits_bbox": [20, 90], "x_limits_bbox": [10, 100]}
FLATTER: dict[str, Any] = {
    "auto_optimize": True,
    "optimization_setting": {
        "sigma_deriv_smoother": 5,
        "sigma_min": 5,
        "sigma_max": 30,
        "sigma_step": 5,
        "entropy_setting": {
            "image_range": [0, 1],
            "derivative_range": [0, 0.039],
            "n_bins": 1024,
        },
        "fit_step": 2,
        "regularization_strength": 1,
        "use_early_stopping": True,
        "patience": 5,
    },
    "sigma_low_pass": 80,
}
DESTRIPER: dict[str, Any] = {
    "auto_optimize": True,
    "optimization_setting": {
        "wavelet": {"use_wavelet": "family", "wavelet_family": "coif"},
        "sigma": {"sigma_min": 0.01, "sigma_max": 3, "sigma_step": 1},
        "decomposition_level": {
            "set_decomposition_level_to_max_compatible": True,
            "decomposition_level_min": 2,
            "decomposition_level_max": 5,
            "increase_decomposition_level_during_inference": False,
        },
        "opt_bounding_box": BOX,
        "fit_step": 2,
    },
    "wavelet_name": "db4",
    "decomposition_level": 3,
    "sigma": 4,
    "match_in_out_contrast": True,
}
DENOISER: dict[str, Any] = {
    "auto_optimize": True,
    "optimization_setting": {
        "tested_filters_list": ["tv_chambolle", "nl_means"],
        "wavelet": {
            "level_range": [1, 3, 1],
            "wavelet_family": "haar",
            "mode_range": ["soft", "hard"],
            "method_range": ["BayesShrink"],
        },
        "tv_chambolle": {"weights_tvch_range": [0.01, 0.1, 4]},
        "tv_bregman": {"weights_tvbr_range": [1, 9, 3], "isotropic_range": [False, True]},
        "bilateral": {"sigma_color_range": [0.5, 1, 3], "sigma_spatial_range": [1, 4, 2]},
        "nl_means": {
            "patch_size_range": [5, 15, 5],
            "patch_distance_range": [5, 8, 2],
            "h_relative_range": [0.1, 1.2, 15],
        },
        "opt_bounding_box": {"use_bounding_box": False},
        "fit_step": 2,
    },
    "filter_to_use": "tv_bregman",
    "filter_params": [["weight", 4], ["max_num_iter", 50], ["channel_axis", None]],
}


def with_setting(plugin: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """A plugin with some of what it searches by given otherwise."""
    setting = {**plugin["optimization_setting"], **changed}
    return {**plugin, "optimization_setting": setting}


def test_a_whole_restoration_with_its_searches(tmp_path):
    file = pipeline(
        tmp_path,
        HistogramMatcher_0={"reference_slice": 0},
        Flatter_1=FLATTER,
        Destriper_2=DESTRIPER,
        Denoiser_3=DENOISER,
        Equalizer_4={"kernel_size": [32, 32], "clip_limit": 0.02, "nbins": 128},
    )
    protocol, found = taken_over(file)
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert protocol["chain"] == [
        {"step": "match_histogram", "reference": 0, "chain": True},
        {"step": "flatten", "method": "gaussian", "sigma": {"sweep": [5, 10, 15, 20, 25]}},
        {
            "step": "destripe",
            "method": "wavelet",
            "wavelet": {"sweep": [f"coif{order}" for order in range(1, 18)]},
            "level": "max",
            "sigma": {"sweep": {"from": 0.01, "to": 2.01, "count": 3}},
            "match_contrast": False,
        },
        {"step": "standardize", "per": "stack"},
        {
            "one_of": {
                "tv_chambolle": [
                    {
                        "step": "denoise",
                        "id": "denoise_tv_chambolle",
                        "method": "tv_chambolle",
                        "weight": {"sweep": {"from": 0.01, "to": 0.1, "count": 4}},
                    }
                ],
                "nl_means": [
                    {
                        "step": "denoise",
                        "id": "denoise_nl_means",
                        "method": "nl_means",
                        "patch_size": 5,
                        "patch_distance": {"sweep": [5, 7]},
                    }
                ],
            }
        },
        {"step": "destandardize"},
        {
            "step": "equalize",
            "kernel_size": 32,
            "clip_limit": 0.02,
            "nbins": 128,
            "range": "slice",
        },
    ]
    flatness = {"name": "flatness", "smallest": 5, "penalty": 1, "largest": 25}
    early = {"strategy": {"name": "patience", "stop_after": 5}, "channel": "each"}
    region = {"y": [20, 90], "x": [10, 100]}
    hidden = {"name": "j_invariance", "stabilise": False}
    assert protocol["optimize"] == [
        {"steps": ["flatten"], "slices": "::2", "loss": flatness, **early},
        {"steps": ["destripe"], "slices": "::2", "loss": "stripe_gradient", "region": region},
        {"steps": ["one_of"], "slices": "::2", "loss": hidden},
    ]
    said = "; ".join(found.left_out)
    for each in ("match_in_out_contrast", "patch_size of 10 px", "relative to the"):
        assert each in said


def test_a_restoration_that_is_taken_over_runs(tmp_path):
    quick = with_setting(DESTRIPER, wavelet={"use_wavelet": "db4"})
    file = pipeline(tmp_path, Flatter_0=FLATTER, Destriper_1=quick, Denoiser_2=DENOISER)
    target = tmp_path / "new.yaml"
    target.write_text(api.import_protocol(file).text, encoding="utf-8")
    phantom = "{slices: 3, height: 112, width: 128, curtains: 0.03, shot_noise: 0.03}"
    run = api.run(target, output=tmp_path / "out", set={"input.phantom": phantom}, workers=1)
    assert run.record is not None
    losses = [search["loss"] for search in run.record["searches"]]
    assert losses == ["flatness", "stripe_gradient", "j_invariance", "j_invariance"]


def test_values_without_a_search(tmp_path):
    settings = {"Flatter_0": FLATTER, "Destriper_1": DESTRIPER, "Denoiser_2": DENOISER}
    given = {name: {**each, "auto_optimize": False} for name, each in settings.items()}
    given["Flatter_0"]["sigma_low_pass"] = [60, 80]
    protocol, found = taken_over(pipeline(tmp_path, **given))
    assert found.problems == ()
    assert "optimize" not in protocol
    steps = {step.pop("step"): step for step in protocol["chain"]}
    assert steps["flatten"] == {"method": "gaussian", "sigma": 60}
    filter = {"wavelet": "db4", "level": 3, "sigma": 4, "match_contrast": True}
    assert steps["destripe"] == {"method": "wavelet", **filter}
    assert steps["denoise"] == {"method": "tv_bregman", "fidelity": 4, "iterations": 50}
    assert [each.partition(":")[0] for each in found.left_out] == ["Flatter_0", "Denoiser_2"]
    assert "channel_axis of tv_bregman" in found.left_out[1]


@pytest.mark.parametrize(
    ("filter", "values"),
    [
        (
            "wavelet",
            {
                "wavelet": "haar",
                "wavelet_levels": {"sweep": [1, 2]},
                "mode": {"sweep": ["soft", "hard"]},
                "threshold": "BayesShrink",
            },
        ),
        (
            "tv_bregman",
            {
                "fidelity": {"sweep": {"from": 1, "to": 9, "count": 3}},
                "isotropic": {"sweep": [False, True]},
            },
        ),
        (
            "bilateral",
            {"sigma_color": {"sweep": [0.5, 0.75, 1]}, "sigma_spatial": {"sweep": [1, 3]}},
        ),
    ],
)
def test_one_filter_is_searched_as_a_step(tmp_path, filter, values):
    given = with_setting(DENOISER, tested_filters_list=[filter])
    protocol, found = taken_over(pipeline(tmp_path, Denoiser_0=given))
    assert found.problems == ()
    assert protocol["chain"][1] == {"step": "denoise", "method": filter, **values}
    assert protocol["optimize"]["steps"] == ["denoise"]
    # On a stack that is standardized already, it is not done again.
    settings = {"standardization_type": "0/1", "standardization_mode": "stack"}
    protocol, _ = taken_over(pipeline(tmp_path, Standardizer_0=settings, Denoiser_1=given))
    assert [step["step"] for step in protocol["chain"]] == ["standardize", "denoise"]


def test_what_of_a_restoration_has_no_equal_is_listed(tmp_path):
    entropies = {"image_range": [5, 200], "derivative_range": [0, 10], "n_bins": 64}
    levels = {
        "set_decomposition_level_to_max_compatible": False,
        "decomposition_level_min": 2,
        "decomposition_level_max": 4,
        "increase_decomposition_level_during_inference": True,
    }
    file = pipeline(
        tmp_path,
        HistogramMatcher_0={"reference_slice": -1},
        Flatter_1=with_setting(FLATTER, sigma_max="auto", entropy_setting=entropies),
        Destriper_2=with_setting(DESTRIPER, decomposition_level=levels),
        Decharger_3=DECHARGER,
        Denoiser_4=DENOISER,
        Denoiser_5=DENOISER,
        Equalizer_6={"kernel_size": [32, 64], "clip_limit": 0.01, "nbins": 256},
    )
    protocol, found = taken_over(file)
    assert [problem for problem in found.problems if problem.severity == "error"] == []
    assert protocol["chain"][2]["level"] == {"sweep": [2, 3]}
    said = "; ".join(found.left_out)
    for each in (
        "HistogramMatcher_0: a reference that is counted from the end (-1)",
        "does not begin at 0 ([5, 200])",
        "(derivative_range: [0, 10]); here it is [0, 0.039]",
        "(n_bins: 64)",
        "one level more than was searched",
        "Decharger_3: the correction of the whole slice where nothing is charged",
        "Denoiser_5: a second choice between filters (nl_means)",
        "tiles of different height and width ([32, 64])",
    ):
        assert each in said
    assert "widths end at a quarter of the shorter side" in found.text
    [charging] = [each for each in protocol["optimize"] if "find_charging" in each["steps"]]
    assert charging["on_nothing_found"] == "skip"


@pytest.mark.parametrize(
    ("plugin", "said"),
    [
        ({"Denoiser_0": with_setting(DENOISER, tested_filters_list=[])}, "must name a filter"),
        ({"Denoiser_0": with_setting(DENOISER, tested_filters_list=["wavelet", "bm3d"], bm3d={})},
         "one of wavelet, .*, got bm3d"),
        ({"Flatter_0": with_setting(FLATTER, sigma_step=0)}, "no values from 5 to 30"),
        ({"Flatter_0": with_setting(FLATTER, sigma_max="wide")}, "of another kind than it must be"),
        ({"Flatter_0": with_setting(FLATTER, entropy_setting=[])}, "have no entropy_setting"),
        ({"Denoiser_0": with_setting(DENOISER, bilateral={"sigma_color_range": [0.5, 1, 0]},
                                     tested_filters_list=["bilateral"])}, "from 1 to 10000 values"),
        ({"Destriper_0": {"auto_optimize": True}}, "have no optimization_setting"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_understood(tmp_path, plugin, said):
    with pytest.raises(UsageError, match=said):
        api.import_protocol(pipeline(tmp_path, **plugin))


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
    wavelets = "\n[destriping]\nwavelet_decomposition = {wavelet = 'coif3', level = 4, sigma = 5}\n"
    file.write_text(PYSTACK + wavelets, encoding="utf-8")
    protocol, found = taken_over(file)
    assert found.left_out == ()
    filter = {"method": "wavelet", "wavelet": "coif3", "level": 4, "sigma": 5}
    assert protocol["chain"][1] == {"step": "destripe", **filter}


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.dill", "", "is a pickle"),
        ("a.json", "[" * 100_000, "cannot be understood"),
        ("a.json", "{}", "a pipeline has a plugins_list"),
        ("a.json", '{"plugins_list": []}', "no pipeline_setting"),
        (
            "a.json",
            '{"plugins_list": ["Registrator_0"], "pipeline_setting": {}}',
            "nothing in it has",
        ),
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
