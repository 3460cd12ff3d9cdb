"""The Denoiser of bmiptools: filters of scikit-image, one given or several searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.translation.bmiptools_settings import (
    MOST,
    between,
    evenly,
    in_steps,
    search_on,
    section,
    values_of,
)
from stackmend.translation.wavelets import family
from stackmend.translation.writing import Translation

_NAMES: dict[str, dict[str, str]] = {
    "wavelet": {
        "wavelet": "wavelet",
        "wavelet_levels": "wavelet_levels",
        "mode": "mode",
        "method": "threshold",
        "sigma": "sigma",
    },
    "tv_chambolle": {"weight": "weight", "eps": "eps", "max_num_iter": "iterations"},
    "tv_bregman": {
        "weight": "fidelity",
        "eps": "eps",
        "max_num_iter": "iterations",
        "isotropic": "isotropic",
    },
    "bilateral": {"sigma_color": "sigma_color", "sigma_spatial": "sigma_spatial", "bins": "bins"},
    "nl_means": {
        "patch_size": "patch_size",
        "patch_distance": "patch_distance",
        "h": "cut_off",
        "sigma": "sigma",
    },
}
"""Parameters of the filters of scikit-image by their names there, and what they are here."""

_PATCHES, _DISTANCES = range(3, 10), range(5, 16)
"""Of nl_means, px: what is practical."""


def denoise(found: Translation, plugin: str, given: Mapping[str, Any]) -> None:
    """Add the filter with its values, or those among which a search chooses."""
    if not given.get("auto_optimize", True):
        name = str(given.get("filter_to_use", "tv_chambolle"))
        own = _given(found, plugin, name, given.get("filter_params") or [])
        with_scale = _Scaled(found, plugin)
        found.add("denoise", method=name, **own)
        with_scale.close()
        return
    setting = section(given, "optimization_setting")
    tested = list(dict.fromkeys(setting.get("tested_filters_list") or []))
    filters = {name: _swept(found, plugin, name, section(setting, name)) for name in tested}
    if not filters:
        raise ValueError(f"{plugin}: tested_filters_list must name a filter")
    chosen_before = any("one_of" in step for step in found.steps)
    if len(filters) > 1 and chosen_before:
        others = ", ".join(list(filters)[1:])
        what = f"a second choice between filters ({others})"
        found.left_out.append(f"{plugin}: {what}; a protocol has one such choice")
        filters = dict(list(filters.items())[:1])
    with_scale = _Scaled(found, plugin)
    if len(filters) > 1:
        chains = {}
        for name, values in filters.items():
            step = {"step": "denoise", "id": f"denoise_{name}", "method": name}
            chains[name] = [{**step, **values}]
        found.steps.append({"one_of": chains})
        ids = ["one_of"]
    else:
        ((name, values),) = filters.items()
        ids = [found.add("denoise", method=name, **values)]
    with_scale.close()
    loss = {"name": "j_invariance", "stabilise": False}
    found.optimize.append(search_on(found, plugin, setting, ids, loss))


class _Scaled:
    """Grey levels of 0 to 1 for a filter, as its weights are meant, where they are not so."""

    def __init__(self, found: Translation, plugin: str) -> None:
        self._found = found
        scales = [each["step"] for each in found.steps if "standardize" in each.get("step", "")]
        self._needed = not scales or scales[-1] == "destandardize"
        if self._needed:
            found.add("standardize", per="stack")
            what = "its values are those of grey levels from 0 to 1"
            found.notes.append(f"{plugin}: {what}, so these are standardized for it")

    def close(self) -> None:
        """Back to the grey levels of before."""
        if self._needed:
            self._found.add("destandardize")


def _given(found: Translation, plugin: str, name: str, pairs: Any) -> dict[str, Any]:
    """Parameters of a filter that are given as pairs of name and value."""
    known, own = _names_of(plugin, name), {}
    for parameter, value in pairs:
        if parameter in known:
            own[known[parameter]] = value
        else:
            found.left_out.append(f"{plugin}: {parameter} of {name}, which cannot be set here")
    return own


def _swept(found: Translation, plugin: str, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a filter among which the search chooses."""
    _names_of(plugin, name)
    if name == "wavelet":
        levels, modes = given.get("level_range", [1, 9, 1]), given.get("mode_range")
        return {
            "wavelet": values_of(family(given.get("wavelet_family", "db"))),
            "wavelet_levels": in_steps(plugin, *levels),
            "mode": values_of(modes or ["soft", "hard"]),
            "threshold": values_of(given.get("method_range") or ["BayesShrink", "VisuShrink"]),
        }
    if name == "tv_chambolle":
        return {"weight": between(*given.get("weights_tvch_range", [1e-5, 1, 100]))}
    if name == "tv_bregman":
        weights = between(*given.get("weights_tvbr_range", [1e-5, 1, 100]))
        isotropic = given.get("isotropic_range") or [False, True]
        return {"fidelity": weights, "isotropic": values_of(isotropic)}
    if name == "bilateral":
        return {
            "sigma_color": evenly(*given.get("sigma_color_range", [0.5, 1, 5])),
            "sigma_spatial": in_steps(plugin, *given.get("sigma_spatial_range", [1, 30, 2])),
        }
    what = f"strengths relative to the noise ({given.get('h_relative_range')})"
    found.left_out.append(
        f"{plugin}: {what}; cut_off is in grey levels, that of each slice is used"
    )
    return {
        "patch_size": _practical(found, plugin, "patch_size", given, _PATCHES),
        "patch_distance": _practical(found, plugin, "patch_distance", given, _DISTANCES),
    }


def _practical(
    found: Translation, plugin: str, name: str, given: Mapping[str, Any], practical: range
) -> Any:
    """Values of nl_means that can be had; the others are listed."""
    asked = range(*given.get(f"{name}_range", [5, 100, 5]))[:MOST]
    kept = [value for value in asked if value in practical]
    if len(kept) < len(asked):
        others = ", ".join(str(value) for value in asked if value not in practical)
        allowed = f"{practical[0]} to {practical[-1]}"
        found.left_out.append(f"{plugin}: {name} of {others} px; here it is {allowed}")
    return values_of(kept or [practical[len(practical) // 2]])


def _names_of(plugin: str, name: str) -> dict[str, str]:
    if name not in _NAMES:
        raise ValueError(f"{plugin}: a filter must be one of {', '.join(_NAMES)}, got {name}")
    return _NAMES[name]
