"""Which slices are looked at, and what is made of what is seen there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stackmend.errors import BadSlice
from stackmend.looking.models import Finding, learnt_found, streaks_found
from stackmend.looking.tissue import Tissue, tissue_of
from stackmend.stacks import Reader
from stackmend.words import counted, percent

SAMPLE = 12  # slices, spread evenly over the stack


@dataclass(frozen=True)
class Look:
    """What was seen of a stack, and the finding that decides; ``None`` where nothing is charged.

    ``bad`` has the slices that were passed over, and what is wrong with them.
    """

    reader: Reader
    channels: int
    numbers: tuple[int, ...]
    bad: Mapping[int, str]
    tissue: Tissue
    findings: tuple[Finding, ...]
    chosen: Finding | None

    @property
    def verdict(self) -> str:
        """What was decided, in a sentence without an end."""
        if self.chosen is None:
            seen = counted(len(self.numbers), "slice")
            return f"nothing looks charged ({seen} looked at); the protocol leaves the stack alone"
        return f"{said_of(self.chosen)}; the protocol has the steps for it"

    @property
    def clean(self) -> tuple[int, ...]:
        """The slices on which no model finds anything of either polarity."""
        found = {number for each in self.findings for number in each.charged}
        return tuple(number for number in self.numbers if number not in found)


def look(readers: Sequence[Reader], progress: Callable[[str], None]) -> Look:
    """Look at up to 12 slices of a stack's first channel.

    The learnt model is asked only where no charge lies along the scan line: it takes a few seconds
    a megapixel, and the other is the better one for such charge.

    Raises
    ------
    InputError
        If none of these slices can be used.
    """
    reader = readers[0]
    numbers, bad = usable(reader, sample(reader.shape[0]), progress)
    progress(f"looking at {counted(len(numbers), 'slice')}")
    tissue = tissue_of(reader, numbers)
    unit = None if tissue.unit == 1 else tissue.unit
    findings: tuple[Finding, ...] = streaks_found(reader, numbers, unit, tissue.bar)
    if not any(finding.charged for finding in findings):
        progress("learning what charge would look like")
        findings += learnt_found(reader, numbers, tissue.bar)
    return Look(reader, len(readers), numbers, bad, tissue, findings, choice(findings))


def usable(
    reader: Reader, numbers: Sequence[int], progress: Callable[[str], None]
) -> tuple[tuple[int, ...], dict[int, str]]:
    """The slices that can be used, and what is wrong with the others."""
    bad: dict[int, str] = {}
    for number in numbers:
        try:
            reader.read(number)
        except BadSlice as error:
            if len(bad) + 1 == len(numbers):
                raise
            bad[number] = str(error)
            progress(f"passed over: {error}")
    return tuple(number for number in numbers if number not in bad), bad


def sample(count: int) -> tuple[int, ...]:
    """All slices of a short stack, and 12 of a long one."""
    if count <= SAMPLE:
        return tuple(range(count))
    return tuple(round(place * (count - 1) / (SAMPLE - 1)) for place in range(SAMPLE))


def choice(findings: Sequence[Finding]) -> Finding | None:
    """The first model that finds something, with the polarity for which more speaks.

    The gap between two dark streaks is a bright one, so the larger mask does not tell.
    """
    for model in ("streaks", "learnt"):
        able = [each for each in findings if each.model == model and not each.trouble]
        best = max(able, key=lambda each: each.weight, default=None)
        if best and best.charged:
            return best
    return None


def polarity(finding: Finding) -> str:
    """What the charge is that was looked for."""
    return "dark" if finding.inverse else "bright"


def said_of(finding: Finding) -> str:
    """How much is found, for instance "dark charge on 5 of 12 slices, 7.9 % of their pixels"."""
    kind = f"{polarity(finding)} charge"
    if finding.trouble:
        return f"{kind}: {finding.trouble}"
    seen = counted(len(finding.shares), "slice")
    if not finding.charged:
        return f"{kind} on none of {seen}"
    share = percent(finding.share)
    return f"{kind} on {len(finding.charged)} of {seen}, {share} of the pixels there"
