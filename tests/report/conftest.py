"""One small run with awkward names, shared by all tests of its report."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tifffile
import yaml
from numpy.typing import NDArray

from report_runs import CHAIN, NAME, OPTIMIZE, SLICE, Run
from stackmend import api


@pytest.fixture(scope="session")
def run_of(tmp_path_factory: pytest.TempPathFactory, charged: Callable[..., NDArray[Any]]) -> Run:
    """Runs a protocol on a charged stack of nine slices and returns the result folder.

    Keywords replace sections of the protocol.
    """

    def run(stack: NDArray[Any] | None = None, **sections: Any) -> Path:
        folder = tmp_path_factory.mktemp("run")
        (folder / "cell").mkdir()
        for index, image in enumerate(charged(9) if stack is None else stack):
            tifffile.imwrite(folder / "cell" / f"{index}{SLICE}.tif", image)
        content = {
            "protocol": 1,
            "name": NAME,
            "input": {"path": "cell"},
            "output": {"path": "result"},
        }
        content |= {"chain": CHAIN, "optimize": OPTIMIZE, **sections}
        content = {key: value for key, value in content.items() if value is not None}
        (folder / "p.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        api.run(folder / "p.yaml", workers=1)
        api.report(
            folder / "result"
        )  # raises where the run would only have noted that there is no page
        return folder / "result"

    return run


@pytest.fixture(scope="session")
def shared(run_of: Run) -> Path:
    """The result of one run; not to be written to."""
    return run_of()


@pytest.fixture
def result(shared: Path, tmp_path: Path) -> Path:
    """A copy of the result of one run."""
    return Path(shutil.copytree(shared, tmp_path / "result"))
