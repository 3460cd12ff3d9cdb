"""Parameters of PyStack3D: the TOML file of a project."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from typing import Any

from stackmend.translation.writing import BY_HAND, Translation

PROGRAM = "a parameter file of PyStack3D"

OPEN_END = 9999
"""From here on, a number stands for the end in files that PyStack3D writes."""

_NO_EQUAL = {
    "bkg_removal": f"a polynomial fitted above a threshold of grey; {BY_HAND} flatten",
    "intensity_rescaling": "histograms matched to running means of them",
    "intensity_rescaling_area": "grey levels matched by an area",
    "registration_calculation": "alignment",
    "registration_transformation": "alignment",
    "destriping": f"destriping by VSNR; {BY_HAND} destripe",
    "resampling": "slices interpolated to an even spacing",
}
"""What steps of it do that is not taken over."""


def translation(text: str, name: str) -> Translation:
    """What the parameters of a project say.

    Raises
    ------
    ValueError
        If they are none, or a parameter is of a wrong kind.
    """
    content = tomllib.loads(text)
    steps = content.get("process_steps")
    if not isinstance(steps, list):
        raise ValueError("a parameter file has process_steps")
    found = Translation(PROGRAM, name)
    _take_input(found, content)
    for step in steps:
        if step in ("cropping", "cropping_final"):
            _crop(found, step, content.get(step))
        elif step == "destriping" and _destripe(found, content.get(step)):
            continue
        else:
            what = _NO_EQUAL.get(str(step), "it is not one of those that come with PyStack3D")
            found.left_out.append(f"{step}: {what}")
    if content.get("history"):
        done = ", ".join(map(str, content["history"]))
        found.notes.append(f"history: these steps were done already ({done}); here all are")
    return found


def _take_input(found: Translation, content: Mapping[str, Any]) -> None:
    channels = content.get("channels") or ["."]
    folder = content.get("input_dirname") or content.get("dirname")
    if len(channels) > 1:
        names = ", ".join(map(str, channels))
        found.left_out.append(f"channels in folders of their own ({names}): run each by itself")
    if folder:
        first = "" if channels[0] == "." else f"/{channels[0]}"
        path = str(folder).replace("\\", "/") + first
        found.input["path"] = path
    low, high = content.get("ind_min", 0), content.get("ind_max", OPEN_END)
    if low or high < OPEN_END:
        found.input["slices"] = f"{low}:{'' if high >= OPEN_END else high + 1}"
        found.notes.append("ind_min and ind_max count slices in the order of their names")


def _crop(found: Translation, step: str, given: Any) -> None:
    """A part of the slice; its rows count from the bottom there."""
    area = given.get("area") if isinstance(given, dict) else None
    if area is None:
        return
    if not isinstance(area, list) or len(area) != 4:
        raise ValueError(f"{step}.area must be four numbers, got {area}")
    left, right, low, high = area
    rows = [None if high >= OPEN_END else -high, -low if low else None]
    columns = [left or None, None if right >= OPEN_END else right]
    kept = {"y": rows, "x": columns}
    ends = {axis: each for axis, each in kept.items() if each != [None, None]}
    if ends:
        found.add("crop", **ends)
        found.notes.append(f"{step}: rows counted from the bottom are written as negative numbers")


def _destripe(found: Translation, given: Any) -> bool:
    """The wavelet method, if it is the one that is asked for."""
    asked = given.get("wavelet_decomposition") if isinstance(given, dict) else None
    if not isinstance(asked, dict):
        return False
    values = {name: asked[name] for name in ("wavelet", "level", "sigma") if name in asked}
    found.add("destripe", method="wavelet", **values)
    return True
