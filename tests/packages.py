"""Packages of other people, built and installed as pip does it, without the network."""

from __future__ import annotations

import site
import subprocess
import sys
import venv
from pathlib import Path

TESTS = Path(__file__).parent
PIP = ("install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")


def install(source: Path, folder: Path) -> Path:
    """Build a package and install it into a folder of its own; returns that."""
    target = folder / source.name
    pip(sys.executable, "--target", target, source)
    return target


def pip(python: object, *arguments: object) -> None:
    """Install what is at hand; what builds it is that of the tests."""
    command = [python, "-m", "pip", *PIP, "--no-build-isolation", *arguments]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def environment(folder: Path) -> Path:
    """The Python of a new environment, which has all that is installed in this one."""
    venv.create(folder, with_pip=False)
    [python] = [*folder.glob("bin/python"), *folder.glob("Scripts/python.exe")]
    command = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    place = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (Path(place) / "outer.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return python
