"""The commands as functions of the same names."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec

from stackmend.report import REPORT, Source, read_finished, write_figures, write_report

if TYPE_CHECKING:
    from stackmend import registry
    from stackmend.runner import CheckResult, RunPlan, RunResult, check, finish, run
    from stackmend.runner import plan as plan

__all__ = [
    "CheckResult",
    "RunPlan",
    "RunResult",
    "check",
    "figures",
    "finish",
    "init",
    "plan",
    "report",
    "run",
    "schema",
    "show",
    "steps",
]


P = ParamSpec("P")


def _reporting(function: Callable[P, RunResult]) -> Callable[P, RunResult]:
    """The same function, with a report at the end.

    The report is made when the result is in its place; if it cannot be made, that is said and the
    result stands.
    """

    @wraps(function)
    def reporting(*args: P.args, **how: P.kwargs) -> RunResult:
        result = function(*args, **how)
        there = (result.folder / REPORT).exists()
        if result.record is None or (
            there and not result.changed
        ):  # of shards, 'finish' makes the report
            return result
        try:
            write_report(result.folder)
        # Whatever stops a page from being made, in our code or in that of templates: the restored
        # stack is complete.
        except Exception as error:  # noqa: BLE001 - see above
            reason = f"no report was made ({type(error).__name__}: {error})"
            message = (
                f"{reason}; the result is complete, try again: stackmend report {result.folder}"
            )
            from stackmend.result.record import Log

            listener: Any = how.get("listener")
            Log(result.folder / "log.jsonl", listener).event("note", message=message)
        return result

    return reporting


def __getattr__(name: str) -> Any:
    """What runs protocols needs the whole program, so it is imported where it is asked for.

    Those who only look at a result wait for nothing of it.
    """
    if name not in ("CheckResult", "RunPlan", "RunResult", "check", "finish", "plan", "run"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module("stackmend.runner"), name)
    globals()[name] = _reporting(found) if name in ("finish", "run") else found
    return globals()[name]


def show(run: str | Path) -> Source:
    """What a finished run has left in writing: its record, its tables, its events.

    Raises
    ------
    InputError
        If there is none; of an unfinished one with the command to continue.
    """
    return read_finished(Path(run).expanduser())


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
    from stackmend import registry

    return registry.steps().usable()


def schema() -> dict[str, Any]:
    """The JSON Schema of protocols, with every installed step and loss."""
    from stackmend import registry
    from stackmend.protocol import assemble

    return assemble(
        [step.name for step in steps()], [loss.name for loss in registry.losses().usable()]
    )


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
    from stackmend.protocol.starter import starting_protocol
    from stackmend.stacks import open_stack

    if stack is None:
        return starting_protocol()
    path = Path(stack).expanduser()
    return starting_protocol(path=str(path), shape=open_stack(path)[0].shape)
