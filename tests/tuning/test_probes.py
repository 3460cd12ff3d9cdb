"""Searches by a loss that judges by what becomes of known faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from stackmend import api
from stackmend.errors import ProtocolError
from stackmend.kernels.matched_charge import charge_like, charge_likeness
from stackmend.kernels.regions import cityblock_distance
from stackmend.registry import IMAGE, INITIAL_IMAGE, PROBES, REFERENCE_MASK, Recovery
from stackmend.tuning.probes import Likeness, probes_beside, probes_like

SMALL = {"slices": 3, "height": 128, "width": 192, "step": 1.5, "centres": 1}
PHANTOM = {**SMALL, "tissue": "cells", "contrast": 0.2, "charge": ["streaks"], "every": 2}
STREAKS: list[dict[str, Any]] = [
    {"step": "find_streaks", "inverse": True, "evidence": {"sweep": [70, 100]}},
    {"step": "fill_streaks", "strength": {"sweep": [0, 0.5, 1]}},
]
PUBLISHED: list[dict[str, Any]] = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 30},
    {"step": "correct_charging", "gf2_sigma": {"sweep": [20, 40]}, "rb_radius": 50},
    {"step": "destandardize"},
]


def protocol(folder: Path, chain: list[Any], **given: Any) -> Path:
    optimize = {"slices": [1], "loss": "injection_error", **given}
    content = {"protocol": 1, "input": {"phantom": PHANTOM}, "output": {"path": "out"}}
    folder.mkdir(exist_ok=True)
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump({**content, "chain": chain, "optimize": optimize}))
    return file


def test_known_charge_is_like_that_found_and_away_from_it(tmp_path):
    trial = api.trial(protocol(tmp_path, STREAKS))
    start = trial.start(1)
    image, mask = start[IMAGE], start[REFERENCE_MASK]
    assert len(start[PROBES]) == 2
    for probe in start[PROBES]:
        assert (probe.fault <= 0).all()
        assert (probe.fault < -20).sum() > 250
        near = cityblock_distance(np.ascontiguousarray(mask), 10) < 10
        assert not probe.fault[near].any()
        assert np.array_equal(probe.image[probe.fault == 0], image[probe.fault == 0])
        assert probe.image.min() >= image.min()
    first, second = (probe.fault for probe in start[PROBES])
    assert not np.array_equal(first, second)


def test_is_lower_the_more_is_taken_away(tmp_path):
    trial = api.trial(protocol(tmp_path, STREAKS))
    none, half, whole = (trial.loss(1, {"fill_streaks.strength": each}) for each in (0, 0.5, 1))
    assert none == trial.loss_untouched(1)
    assert none > half > whole
    made = trial.products(1, None, (IMAGE, INITIAL_IMAGE, "harm"))
    assert made["harm"] < 1


@pytest.mark.slow
@pytest.mark.parametrize("chain", [STREAKS, PUBLISHED], ids=["streaks", "standardized"])
def test_searches_alike_with_any_workers(chain, tmp_path):
    runs = [
        api.run(protocol(tmp_path / str(workers), chain), workers=workers) for workers in (1, 7)
    ]
    first = (runs[0].folder / "losses.csv").read_bytes()
    assert all((run.folder / "losses.csv").read_bytes() == first for run in runs)
    (search,) = runs[0].record["searches"]
    if chain is STREAKS:
        assert search["chosen"]["strength"] == 1
        assert search["beside"]["harm"] < 2
        assert search["overmasked"] == 0  # by the masks of the slice, not by those of its probes
        assert search["loss_of_choice"] < 0.8 * search["loss_before"]
    again = api.run(tmp_path / "1" / "p.yaml", workers=1)
    assert (again.folder / "losses.csv").read_bytes() == first


def test_a_region_has_known_charge_of_its_own(tmp_path):
    trial = api.trial(protocol(tmp_path, STREAKS, region={"y": [0, 120], "x": [8, 184]}))
    assert [probe.image.shape for probe in trial.start(1)[PROBES]] == [(120, 176)] * 2


@pytest.mark.parametrize(
    ("beside", "same", "other"),
    [("nothing", False, False), ("the same", True, False), ("elsewhere", False, True)],
)
def test_neighbours_have_as_much_known_charge_as_they_have_of_the_found(beside, same, other):
    image = np.full((120, 200), 100, np.float32)
    image[0, 0] = 0
    mask = np.zeros(image.shape, bool)
    mask[:20, :40] = True
    found = {"nothing": np.zeros_like(mask), "the same": mask, "elsewhere": mask[::-1, ::-1]}
    parameters = {"inverse": True}
    like = charge_likeness(image, image + 50 * mask, mask, inverse=True)
    likeness = Likeness(Recovery("charge", charge_likeness, charge_like), like, parameters)
    probes = probes_like(image, [likeness], mask, 1)
    for offset in (-1, 1):
        given = image, probes, [likeness], mask, found[beside], 1, offset
        for probe, near in zip(probes, probes_beside(*given), strict=True):
            there, here = near.image != image, probe.image != image
            assert here.any()
            assert there.any() == (same or other)
            assert np.array_equal(there, here) == same
            assert not there[found[beside]].any()
        assert probes_beside(*given[:4], None, 1, offset)[0].image.min() < 100


def test_neighbours_pass_the_same_steps(tmp_path):
    chain = [{"step": "find_streaks", "inverse": True}, {"step": "fill_streaks"}]
    window = {"step": "median_z", "radius": {"sweep": [1, 2]}, "threshold": 250}
    trial = api.trial(protocol(tmp_path, [window, *chain], steps=["median_z", "fill_streaks"]))
    start = trial.start(1, 2)
    assert start[f"{PROBES}@+1"][0].image.shape == start[f"{IMAGE}@+1"].shape
    assert trial.loss(1, {"median_z.radius": 2}) > 0


def test_steps_must_say_what_their_faults_are(tmp_path):
    chain = [{"step": "median_z", "threshold": {"sweep": [50, 100]}}]
    with pytest.raises(ProtocolError, match="injection_error uses probe_results and probes"):
        api.trial(protocol(tmp_path, chain))
