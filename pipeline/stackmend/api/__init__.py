"""The commands as functions of the same names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from stackmend.api.given_on import bundle, crate, freeze, prove
from stackmend.api.protocols import (
    ImportedProtocol,
    MigratedProtocol,
    config,
    configs,
    import_protocol,
    init,
    migrate,
    new_step,
    schema,
    steps,
)
from stackmend.api.results import diff, explain, figures, replay, report, show, verify

if TYPE_CHECKING:
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
    "ImportedProtocol",
    "MigratedProtocol",
    "RunPlan",
    "RunResult",
    "Trial",
    "Verification",
    "bundle",
    "check",
    "config",
    "configs",
    "crate",
    "diff",
    "explain",
    "figures",
    "finish",
    "freeze",
    "import_protocol",
    "init",
    "migrate",
    "new_step",
    "plan",
    "prove",
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
