"""Packages that only some formats need."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from stackmend.errors import InputError

_EXTRAS = {
    "zarr": "zarr",
    "h5py": "hdf5",
    "mrcfile": "mrc",
    "imagecodecs": "codecs",
    "numcodecs": "n5",
}
"""The extra of stackmend that installs each package."""


def require(package: str, where: str) -> Any:
    """A package that a format needs.

    Raises
    ------
    InputError
        With the command that installs it, if it is not there.
    """
    if is_missing(package):
        raise InputError(f"{where}: needs one more package, {package}; run: {command_for(package)}")
    return import_module(package)


def is_missing(package: str) -> bool:
    """Whether a package is not installed."""
    return find_spec(package) is None


def command_for(package: str) -> str:
    """The command that installs a package."""
    return f"pip install 'stackmend[{_EXTRAS[package]}]'"
