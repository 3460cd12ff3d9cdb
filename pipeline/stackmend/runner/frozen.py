"""A protocol that repeats a run without its search: the values that were chosen, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackmend.addresses import as_path
from stackmend.errors import UsageError
from stackmend.protocol.effective import as_run
from stackmend.protocol.freezing import Origin, frozen
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.sections import headed, instead_of_chain
from stackmend.result import Record, Result
from stackmend.result.record import ProtocolRecord, SearchRecord, StepRecord

_CHOSEN = "chosen"


def effective_text(given: ProtocolRecord, folder: Path) -> str:
    """The text of a protocol as it was run, with what the command line gave, for a folder."""
    input, output = given["input"], given["output"]
    return as_run(
        given["text"],
        base=Path(given["folder"]),
        folder=folder,
        input=None if input is None else as_path(input),
        output=None if output is None else as_path(output),
        set=given["set"],
    )


def effective_copy(given: ProtocolRecord, folder: Path) -> str:
    """The same under a line that says what it is, to lie in the result folder."""
    options = [f"--{name}" for name in ("input", "output", "set") if given.get(name)]
    said = "nothing in it is from the command line"
    if options:
        said = f"with what {' and '.join(options)} gave"
    return headed(effective_text(given, folder), f"The protocol as it was run, {said}.")


def frozen_protocol(result: Result, folder: Path) -> str:
    """The protocol of a finished run with the values it has chosen in the place of sweeps.

    Parameters
    ----------
    result
        The run.
    folder
        Where the protocol will lie: relative paths lead from there to the same places.

    Raises
    ------
    InputError
        If the run is not finished.
    UsageError
        If one protocol cannot say what was done.
    """
    record = result.record
    if record.chains is not None:
        channels = ", ".join(record.chains)
        what = f"its channels ({channels}) have values of their own, which one protocol cannot say"
        advice = "run each with --set input.channel=NUMBER and another --output, and freeze these"
        raise UsageError(f"{result.folder}: {what}; {advice}")
    text = effective_text(record.protocol, folder)
    if record.replaced_chain:
        text = instead_of_chain(text, [_step(each) for each in record.chain])
        taken = None
    else:
        taken = next(
            (each.one_of for each in record.searches if _chose(each) and each.one_of), None
        )
    left_out = [id for id in record.skipped_steps if id != ONE_OF]
    text = frozen(
        text,
        _values(record),
        alternative=taken or None,
        origins=_origins(record),
        left_out=left_out,
    )
    started = record.times["started"][:16].replace("T", " ")
    pixels = record.output.pixel_hash[:12]
    return headed(text, f"What the run of {started} has chosen (pixels {pixels}); see the notes.")


def _values(record: Record) -> dict[str, Any]:
    """Every value that was applied, by full name."""
    found: dict[str, Any] = {}
    for step in record.chain:
        for name, parameter in step.parameters.items():
            found[f"{step.id}.{name}"] = parameter["value"]
    return found


def _origins(record: Record) -> dict[str, Origin]:
    """Which search has chosen each value that was chosen."""
    found: dict[str, Origin] = {}
    for step in record.chain:
        for name, parameter in step.parameters.items():
            search = next((each for each in record.searches if _has(each, step.id)), None)
            if search is not None and parameter["origin"].startswith(_CHOSEN):
                found[f"{step.id}.{name}"] = Origin(
                    parameter["value"],
                    search.slices,
                    search.loss,
                    search.loss_of_choice,
                    search.combinations,
                )
    return found


def _has(search: SearchRecord, id: str) -> bool:
    return _chose(search) and id in search.steps


def _chose(search: SearchRecord) -> bool:
    return search.status == _CHOSEN


def _step(step: StepRecord) -> Mapping[str, Any]:
    """A step as a protocol has it, with all its values."""
    own = {} if step.id == step.step else {"id": step.id}
    values = {name: each["value"] for name, each in step.parameters.items()}
    return {"step": step.step, **own, **values}
