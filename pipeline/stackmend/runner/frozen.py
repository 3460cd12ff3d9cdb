"""A protocol that repeats a run without its search: the values that were chosen, and from where."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stackmend.addresses import as_path
from stackmend.errors import UsageError
from stackmend.protocol.editing import put
from stackmend.protocol.effective import as_run
from stackmend.protocol.freezing import Origin, frozen
from stackmend.protocol.lengths import LENGTH, PixelGrid
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.sections import headed, instead_of_chain
from stackmend.protocol.text import parse
from stackmend.registry import of_entry
from stackmend.result import Record, Result
from stackmend.result.record import ProtocolRecord, SearchRecord
from stackmend.result.step_record import ParameterRecord, StepRecord

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
    text = put(text, ("requires",), requirements_of(record))
    if record.envelope:
        text = put(text, ("envelope",), envelope_of(record))
    started = record.times["started"][:16].replace("T", " ")
    pixels = record.output.pixel_hash[:12]
    return headed(text, f"What the run of {started} has chosen (pixels {pixels}); see the notes.")


def envelope_of(record: Record) -> dict[str, Any]:
    """What the values were chosen on, as a protocol says it."""
    found: dict[str, Any] = {}
    for key, each in (record.envelope or {}).items():
        if each is not None:
            found[key] = list(each) if isinstance(each, tuple) else each
    return found


def requirements_of(record: Record) -> dict[str, str]:
    """The packages that the steps of a run come from, and from which version on."""
    found = {"stackmend": f">={record.environment['packages']['stackmend']}"}
    for step in record.chain:
        name, _, version = step.package.partition(" ")
        if version:
            found[name] = f">={version}"
    return found


def _values(record: Record) -> dict[str, Any]:
    """Every value that was applied, by full name."""
    found: dict[str, Any] = {}
    for step in record.chain:
        for name, parameter in step.parameters.items():
            found[f"{step.id}.{name}"] = _written(parameter)
    return found


def _written(parameter: ParameterRecord) -> Any:
    """A value as the protocol has it, a length with its unit."""
    return parameter.get("given", parameter["value"])


def _origins(record: Record) -> dict[str, Origin]:
    """Which search has chosen each value that was chosen."""
    found: dict[str, Origin] = {}
    for step in record.chain:
        for name, parameter in step.parameters.items():
            search = next((each for each in record.searches if _has(each, step.id)), None)
            if search is not None and parameter["origin"].startswith(_CHOSEN):
                found[f"{step.id}.{name}"] = Origin(
                    _written(parameter),
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


def in_nanometres(text: str, result: Result) -> str:
    """A frozen protocol with its lengths in nm, as many as give the same pixels again.

    Lengths that are written with a unit already stay; defaults, which are in px, are written.

    Raises
    ------
    UsageError
        If the size of a pixel is not known.
    """
    record = result.record
    size = record.input.pixel_size_nm
    grid = PixelGrid(size.get("y"), size.get("x"), record.input.shape[2])
    if grid.nm(LENGTH) is None:
        what = "the pixel size of its stack is not known"
        raise UsageError(f"{result.folder}: {what}; run it with input.pixel_size")
    data = parse(text).data
    for index, item in enumerate(data["chain"]):
        declared = of_entry(item).schema.get("properties", {})
        for name, each in declared.items():
            length = grid.length(item.get(name, each.get("default")), each)
            if length is not None:
                text = put(text, ("chain", index, name), str(length))
    return text
