"""What all surveys and searches of a run have in common."""

from __future__ import annotations

from dataclasses import dataclass

from stackmend.job import Job
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.workers.processes import Workers


@dataclass(frozen=True)
class Session:
    """A job, those who do the work, and what is known already."""

    job: Job
    log: Log
    workers: Workers
    journal: Journal
    known: Ledger
