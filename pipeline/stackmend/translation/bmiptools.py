"""Pipelines of bmiptools: the JSON file that it writes beside a pipeline.

A pipeline is a list of plugins, ``Decharger_0`` or ``Cropper_1``, and a mapping of settings for
each. Defaults are those of bmiptools 1.0.1 (Curcuraci, Weinkamer and Bertinetti, 2022).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from stackmend.translation.bmiptools_filters import RESTORING
from stackmend.translation.bmiptools_settings import search_on, section, values_of
from stackmend.translation.writing import Translation

PROGRAM = "a bmiptools pipeline"

_LISTS = {
    "gf1_sigma": "gf1_sigma_list",
    "color_shift": "color_shift_list",
    "gf2_sigma": "gf2_sigma_list",
    "rb_radius": "RB_radius_list",
    "gf3_sigma": "gf3_sigma_list",
}
"""Parameters, and where their values are that are searched."""

_FOUND_BY = ("gf1_sigma", "color_shift")
_GLOBAL = {"gf1_sigma": 80, "gf2_sigma": 80, "rb_radius": 2, "gf3_sigma": 4}
"""What bmiptools falls back to where no charging is found."""

_NO_EQUAL = {
    "Affine": "transformations of the volume",
    "DenoiserDNN": "denoising by a network, which its file does not hold",
    "Registrator": "alignment",
}
"""What plugins do that no step does."""


def translation(text: str, name: str) -> Translation:
    """What the JSON of a pipeline says.

    Raises
    ------
    ValueError
        If it is none, or a setting is missing or of a wrong kind.
    """
    content = json.loads(text)
    if not isinstance(content, dict) or not isinstance(content.get("plugins_list"), list):
        raise ValueError("a pipeline has a plugins_list")
    settings = section(content, "pipeline_setting")
    found = Translation(PROGRAM, str(content.get("pipeline_name") or name))
    _Plugins(found, [str(each) for each in content["plugins_list"]], settings).take_over()
    _fits_elsewhere(found, content)
    return found


def _fits_elsewhere(found: Translation, content: Mapping[str, Any]) -> None:
    """Plugins that are fitted before others are applied: here steps are tuned where they stand."""
    operations = content.get("true_operations_list")
    if not isinstance(operations, list):
        return
    for place, operation in enumerate(operations):
        plugin = str(operation).removeprefix("fit_")
        following = operations[place + 1 : place + 2]
        if str(operation).startswith("fit_") and following != [plugin]:
            found.notes.append(f"{plugin} was fitted earlier than it was applied; here where it is")


class _Plugins:
    """The plugins of a pipeline, taken over one after the other."""

    def __init__(self, found: Translation, plugins: list[str], settings: Mapping[str, Any]) -> None:
        self._found, self._plugins, self._settings = found, plugins, settings

    def take_over(self) -> None:
        """Add the steps for every plugin that has an equal, and a word on the others."""
        known: dict[str, Callable[[str, Mapping[str, Any]], None]] = {
            "Cropper": self._crop,
            "Standardizer": self._standardize,
            "Decharger": self._decharge,
        }
        for plugin in self._plugins:
            kind = plugin.partition("_")[0]
            if kind in known:
                known[kind](plugin, section(self._settings, plugin))
            elif kind in RESTORING:
                RESTORING[kind](self._found, plugin, section(self._settings, plugin))
            else:
                what = _NO_EQUAL.get(kind, "it is not one of those that come with bmiptools")
                self._found.left_out.append(f"{plugin}: {what}")

    def _crop(self, plugin: str, given: Mapping[str, Any]) -> None:
        ranges = {axis: given.get(f"{axis}_range") for axis in "zyx"}
        kept = {axis: ends for axis, ends in ranges.items() if ends not in (None, [None, None])}
        if kept:
            self._found.add("crop", **kept)

    def _standardize(self, plugin: str, given: Mapping[str, Any]) -> None:
        if any(each.startswith("Decharger") for each in self._plugins):
            what = "the steps against charging standardize by themselves, and undo it"
            self._found.left_out.append(f"{plugin}: {what}, so grey levels stay those of the input")
            return
        per = "slice" if given.get("standardization_mode") == "slice-by-slice" else "stack"
        scale = given.get("standardization_type", "0/1")
        self._found.add("standardize", range=scale, per=per)
        self._found.output["dtype"] = "float32"

    def _decharge(self, plugin: str, given: Mapping[str, Any]) -> None:
        setting = section(given, "GF2RBGF_setting")
        inverse = bool(given.get("inverse", False))
        searched = bool(given.get("auto_optimize", True))
        values = {"gf1_sigma": setting.get("gf1_sigma"), "gf2_sigma": setting.get("gf2_sigma")}
        values |= {"rb_radius": setting.get("RB_radius"), "gf3_sigma": setting.get("gf3_sigma")}
        if not searched and given.get("decharger_type") == "global_GF2RBGF":
            self._found.add("global_decharge", inverse=inverse, **values)
            return
        local = section(setting, "local_setting")
        values["color_shift"] = local.get("color_shift")
        if searched:
            values |= self._swept(plugin, section(given, "optimization_setting"))
        self._add_local(plugin, values, local, inverse=inverse)
        if any(isinstance(value, dict) for value in values.values()):
            self._add_search(plugin, section(given, "optimization_setting"), inverse=inverse)

    def _swept(self, plugin: str, given: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, key in _LISTS.items():
            values = given.get(key)
            if not isinstance(values, list) or not values:
                raise ValueError(f"{plugin}: {key} must be a list of values")
            found[name] = values_of(values)
        return found

    def _add_local(
        self,
        plugin: str,
        values: Mapping[str, Any],
        local: Mapping[str, Any],
        *,
        inverse: bool,
    ) -> None:
        first = {name: values[name] for name in _FOUND_BY}
        then = {name: value for name, value in values.items() if name not in _FOUND_BY}
        area, border = local.get("A_threshold"), local.get("n_px_border")
        for step, own in (
            ("standardize", {}),
            ("find_charging", {"inverse": inverse, **first, "min_area": area}),
            ("correct_charging", {**then, "border": border}),
            ("destandardize", {}),
        ):
            given = {name: value for name, value in own.items() if value is not None}
            self._found.add(step, **given)

    def _add_search(self, plugin: str, given: Mapping[str, Any], *, inverse: bool) -> None:
        ids = [step.get("id", step["step"]) for step in self._found.steps[-3:-1]]
        loss = {"name": "charging_histogram"}
        for name, key in (("regions", "N_regions_for_opt"), ("distance", "dilation_iterations")):
            if key in given:
                loss[name] = given[key]
        entry: dict[str, Any] = search_on(self._found, plugin, given, ids, loss)
        kinds = [each.partition("_")[0] for each in self._plugins]
        if any(kind in RESTORING for kind in kinds):
            entry["on_nothing_found"] = "skip"
            what = "the correction of the whole slice where nothing is charged"
            self._found.left_out.append(f"{plugin}: {what}; these steps are left out then")
        elif kinds.count("Decharger") == 1:
            fallback = {"step": "global_decharge", "inverse": inverse, **_GLOBAL}
            others = [s for s in self._found.steps[:-4] if s["step"] == "crop"]
            entry["on_nothing_found"] = {"instead": [*others, fallback]}
        self._found.optimize.append(entry)
