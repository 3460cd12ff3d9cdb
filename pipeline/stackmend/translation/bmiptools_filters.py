"""Plugins of bmiptools that are one step here, in the variant that does the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackmend.translation.bmiptools_denoiser import denoise
from stackmend.translation.bmiptools_settings import (
    first_of,
    in_steps,
    optional,
    search_on,
    section,
    values_of,
)
from stackmend.translation.wavelets import family
from stackmend.translation.writing import Translation

Settings = Mapping[str, Any]

_AUTO = 128
"""Of a slice of 512 px: where widths end that depend on the size of the slice."""

_FIXED = {"sigma_deriv_smoother": (5, "smoothing of the gradients of the loss")}
_ENTROPIES = {
    "derivative_range": ([0, 0.039], "range of gradients of the loss"),
    "n_bins": (1024, "number of bins of the loss"),
}
"""What cannot be set here, with the value that it has."""


def flatten(found: Translation, plugin: str, given: Settings) -> None:
    """A blur of each slice that is taken away, its width given or searched."""
    if not given.get("auto_optimize", True):
        widths = given.get("sigma_low_pass", 80)
        sigma = first_of(found, plugin, widths, "a width for each channel")
        found.add("flatten", method="gaussian", sigma=sigma)
        return
    setting = section(given, "optimization_setting")
    first, step = setting.get("sigma_min", 5), setting.get("sigma_step", 5)
    last = setting.get("sigma_max", "auto")
    if last == "auto":
        last = _AUTO
        what = "widths end at a quarter of the shorter side there; here at that of 512 px"
        found.notes.append(f"{plugin}: {what}, so change sigma and largest for other slices")
    widths = in_steps(plugin, first, last, step)
    loss = {
        "name": "flatness",
        "smallest": first,
        "penalty": setting.get("regularization_strength", 1),
    }
    if isinstance(widths, dict):
        sweep = widths["sweep"]
        loss["largest"] = sweep["to"] if isinstance(sweep, dict) else sweep[-1]
    loss |= _image_range(found, plugin, optional(setting, "entropy_setting"))
    _say_fixed(found, plugin, setting)
    id = found.add("flatten", method="gaussian", sigma=widths)
    if isinstance(widths, dict):
        entry = search_on(found, plugin, setting, [id], loss)
        if setting.get("use_early_stopping", True):
            entry["strategy"] = {"name": "patience", "stop_after": setting.get("patience", 5)}
        found.optimize.append({**entry, "channel": "each"})


def _image_range(found: Translation, plugin: str, given: Settings) -> dict[str, float]:
    """What histograms of the loss span, where it is not the range of the type."""
    span = list(given.get("image_range") or (0, 1))
    if span in ([0, 1], [0, 256], [0, 65536]):
        return {}
    if len(span) == 2 and span[0] == 0:
        return {"image_range": span[1]}
    what = f"a range of grey levels that does not begin at 0 ({span})"
    found.left_out.append(f"{plugin}: {what}; that of the type is used")
    return {}


def _say_fixed(found: Translation, plugin: str, setting: Settings) -> None:
    places = ((setting, _FIXED), (optional(setting, "entropy_setting"), _ENTROPIES))
    for given, fixed in places:
        for name, (value, what) in fixed.items():
            own = given.get(name, value)
            if (list(own) if isinstance(own, list) else own) != value:
                found.left_out.append(f"{plugin}: {what} ({name}: {own}); here it is {value}")


def destripe(found: Translation, plugin: str, given: Settings) -> None:
    """The wavelet method for curtains, its filter given or searched."""
    matched = bool(given.get("match_in_out_contrast", True))
    if not given.get("auto_optimize", True):
        level, sigma = given.get("decomposition_level", 4), given.get("sigma", 4)
        values = {"wavelet": given.get("wavelet_name", "db1"), "level": level, "sigma": sigma}
        found.add("destripe", method="wavelet", **values, match_contrast=matched)
        return
    setting = section(given, "optimization_setting")
    wavelet, sigma = section(setting, "wavelet"), section(setting, "sigma")
    named = wavelet.get("use_wavelet", "all")
    names = family(wavelet.get("wavelet_family", "db") if named == "family" else named)
    limits = (sigma.get("sigma_min", 0.01), sigma.get("sigma_max", 50), sigma.get("sigma_step", 1))
    values = {
        "wavelet": values_of(names),
        "level": _levels(found, plugin, optional(setting, "decomposition_level")),
        "sigma": in_steps(plugin, *limits),
    }
    swept = any(isinstance(each, dict) for each in values.values())
    if matched and swept:
        what = "contrast that is matched behind the search (match_in_out_contrast)"
        advice = "here it would be searched with; set match_contrast: true with the values chosen"
        found.left_out.append(f"{plugin}: {what}; {advice}")
    id = found.add("destripe", method="wavelet", **values, match_contrast=matched and not swept)
    if swept:
        found.optimize.append(search_on(found, plugin, setting, [id], "stripe_gradient"))


def _levels(found: Translation, plugin: str, given: Settings) -> Any:
    if given.get("increase_decomposition_level_during_inference"):
        what = "one level more than was searched (increase_decomposition_level_during_inference)"
        found.left_out.append(f"{plugin}: {what}; here the level that was found is applied")
    if given.get("set_decomposition_level_to_max_compatible", True):
        return "max"
    low, high = given.get("decomposition_level_min", 2), given.get("decomposition_level_max", 9)
    if "max" in (low, high):
        what = f"levels from {low} to {high}, which depend on the wavelet"
        found.left_out.append(f"{plugin}: {what}; the most is taken of each")
        return "max"
    return values_of(list(range(max(low, 1), high)) or [max(low, 1)])


def match_histogram(found: Translation, plugin: str, given: Settings) -> None:
    """Histograms matched from neighbour to neighbour."""
    reference = int(given.get("reference_slice", 0))
    if reference < 0:
        what = f"a reference that is counted from the end ({reference})"
        found.left_out.append(f"{plugin}: {what}; the first slice is used")
        reference = 0
    elif reference:
        what = "there, any reference but the first slice went wrong"
        found.notes.append(f"{plugin}: {what}; here all slices are matched outward from it")
    found.add("match_histogram", reference=reference, chain=True)


def equalize(found: Translation, plugin: str, given: Settings) -> None:
    """CLAHE on the range of each slice."""
    what = "tiles of different height and width"
    size = first_of(found, plugin, given.get("kernel_size"), what)
    found.notes.append(f"{plugin}: its result was 0 to 1; here it has the grey range of the slice")
    values = {"clip_limit": given.get("clip_limit", 0.01), "nbins": given.get("nbins", 256)}
    found.add("equalize", kernel_size=size, **values, range="slice")


RESTORING: dict[str, Callable[[Translation, str, Settings], None]] = {
    "Denoiser": denoise,
    "Destriper": destripe,
    "Equalizer": equalize,
    "Flatter": flatten,
    "HistogramMatcher": match_histogram,
}
"""By the name of a plugin, what adds its step and its search."""
