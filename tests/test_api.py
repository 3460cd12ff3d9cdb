"""The verbs as functions of the package, loaded at first use."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

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


def test_a_result_shows_itself_in_a_line_and_in_a_notebook() -> None:
    searches = [{"status": "chosen", "chosen": {"<i>": "<u>"}}]
    result = api.RunResult(Path("<b>"), None, {"searches": searches})
    assert "searches" not in repr(result)
    page = result._repr_html_()
    assert not any(tag in page for tag in ("<b>", "<i>", "<u>"))
    assert "chosen: " in page
