"""The record of a run, ``run.json``: everything that is needed to explain and to repeat it.

Its parts are declared here once, and described with their units in ``schemas/record.schema.json``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from stackmend.result import atomic, names
from stackmend.result.decoding import decode
from stackmend.result.encoding import as_json
from stackmend.result.envelope_record import EnvelopeRecord
from stackmend.result.gate_record import GateRecord, fails, gate_text
from stackmend.result.inventory import record_hash
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.step_record import StepRecord
from stackmend.words import counted, value

FORMAT = 1
"""Version of the record's own format."""


class ProtocolRecord(TypedDict):
    """The protocol, where it lay, and what the command line added to it."""

    file: str
    folder: str
    text: str
    input: str | None
    output: str | None
    set: Mapping[str, str]


@dataclass(frozen=True)
class InputRecord:
    """The stack that was read."""

    path: str | None
    phantom: Mapping[str, Any] | None
    dataset: str | None
    channels: tuple[int, ...]
    label: str
    shape: tuple[int, int, int]
    dtype: str
    pixel_size_nm: Mapping[str, float | None]
    pixel_size_source: str | None
    slices: tuple[int, ...]
    on_bad_slice: str
    notes: tuple[str, ...]
    pixel_hash: str


class MasksRecord(TypedDict):
    """The masks that were written: where in the result folder, and what marked pixels are."""

    path: str
    dtype: str
    marked: int
    pixel_hash: str


@dataclass(frozen=True)
class OutputRecord:
    """The stack that was written, and its masks where they were."""

    format: str
    dtype: str
    compression: str
    pyramid: bool
    shape: tuple[int, int, int]
    origin: tuple[int, int, int]
    clipped: int
    pixel_hash: str
    masks: MasksRecord | None = None


class SecondRecord(TypedDict):
    """The second loss of a search: its means for the choice, without correction, and at best."""

    loss: str
    loss_version: int
    loss_parameters: Mapping[str, Any]
    of_choice: float | None
    before: float | None
    best: float | None
    best_values: Mapping[str, Any]
    best_chain: str
    disagrees: bool
    known_weakness: NotRequired[str]


@dataclass(frozen=True)
class SearchRecord:
    """A search and what came of it; where nothing was chosen, the fields from ``chosen`` are empty.

    ``finds`` and ``advice`` are the words of the loss: what it judges the correction of, and what
    to do where no combination came upon any; ``loss_description`` says what it measures and on
    which scale, ``known_weakness`` where it is known to choose badly. ``stopped_at`` has the values
    behind which a search had the patience for no more. ``limits`` are the ends
    between which a swept parameter may have values, in the words of JSON Schema, ``whole`` those
    that take whole numbers only. ``computed`` counts losses and shares that were not known before;
    0 where nothing was searched again. ``clean`` has the share of the pixels of each clean slice
    that the choice changes; ``overmasked`` are the refused combinations that mask too much of a
    slice, ``failed`` counts those that a step refused, by its reason. ``one_of`` is the name of the
    chain where the search is of one of several, ``beside`` has what the loss shows beside its value
    for the choice, ``also`` what the second loss says.
    """

    steps: tuple[str, ...]
    channel: int
    loss: str
    loss_version: int
    loss_parameters: Mapping[str, Any]
    strategy: Mapping[str, Any]
    region: Mapping[str, tuple[int, int]]
    space: Mapping[str, tuple[Any, ...]]
    combinations: int
    slices: tuple[int, ...]
    distinct_work: Mapping[str, int]
    seconds: float
    status: str
    finds: str = ""
    advice: str = ""
    loss_references: tuple[str, ...] = ()
    slices_without_findings: tuple[int, ...] = ()
    reason: str = ""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    loss_of_choice: float | None = None
    loss_before: float | None = None
    loss_median: float | None = None
    held_out: Mapping[int, float | str] = field(default_factory=dict)
    tied: int = 0
    on_edge: Mapping[str, str] = field(default_factory=dict)
    landmarks: Mapping[str, int] = field(default_factory=dict)
    without_effect: tuple[str, ...] = ()
    clean: Mapping[str, float] = field(default_factory=dict)
    max_changed: float | None = None
    refused: int = 0
    failed: Mapping[str, int] = field(default_factory=dict)
    one_of: str = ""
    overmasked: int = 0
    computed: int | None = None
    loss_description: str = ""
    limits: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    beside: Mapping[str, float] = field(default_factory=dict)
    also: SecondRecord | None = None
    known_weakness: str = ""
    stopped_at: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*self.chosen, *self.on_edge):
            if name not in self.space:
                raise ValueError(f"{name} is chosen, but not in space")
        if self.chosen and self.loss_of_choice is None:
            raise ValueError("loss_of_choice is missing")

    @property
    def stop(self) -> str:
        """Where it had the patience for no more, in words; empty where all values were tried."""
        at = ", ".join(f"{name} {value(each)}" for name, each in self.stopped_at.items())
        last = counted(self.strategy.get("stop_after", 0), "value")
        return f"stopped at {at}, after {last} without a lower loss" if at else ""


