"""Packages of other people begun: a step, a loss, their schemas and tests, written from templates.

The templates are the files of the package; ``FILES`` says which becomes which.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from importlib.util import find_spec
from keyword import iskeyword
from pathlib import Path

from stackmend import disk, registry
from stackmend.errors import OutputError, UsageError

FILES = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    "{module}/__init__.py": "package.py",
    "{module}/py.typed": "",
    "{module}/step.py": "step.py",
    "{module}/loss.py": "loss.py",
    "tests/test_contracts.py": "contracts.py",
    "tests/test_step.py": "behaviour.py",
}
"""The template of each file of a package; none for an empty one."""

_OF_LOSS = "{module}/loss.py"
_LONGEST = 30
_RESERVED = ("one_of",)
"""Words that mean something else where a protocol names steps."""


def new_package(name: str, into: Path, *, loss: bool) -> Path:
    """Write a package with a step of that name, and return its folder.

    Parameters
    ----------
    name
        Of the step; the package is ``stackmend-NAME``, its loss ``NAME_loss``.
    into
        The folder in which that of the package is made.
    loss
        Whether it has a loss.

    Raises
    ------
    UsageError
        If the name cannot be that of a step, or is taken.
    OutputError
        If there is such a folder already, or it cannot be written.
    """
    if problem := _problem_of(name, loss=loss):
        raise UsageError(f"{name}: {problem}")
    folder = into / f"stackmend-{name.replace('_', '-')}"
    if not into.is_dir():
        raise OutputError(f"{into}: there is no such folder; make it, or give another with --into")
    try:
        folder.mkdir()
    except FileExistsError as error:
        what = "there is such a folder already; choose another name, or another place with --into"
        raise OutputError(f"{folder}: {what}") from error
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        for path, text in _texts(name, loss=loss):
            file = folder / path
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)  # half a package is none
        raise _not_written(folder, error) from error
    return folder


def _not_written(folder: Path, error: OSError) -> OutputError:
    return OutputError(f"{folder}: cannot be written ({error.strerror}); {disk.remedy(error)}")


def _problem_of(name: str, *, loss: bool) -> str:
    """What speaks against a name, with what to do; empty if nothing."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or len(name) > _LONGEST:
        what = f"must be of at most {_LONGEST} small letters, digits and _, a letter first"
        return f"the name of a step {what}; for instance sharpen_edges"
    if iskeyword(name) or name in _RESERVED:
        return "is a word of Python or of protocols; choose another name"
    steps, losses = registry.steps(), registry.losses()
    taken = "there is a {} already, of {}; choose another name"
    if name in steps.names():
        return taken.format(f"step {name}", steps.origin(name))
    if loss and f"{name}_loss" in losses.names():
        return taken.format(f"loss {name}_loss", losses.origin(f"{name}_loss"))
    if find_spec(f"stackmend_{name}") is not None:
        what = f"the package stackmend_{name} is installed already"
        return f"{what}; choose another name, or uninstall it"
    return ""


def _texts(name: str, *, loss: bool) -> Iterator[tuple[str, str]]:
    """The files of a package, by their paths in it."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    templates = Environment(
        loader=PackageLoader(__name__),
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    known = {
        "name": name,
        "module": f"stackmend_{name}",
        "distribution": f"stackmend-{name.replace('_', '-')}",
        "loss": loss,
        "stackmend": version("stackmend"),
    }
    for path, template in FILES.items():
        if path != _OF_LOSS or loss:
            file = f"{template}.jinja"
            text = templates.get_template(file).render(known) if template else ""
            yield path.format(module=known["module"]), text
