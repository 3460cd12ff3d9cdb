"""The commands as functions: ``run``, ``check``, ``report``, ``figures``, ``steps``, ``schema``, ``init``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackmend import registry, runner
from stackmend.protocol import assemble
from stackmend.protocol.starter import starting_protocol
from stackmend.record import Listener, Log
from stackmend.report import write_figures, write_report
from stackmend.runner import Findings, RunResult, check
from stackmend.stacks import open_stack

__all__ = ["Findings", "RunResult", "check", "figures", "init", "report", "run", "schema", "steps"]


def run(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    listener: Listener | None = None,
) -> RunResult:
    """Run a protocol and leave its results and their report in the output folder.

    Takes and raises the same as ``stackmend.runner.run``. The report is made when the result is in its place; if it
    cannot be made, that is said and the result stands.
    """
    result = runner.run(protocol, input=input, output=output, set=set, workers=workers, listener=listener)
    try:
        write_report(result.folder)
    # Whatever stops a page from being made, in our own code or in a library for plots: the restored stack is complete.
    except Exception as error:  # noqa: BLE001 - see above
        reason = f"{type(error).__name__}: {error}"
        message = f"no report was made ({reason}); the result is complete, try again: stackmend report {result.folder}"
        Log(result.folder / "log.jsonl", listener).event("note", message=message)
    return result


def report(run: str | Path) -> Path:
    """Make ``report.html`` of a result folder again from what lies in it; nothing is computed. Returns the page.

    Raises
    ------
    InputError
        If there is no result of a run.
    OutputError
        If the page cannot be written.
    """
    return write_report(Path(run).expanduser())


def figures(run: str | Path, *, format: str = "png", dpi: int = 300, output: str | Path | None = None) -> list[Path]:
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
        If the format or the resolution cannot be.
    InputError
        If there is no result of a run.
    OutputError
        If the figures cannot be written.
    """
    folder = None if output is None else Path(output).expanduser()
    return write_figures(Path(run).expanduser(), format=format, dpi=dpi, output=folder)


def steps() -> tuple[registry.Step, ...]:
    """Every installed step that can be used."""
    return registry.steps().usable()


def schema() -> dict[str, Any]:
    """The JSON Schema of protocols, with every installed step and loss."""
    return assemble([step.name for step in steps()], [loss.name for loss in registry.losses().usable()])


def init(stack: str | Path | None = None) -> str:
    """A commented starting protocol, valid as it stands.

    Parameters
    ----------
    stack
        The stack it is for; without one it uses a synthetic stack, so that it runs at once.

    Raises
    ------
    InputError
        If the stack cannot be read.
    """
    if stack is None:
        return starting_protocol()
    path = Path(stack).expanduser()
    reader = open_stack(path)
    return starting_protocol(path=str(path), shape=reader.shape)
