"""Names of discrete wavelets by their families, as PyWavelets has them."""

from __future__ import annotations

from itertools import chain

_PAIRS = (
    *("1.1", "1.3", "1.5", "2.2", "2.4", "2.6", "2.8"),
    *("3.1", "3.3", "3.5", "3.7", "3.9", "4.4", "5.5", "6.8"),
)

_FAMILIES = {
    "bior": [f"bior{pair}" for pair in _PAIRS],
    "coif": [f"coif{order}" for order in range(1, 18)],
    "db": [f"db{order}" for order in range(1, 39)],
    "dmey": ["dmey"],
    "haar": ["haar"],
    "rbio": [f"rbio{pair}" for pair in _PAIRS],
    "sym": [f"sym{order}" for order in range(2, 21)],
}


def family(name: str) -> list[str]:
    """The wavelets of a family, or of ``all``; of any other name, that wavelet alone."""
    if name == "all":
        return list(chain.from_iterable(_FAMILIES.values()))
    return _FAMILIES.get(name, [name])
