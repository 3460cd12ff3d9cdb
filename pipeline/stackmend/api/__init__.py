"""The commands as functions of the same names."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stackmend import resources
from stackmend.addresses import as_path
from stackmend.api.results import diff, explain, replay, verify
from stackmend.errors import UsageError
from stackmend.report import write_figures, write_report
from stackmend.result import Result, open_result
from stackmend.result.atomic import write_new

if TYPE_CHECKING:
    from stackmend import registry
    from stackmend.comparison import Comparison
    from stackmend.runner import (
        CheckResult,
        RunPlan,
        RunResult,
        Trial,
        check,
        finish,
        plan,
        run,
        trial,
    )
    from stackmend.verification import Verification

__all__ = [
    "CheckResult",
    "Comparison",
    "RunPlan",
    "RunResult",
    "Trial",
    "Verification",
    "check",
    "config",
    "configs",
    "diff",
    "explain",
    "figures",
    "finish",
    "freeze",
    "init",
    "plan",
    "replay",
    "report",
    "run",
    "schema",
    "show",
    "steps",
    "trial",
    "verify",
]


def __getattr__(name: str) -> Any:
    """What runs protocols needs the whole program, so it is imported where it is asked for.

    Those who only look at a result wait for nothing of it.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    rooms = {"Verification": "verification", "Comparison": "comparison"}
    return getattr(import_module(f"stackmend.{rooms.get(name, 'runner')}"), name)


def show(run: str | Path) -> Result:
    """What a run has left in writing: its record, its tables, its events.

    Raises
    ------
    InputError
        If there is none.
    """
    return open_result(Path(run).expanduser())


def report(run: str | Path) -> Path:
    """Make ``report.html`` of a result folder again from what lies in it; nothing is computed.

    Returns the page.

    Raises
    ------
    InputError
        If there is no result of a run.
    OutputError
        If the page cannot be written.
    """
    return write_report(Path(run).expanduser())


def figures(
    run: str | Path, *, format: str = "png", dpi: int = 300, output: str | Path | None = None
) -> list[Path]:
    """Write the plots and pictures of a report as files.

    Parameters
    ----------
    run
        The result folder.
    format
        ``png``, ``svg`` or ``pdf``.
    dpi
        Resolution of what consists of pixels.
    output
        Folder to write to, ``figures`` in the result folder by default.

    Raises
    ------
    UsageError
        If the format or the resolution cannot be, or Matplotlib is not installed.
    InputError
        If there is no result of a run.
    OutputError
        If the figures cannot be written.
    """
    folder = None if output is None else Path(output).expanduser()
    return write_figures(Path(run).expanduser(), format=format, dpi=dpi, output=folder)


def freeze(run: str | Path, *, output: str | Path | None = None) -> str:
    """The protocol of a run with the values that it has chosen: what it did, without its search.

    Run on the same stack, it gives the same pixels. Comments stay, and beside each value stands
    where it was chosen, by which loss, of how many combinations.

    Parameters
    ----------
    run
        The result folder.
    output
        A new file to write it to; relative paths are written as seen from there, by default from
        the working folder.

    Raises
    ------
    InputError
        If there is no finished run.
    UsageError
        If its channels have values of their own, or no step was applied.
    OutputError
        If there is such a file already, or it cannot be written.
    """
    from stackmend.runner.frozen import frozen_protocol

    file = None if output is None else Path(output).expanduser()
    text = frozen_protocol(show(run), Path.cwd() if file is None else file.absolute().parent)
    if file is not None:
        write_new(file, text)
    return text


def steps() -> tuple[registry.Step, ...]:
    """Every installed step that can be used."""
    from stackmend import registry

    return registry.steps().usable()


def schema() -> dict[str, Any]:
    """The JSON Schema of protocols, with every installed step and loss."""
    from stackmend import registry
    from stackmend.protocol import assemble

    return assemble(
        [step.name for step in steps()], [loss.name for loss in registry.losses().usable()]
    )


def init(
    stack: str | Path | None = None,
    *,
    folder: str | Path | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> str:
    """A commented starting protocol, valid as it stands.

    Parameters
    ----------
    stack
        The stack it is for: up to 12 slices are looked at, and the protocol has the steps that
        find something there, or leaves the stack alone. Without one it uses a synthetic stack, so
        that it runs at once.
    folder
        Where the protocol will lie, the working folder by default; a relative path of the stack is
        written as seen from there.
    progress
        Called with what is being done and with what was decided.

    Raises
    ------
    InputError
        If the stack, or none of its slices that are looked at, can be read.
    """
    from stackmend.looking import look, protocol_for
    from stackmend.protocol.starter import starting_protocol
    from stackmend.stacks import Facts, open_stack

    if stack is None:
        return starting_protocol()
    path = as_path(stack)
    seen = look(open_stack(path, facts=Facts()), progress)
    progress(seen.verdict)
    if folder is not None and not path.is_absolute():
        path = Path(os.path.relpath(path, folder))
    return protocol_for(seen, str(path))


def configs() -> dict[str, str]:
    """The protocols that come with stackmend, each with what it is for."""
    return {name: _lines_of(name)[1].removeprefix("# ") for name in resources.config_names()}


def config(name: str) -> str:
    """The text of a protocol that comes with stackmend; its schema is looked for beside it.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in resources.config_names():
        known = ", ".join(resources.config_names())
        raise UsageError(f"no protocol named {name} comes with stackmend; known: {known}")
    _, *lines = _lines_of(name)
    return "\n".join(["# yaml-language-server: $schema=protocol.schema.json", *lines, ""])


def _lines_of(name: str) -> list[str]:
    return resources.config(name).read_text(encoding="utf-8").splitlines()
