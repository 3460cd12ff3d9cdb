"""What the charging models find in some slices, with their defaults, as a run would find it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend import registry
from stackmend.chain import Bound, compile_chain
from stackmend.errors import BadSlice
from stackmend.registry import IMAGE, Unsettled
from stackmend.stacks import Reader
from stackmend.words import percent

CHARGED = 0.0005  # share of a slice under the mask from which it counts as charged
MOST = 0.4  # share of the charged slices above which a run would leave them as they are
FEW, LEAST = 3, 0.03  # below so many slices, structure of up to this share is taken for charge
SMALLEST_SIDE = 256  # px: less tissue is too little to learn from
LARGEST = 1448  # px a side of the middle in which the learnt model looks: 2 megapixels
MASK = "charging_mask"
EVIDENCE = "streak_evidence"


@dataclass(frozen=True)
class Finding:
    """What one model finds of one polarity.

    ``shares`` has the share of each slice under the mask, ``evidence`` what speaks for charge there
    where the model measures that; ``trouble`` says why the model cannot be used, if it cannot.
    """

    model: str
    inverse: bool
    shares: Mapping[int, float] = field(default_factory=dict)
    evidence: Mapping[int, float] = field(default_factory=dict)
    trouble: str | None = None

    @property
    def charged(self) -> tuple[int, ...]:
        """The slices in which charge is found, the most charged ones first."""
        found = [number for number, share in self.shares.items() if share >= CHARGED]
        return tuple(sorted(found, key=lambda number: (-self.shares[number], number)))

    @property
    def share(self) -> float:
        """The mean share of the charged slices; 0 where there is none."""
        return float(np.mean([self.shares[each] for each in self.charged] or [0.0]))

    @property
    def weight(self) -> float:
        """What speaks for charge in all slices: where nothing is measured, how much is found."""
        values = self.evidence or self.shares
        return sum(values[each] for each in self.charged)


def streaks_found(
    reader: Reader, numbers: Sequence[int], unit: float | None, bar: int
) -> tuple[Finding, Finding]:
    """What find_streaks finds, dark and bright, above a data bar of so many rows."""
    findings = []
    for inverse in (True, False):
        graph = compile_chain([_bound("find_streaks", inverse=inverse, unit=unit)])
        shares, evidence = {}, {}
        for number in numbers:
            made = graph.evaluate({IMAGE: _image(reader, number, bar)}, [MASK, EVIDENCE])
            shares[number] = float(made[MASK].mean())
            evidence[number] = float(made[EVIDENCE]["evidence"])
        findings.append(Finding("streaks", inverse, shares, evidence))
    return findings[0], findings[1]


def learnt_found(reader: Reader, numbers: Sequence[int], bar: int) -> tuple[Finding, Finding]:
    """What find_learnt_charging finds, dark and bright, above a data bar of so many rows.

    The model is learnt as in a run, but asked slice by slice: differences to neighbours say how
    strong charge is, but beside dark charge they find bright charge in the clean slices, too.
    """
    return _learnt(reader, numbers, bar, True), _learnt(reader, numbers, bar, False)


def _learnt(reader: Reader, numbers: Sequence[int], bar: int, inverse: bool) -> Finding:
    if min(reader.shape[1] - bar, reader.shape[2]) < SMALLEST_SIDE:
        return Finding("learnt", inverse, trouble="the slices are too small to learn from")
    learning = _bound("learn_charging", inverse=inverse, neighbours=0)
    try:
        model = _model(reader, bar, learning)
    except Unsettled as error:
        return Finding("learnt", inverse, trouble=str(error))

    name = learning.survey_product
    assert name is not None  # as the step has a survey
    graph = compile_chain([learning, _bound("find_learnt_charging")], given=(IMAGE, name))
    shares = {}
    for number in numbers:
        image = _middle(_image(reader, number, bar))
        shares[number] = float(graph.evaluate({IMAGE: image, name: model}, [MASK])[MASK].mean())
    share = Finding("learnt", inverse, shares).share
    trouble = None
    if share > MOST:
        trouble = f"{percent(share)} of the pixels, more than can be believed"
    elif reader.shape[0] < FEW and 0 < share < LEAST:
        trouble = f"{percent(share)} of the pixels, too little for a stack of so few slices"
    return Finding("learnt", inverse, shares, trouble=trouble)


def _model(reader: Reader, bar: int, learning: Bound) -> Any:
    """What the survey of a run settles, without optimization slices and those that are bad."""
    survey = registry.steps().get(learning.id).survey
    assert survey is not None  # learn_charging has one
    records = {}
    for number in survey.chosen(range(reader.shape[0]), (), learning.parameters):
        try:
            image = _image(reader, number, bar)
        except BadSlice:
            continue
        records[number] = survey.record_of([image], learning.parameters)
    return survey.settled(records, learning.parameters)


def _bound(name: str, **given: Any) -> Bound:
    step = registry.steps().get(name)
    declared = step.schema["properties"].items()
    return Bound(step, name, {key: each.get("default") for key, each in declared} | given)


def _image(reader: Reader, number: int, bar: int) -> NDArray[np.float32]:
    return reader.read(number)[: reader.shape[1] - bar].astype(np.float32)


def _middle(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """The middle of a large slice."""
    if image.size <= LARGEST**2:
        return image
    first = [max(0, (size - LARGEST) // 2) for size in image.shape]
    return image[first[0] : first[0] + LARGEST, first[1] : first[1] + LARGEST]
