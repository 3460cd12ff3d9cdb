"""Units of length, as files name them, in one spelling."""

from __future__ import annotations

import re

_MICRO = ("\\u00b5", "\\u03bc", "\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}")
"""The signs of micro, and how ImageJ writes each."""

_NM = {
    "pm": 1e-3,
    "a": 0.1,
    "å": 0.1,
    "angstrom": 0.1,
    "ångström": 0.1,
    "nm": 1.0,
    "um": 1e3,
    "micron": 1e3,
    "mm": 1e6,
    "cm": 1e7,
    "inch": 2.54e7,
    "inche": 2.54e7,
    "in": 2.54e7,
    "m": 1e9,
    "meter": 1e9,
}
for _prefix, _size in {"pico": 1e-3, "nano": 1, "micro": 1e3, "milli": 1e6, "centi": 1e7}.items():
    _NM[f"{_prefix}meter"] = _size


def nanometres(unit: str | None) -> float | None:
    """How many nm a unit of length is, if it is one: in any case, plural, British or American."""
    plain = (unit or "").replace("\0", "").strip().strip("\"'").casefold()
    for sign in _MICRO:
        plain = plain.replace(sign.casefold(), "u")
    plain = re.sub(r"met(re|er)s?$", "meter", plain)
    return _NM.get(plain) or _NM.get(plain.removesuffix("s"))


def unit_of(size: float | str | None) -> str:
    """The unit behind a number, with the blanks before it; empty where there is none."""
    found = re.fullmatch(r"\s*[-+.\d]+(?:[eE][-+]?\d+)?(\s*\D*)", str(size or ""))
    return found[1] if found else ""


def is_micro(unit: str | None) -> bool:
    """Whether lengths in this unit are best shown in micrometres."""
    return (nanometres(unit) or 1.0) >= 1e3
