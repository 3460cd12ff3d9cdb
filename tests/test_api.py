"""The verbs as functions of the package, loaded at first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata

import pytest

import stackmend
from stackmend import api

ELSEWHERE = {"__version__", "apply", "search", "steps"}
"""What is no verb of the command line."""


@pytest.mark.parametrize("name", sorted(set(stackmend.__all__) - ELSEWHERE))
def test_the_package_offers_the_verbs(name: str) -> None:
    assert getattr(stackmend, name) is getattr(api, name)


def test_the_package_knows_its_version() -> None:
    assert stackmend.__version__ == metadata.version("stackmend")
    with pytest.raises(AttributeError, match="has no attribute 'repair'"):
        stackmend.repair  # noqa: B018 - looking it up is what fails


def test_importing_the_package_loads_nothing() -> None:
    code = "import sys, stackmend; print([name for name in sys.modules if 'stackmend.' in name])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
