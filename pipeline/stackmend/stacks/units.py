"""Units of length, as files name them."""

from __future__ import annotations

_NM = {
    "pm": 1e-3,
    "picometer": 1e-3,
    "å": 0.1,
    "angstrom": 0.1,
    "nm": 1.0,
    "nanometer": 1.0,
    "um": 1e3,
    "micron": 1e3,
    "microns": 1e3,
    "micrometer": 1e3,
    "mm": 1e6,
    "millimeter": 1e6,
    "cm": 1e7,
    "centimeter": 1e7,
    "inch": 2.54e7,
    "in": 2.54e7,
    "m": 1e9,
    "meter": 1e9,
}


def nanometres(unit: str | None) -> float | None:
    """How many nm a unit of length is, if it is one.

    Micro has two signs, and ImageJ writes one of them as an escape.
    """
    plain = (unit or "").strip().casefold().replace("\\u00b5", "u")
    return _NM.get(plain.replace("\N{MICRO SIGN}", "u").replace("\N{GREEK SMALL LETTER MU}", "u"))
