"""What can be asked of a protocol without running it.

Nothing is written where a run would write.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib

from stackmend import protocol as protocols
from stackmend.addresses import as_path
from stackmend.bundles import is_bundle, read_bundle
from stackmend.errors import UsageError
from stackmend.forecast.plan import RunPlan, plan_of
from stackmend.job import CheckResult, examine_stack
from stackmend.job.envelope import check_envelope
from stackmend.protocol import CommandLine, Draft
from stackmend.result import origin_of, packages_beside
from stackmend.result.journal import Journal, Ledger
from stackmend.result.log import Log
from stackmend.result.names import PROTOCOL
from stackmend.result.record import ProtocolRecord
from stackmend.stacks import Reader
from stackmend.tuning.session import Session
from stackmend.tuning.trial import Trial
from stackmend.tuning.tune import nth_trial
from stackmend.workers import memory as sizes
from stackmend.workers.processes import Workers


def check(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
) -> CheckResult:
    """Look for every problem of a protocol and, where it can be read, of its stack.

    Nothing is computed or written.

    Parameters
    ----------
    protocol
        The YAML file, or a bundle that holds one.
    input, output
        Replace the paths in the file.
    set
        Values by path, for instance ``{"find_charging.gf1_sigma": "40"}``.

    Returns
    -------
    CheckResult
        With ``draft.problems``, in file order.
    """
    file = Path(protocol)
    base, given = _origin(file)
    bundle = read_bundle(file) if is_bundle(file) else None
    draft = protocols.examine(
        file,
        input=_path(input),
        output=_path(output),
        set=set,
        base=base,
        given=given,
        text=None if bundle is None else bundle.protocol,
        beside=None if bundle is None else bundle.loaded,
    )
    return _with_envelope(examine_stack(_with_packages(draft, file)))


def _with_packages(draft: Draft, file: Path) -> Draft:
    """The same, naming the package of a step that is missing, where a record beside it knows."""
    missing = [_MISSING.match(problem.message) for problem in draft.problems]
    known = packages_beside(file) if any(missing) else {}
    problems = list(draft.problems)
    for place, found in enumerate(missing):
        package = known.get(found[1]) if found else None
        if package:
            name, _, version = package.partition(" ")
            command = f"pip install {shlex.quote(f'{name}=={version}')}"
            what = (
                f"{problems[place].message}; it came from {name}, run: {command}, if you trust it"
            )
            problems[place] = replace(problems[place], message=what)
    return replace(draft, problems=tuple(problems))


_MISSING = re.compile(r"no step named (\S+) is installed")
"""How the registry says that it does not know a step."""


def _with_envelope(result: CheckResult) -> CheckResult:
    """The same, with a word where the stack lies outside of what the protocol was tuned for.

    Some slices are read for that.
    """
    protocol = result.draft.protocol
    if protocol is None or not protocol.envelope or result.reader is None:
        return result
    warnings = check_envelope(protocol, result.reader)
    return replace(result, draft=result.draft.with_problems(warnings))


def _origin(file: Path) -> tuple[Path | None, CommandLine | None]:
    """Where relative paths start, and what the command line had added, for a protocol that was run.

    Its copy in a result folder means what the original meant; any other file stands for itself.
    """
    origin = origin_of(file)
    if origin is None:
        return None, None
    given: CommandLine = {
        "input": _path(origin["input"]),
        "output": _path(origin["output"]),
        "set": origin["set"],
    }
    return Path(origin["folder"]), given


def input_of(record: ProtocolRecord, input: str | Path | None = None) -> tuple[Reader, ...]:
    """The stack that a run has read, or another in its place, opened as its protocol says.

    Raises
    ------
    ProtocolError, InputError
        If it cannot be opened.
    """
    given: CommandLine = {"input": _path(record["input"]), "output": None, "set": record["set"]}
    with TemporaryDirectory() as folder:
        file = Path(folder, PROTOCOL)
        file.write_text(record["text"], encoding="utf-8", newline="")
        base = Path(record["folder"])
        draft = protocols.examine(file, input=_path(input), base=base, given=given)
        found = examine_stack(draft)
    if not found.readers:
        found.raise_problems()
    return found.readers


def trial(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    search: int = 0,
    one_of: str | None = None,
) -> Trial:
    """A search of a protocol, to be asked on any slice, for any values; no output folder is needed.

    Parameters
    ----------
    protocol, input, set
        As for ``check``.
    search
        Which entry of ``optimize``, from 0; those before it are carried out first.
    one_of
        Which of several chains, by its name in the protocol.

    Returns
    -------
    Trial
        With ``loss``, ``loss_untouched``, ``image`` and ``products``; values go by full name,
        ``{"find_charging.gf1_sigma": 40}``.

    Raises
    ------
    UsageError
        If the protocol has no such search or chain.
    StackmendError
        As ``run``, as far as input, protocol and earlier searches go.
    """
    job = check(protocol, input=input, set=set).job(written=False)
    count = len(job.protocol.searches)
    if not 0 <= search < count:
        what = f"the protocol has {count} searches, got {search}"
        raise UsageError(f"search: {what}; count from 0, and sweep a parameter if there is none")
    session = Session(job, Log(), workers_here(None), Journal(None), Ledger())
    return nth_trial(session, search, one_of)


def plan(
    protocol: str | Path,
    *,
    input: str | Path | None = None,
    output: str | Path | None = None,
    set: Mapping[str, str] | None = None,
    workers: int | None = None,
    memory: str | int | None = None,
) -> RunPlan:
    """Say what a run would do, what it would find done already, and what it needs.

    Nothing is written where a run would write. One slice is restored into the system's folder for
    temporary files, to measure time and memory.

    Parameters
    ----------
    protocol, input, output, set, workers, memory
        As for ``run``.

    Raises
    ------
    StackmendError
        As ``run``, as far as it can be known before.
    """
    job = check(protocol, input=input, output=output, set=set).job()
    budget = None if memory is None else sizes.bytes_of(memory)
    return plan_of(job, workers_here(workers).count, budget)


def workers_here(count: int | None) -> Workers:
    """So many workers on this machine, or one for each core."""
    return Workers(count or joblib.cpu_count())


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else as_path(path)
