"""What all surveys and searches of a run have in common."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stackmend.job import Job
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.tuning.memory import Memory
from stackmend.workers.processes import Workers


@dataclass(frozen=True)
class Session:
    """A job, those who do the work, and what is known already.

    ``settled`` has what surveys of one channel came to, by what decides about it, where its slices
    stay as they are for as long as the session lasts; ``of_first`` what those came to that look at
    the first channel for all. ``memory`` is shared by its searches.
    """

    job: Job
    log: Log
    workers: Workers
    journal: Journal
    known: Ledger
    settled: dict[str, Any] | None = None
    memory: Memory | None = None
    of_first: dict[str, Any] = field(default_factory=dict)