class _Counts(TypedDict):
    """What every record counts."""

    all: int
    kept_from_earlier: int
    restored: int
    constant: int
    nothing_found: int
    kept: int
    blank: int
    skipped: int


class SliceCounts(_Counts, total=False):
    """How many slices there are, how many were taken over, and how many ended how."""

    overmasked: int


class TruthRecord(TypedDict):
    """The error of the whole stack against a known truth, in grey levels."""

    rmse_before: float
    rmse_after: float


class EnvironmentRecord(TypedDict):
    """Versions, machine and command."""

    python: str
    packages: Mapping[str, str]
    platform: str
    processor: str
    cores: int | None
    command: tuple[str, ...]
    workers: int


class Times(TypedDict):
    """When the run began, and the seconds of its parts."""

    started: str
    search_s: float
    apply_s: float
    pictures_s: float
    total_s: float


class Estimate(TypedDict):
    """What was expected before, or why nothing was, and what it came to: seconds and bytes."""

    expected: Mapping[str, float | None] | None
    skipped: str
    actual: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Record:
    """A finished run.

    ``chains`` are those of the channels by their numbers, where they are not all the same;
    ``chain`` is that of the first. ``mask_of`` says what the mask marks, where a step makes one;
    ``masked_share`` is the share of slices with anything masked, ``envelope`` what the
    chosen values were for. ``files`` has the hash of every other part of the result, ``hash`` that
    of the rest of the record.
    """

    name: str
    protocol: ProtocolRecord
    input: InputRecord
    output: OutputRecord
    chain: tuple[StepRecord, ...]
    chains: Mapping[str, tuple[StepRecord, ...]] | None = None
    mask_of: str | None = None
    skipped_steps: tuple[str, ...] = ()
    replaced_chain: bool = False
    searches: tuple[SearchRecord, ...]
    slices: SliceCounts
    masked_share: float | None = None
    truth: TruthRecord | None = None
    envelope: EnvelopeRecord | None = None
    recovery: tuple[RecoveryRecord, ...] = ()
    gates: tuple[GateRecord, ...] = ()
    environment: EnvironmentRecord
    warnings: tuple[str, ...] = ()
    times: Times
    estimate: Estimate
    shards: tuple[Mapping[str, Any], ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    hash: str = ""

    @property
    def failed_gates(self) -> tuple[str, ...]:
        """The gates that the run has not passed, in words."""
        return tuple(gate_text(gate) for gate in self.gates if fails(gate))

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        content: dict[str, Any] = as_json(asdict(self))
        return {"record": FORMAT, "status": "finished", **content}

    @classmethod
    def from_json(cls, content: Any) -> Record:
        """The record that is the content of a file.

        Raises
        ------
        ValueError
            If it is not as a run writes it, with the part that is not.
        """
        return decode(cls, content)


def write_record(folder: Path, record: Record) -> Record:
    """Write the record of a result folder, as it is returned: with a hash of itself."""
    record = replace(record, hash=record_hash(record.to_json()))
    atomic.write_json(folder / names.RECORD, record.to_json())
    return record
