"""The commands as functions: ``run``, ``check``, ``plan``, ``steps``, ``schema``, ``init``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stackmend import registry
from stackmend.protocol import assemble
from stackmend.protocol.starter import starting_protocol
from stackmend.runner import Findings, Outlook, RunResult, check, run
from stackmend.runner import plan_run as plan
from stackmend.stacks import open_stack

__all__ = ["Findings", "Outlook", "RunResult", "check", "init", "plan", "run", "schema", "steps"]


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
    return starting_protocol(path=str(path), shape=open_stack(path)[0].shape)
