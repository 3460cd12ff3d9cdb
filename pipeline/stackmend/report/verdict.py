"""The verdict on a run: one sentence, and what speaks for looking again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod

from stackmend.report.landscape import Search
from stackmend.report.trust import Jump, compared
from stackmend.result import Result
from stackmend.result.record import SearchRecord, TruthRecord
from stackmend.words import counted, few, percent

CLIPPED = 1e-4
"""Share of clipped pixels above which the result is in doubt."""

ENOUGH = 0.5
"""Share of a known fault below which what is taken away is in doubt."""


_HARM = "whether tissue was harmed is not known: name clean slices under optimize.clean"

_KEPT_OUT = {"refused", "left_alone"}
"""Status of searches that found something and were kept from touching it."""


@dataclass(frozen=True)
class Verdict:
    """One sentence, what kind of news it is (good, neutral, doubtful, bad), and the reasons."""

    kind: str
    sentence: str
    reasons: tuple[str, ...] = ()


def verdict(source: Result, found: Sequence[Search], odd: Sequence[Jump]) -> Verdict:
    """The outcome of a run, from its facts."""
    if not source.finished:
        return _unfinished(source)
    doubts = tuple(_doubts(source, found, odd))
    kind, sentence = _news(source, found)
    if kind == "good" and doubts:
        count = "one check raised a doubt"
        if len(doubts) > 1:
            count = f"{len(doubts)} checks raised a doubt"
        return Verdict(
            "doubtful", f"{sentence}, but look again before you use it: {count}.", doubts
        )
    if kind == "good":
        return Verdict("good", f"{sentence}, and no check raised a doubt.")
    if kind == "unmeasured":
        kind = "doubtful" if doubts else "neutral"
    return Verdict(kind, sentence, doubts)


def _news(source: Result, found: Sequence[Search]) -> tuple[str, str]:
    """What became of the stack: the kind of news and a sentence; of good news without its end."""
    truth = source.record.truth
    if source.record.failed_gates:
        return "bad", f"The result was rejected: {'; '.join(source.record.failed_gates)}."
    changed = any((row.changed_fraction or 0) > 0 for row in source.slices)
    if truth and truth["rmse_after"] > truth["rmse_before"]:
        rose = f"its error against the known truth rose from {_levels(truth)}"
        return "bad", f"The stack got worse: {rose}."
    statuses = {search.status for search in source.searches}
    several = [search for search in source.searches if search.one_of]
    if several and "chosen" not in statuses and statuses != {"nothing_found"}:
        said = "; ".join(f"{search.one_of}: {search.reason}" for search in several)
        return "neutral", f"None of the chains to choose from was applied ({said})."
    if statuses & _KEPT_OUT and "chosen" not in statuses:
        reason = next(each.reason for each in source.searches if each.status in _KEPT_OUT)
        return "neutral", f"{_capital(reason)}."
    if "nothing_found" in statuses and "chosen" not in statuses:
        return _nothing_found(source, changed)
    if not changed:
        return "neutral", "Nothing was changed: every slice came out as it went in."
    if truth:
        fell = f"its error against the known truth fell from {_levels(truth)}"
        return "good", f"The stack was improved: {fell}"
    return _by_loss(source, found)


def _by_loss(source: Result, found: Sequence[Search]) -> tuple[str, str]:
    """The news where only losses can tell: of each search; of chains to choose from, the last."""
    pairs = [(search, pair) for search in found if (pair := _loss_pair(search, source))]
    if len(pairs) > 1 and not any(search.record and search.record.one_of for search, _ in pairs):
        return _by_losses(source, pairs)
    for search, (before, after) in reversed(pairs):
        if after >= before:
            values = f"the loss was {before:.3f} before and is {after:.3f} after the correction"
            return "bad", f"No improvement: {values}."
        return _reduced(source, search, f"the loss fell from {before:.3f} to {after:.3f}")
    given = "The steps were applied with the parameters given"
    if known := [tested for tested in source.record.recovery if (tested.taken or 0) > 0]:
        return "good", f"{given}: {'; '.join(tested.share for tested in known)}"
    return "unmeasured", f"{given}; no loss was measured, so look at the pictures."


def _by_losses(
    source: Result, pairs: Sequence[tuple[Search, tuple[float, float]]]
) -> tuple[str, str]:
    """The news of several searches, each by its own loss."""
    fell, rose, sure = list[str](), list[str](), True
    for search, (before, after) in pairs:
        record = search.record
        of = record.finds or ", ".join(record.steps) if record else "the loss"
        said = f"{of} from {before:.3g} to {after:.3g}"
        (rose if after >= before else fell).append(said)
        sure = sure and bool(record and (record.clean or _tested(source, record)))
    if rose:
        return "bad", f"Not every step improved the slices by its loss: {', '.join(rose)}."
    said = f"Every step that was searched lowered its loss ({', '.join(fell)})"
    if sure:
        return "good", said
    harm = "whether tissue was harmed is not known: look at what each step took away"
    return "unmeasured", f"{said}; {harm}."


def _tested(source: Result, record: SearchRecord) -> bool:
    """Whether it is known what the steps of a search make of a known fault."""
    tested = [each for each in source.record.recovery if each.step in record.steps]
    return any(each.channel == record.channel and (each.taken or 0) > 0 for each in tested)


def _reduced(source: Result, search: Search, fell: str) -> tuple[str, str]:
    """The news where the loss fell: good only where there is evidence that no harm was done."""
    record = search.record
    if record is None:
        return "unmeasured", f"{_capital(fell)}; {_HARM}."
    tested = [each for each in source.record.recovery if each.channel == record.channel]
    known = [each for each in tested if (each.taken or 0) > 0]
    if record.finds and not known:
        words = [each.words for each in tested] or [f"how much {record.finds} is left is not known"]
        unknown = words if record.clean else [*words, _HARM]
        return "unmeasured", f"{_capital(fell)}; {'; '.join(unknown)}."
    if not record.clean and not known:
        return "unmeasured", f"{_capital(fell)}; {_HARM}."
    what = "The stack was improved"
    if record.finds:
        what = f"{_capital(record.finds)} was found and reduced"
    evidence = [fell, *(each.share for each in known)]
    if record.clean:
        most = percent(max(record.clean.values()))
        by = f" by {', '.join(record.steps)}" if any(each.steps for each in tested) else ""
        evidence.append(f"at most {most} of the pixels of clean slices are changed{by}")
    return "good", f"{what}: {'; '.join(evidence)}"


def _levels(truth: TruthRecord) -> str:
    return f"{truth['rmse_before']:.3g} to {truth['rmse_after']:.3g} grey levels"


def _unfinished(source: Result) -> Verdict:
    progress = source.progress
    done = "no slice is restored yet"
    if progress.wanted is not None:
        done = f"{len(source.slices)} of {progress.wanted} slices are restored"
    sentence = f"This run is not finished: {done}."
    if progress.error == "KeyboardInterrupt":
        sentence += " It was interrupted."
    elif progress.error:
        sentence += f" It stopped with {progress.error}: {progress.message}"
    again = "Run the same command again: it goes on where it stopped."
    return Verdict("doubtful", sentence, (again,))


def _nothing_found(source: Result, changed: bool) -> tuple[str, str]:
    finds = next((search.finds for search in source.searches if search.finds), "")
    found = f"No {finds} was found" if finds else "Nothing was found"
    if source.record.replaced_chain:
        instead = "the chain that the protocol gives for this case was applied instead"
        return "doubtful", f"{found}; {instead}."
    if changed:
        others = "the steps against it were left out, only the other steps were applied"
        return "neutral", f"{found}; {others}."
    return "neutral", f"{found}, and the stack is as it was."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _loss_pair(search: Search, source: Result) -> tuple[float, float] | None:
    """The mean loss of the optimization slices before and after, of those that have both."""
    before, after = [], []
    for each in compared(search, source):
        if each.role == "optimization" and each.before is not None and each.after is not None:
            before.append(each.before)
            after.append(each.after)
    if not before:
        return None
    return sum(before) / len(before), sum(after) / len(after)


def _doubts(source: Result, found: Sequence[Search], odd: Sequence[Jump]) -> Iterator[str]:
    """What speaks for looking again, each in a sentence."""
    for search in found:
        yield from _doubts_about_choice(search, source)
    if any(search.status == "chosen" for search in source.searches):
        kept_out = [
            each for each in source.searches if each.status in _KEPT_OUT and not each.one_of
        ]
        for each in kept_out:
            yield f"{_capital(each.reason)} of {', '.join(each.steps)}."
    slices = sorted({jump.slice for jump in odd})
    if slices:
        verb = "slice does" if len(slices) == 1 else "slices do"
        yield f"{len(slices)} {verb} not fit to the neighbours ({few(slices, 5)})."
    for tested in source.record.recovery:
        if tested.taken is not None and tested.taken < ENOUGH:
            yield f"Less than half of a known {tested.of} is taken away ({tested.step})."
    yield from _doubts_about_polarity(source)
    output = source.record.output
    pixels = prod(output.shape)
    if output.clipped > CLIPPED * pixels:
        share = f"{output.clipped} pixels ({output.clipped / pixels:.2%})"
        yield f"{share} were clipped to the range of the output type."
    bad = [row.slice for row in source.slices if row.status.unusable]
    if bad:
        yield f"{counted(len(bad), 'slice')} could not be used ({few(bad, 5)})."


def _doubts_about_polarity(source: Result) -> Iterator[str]:
    """Dark faults must become brighter, and bright ones darker, by the steps against them."""
    record = source.record
    if any(tested.steps for tested in record.recovery):  # others change what is masked, too
        return
    meant = {step.polarity for step in record.chain if step.polarity}
    if len(meant) != 1 or record.chains is not None:
        return
    sign, became = (1, "darker") if "dark" in meant else (-1, "brighter")
    wrong = [row.slice for row in source.slices if (row.masked_change or 0) * sign < 0]
    if wrong:
        found = f"{_capital(meant.pop() or '')} {record.mask_of or 'faults'}"
        where = f"{counted(len(wrong), 'slice')} ({few(wrong, 5)})"
        yield f"{found} was looked for, but under the mask {where} became {became} on average."


def _doubts_about_choice(search: Search, source: Result) -> Iterator[str]:
    for each in compared(search, source):
        if each.role != "held out" or each.before is None or each.after is None:
            continue
        if each.after >= each.before:
            what = f"On held-out slice {each.slice} the correction did not lower the loss"
            yield f"{what} ({each.before:.3f} before, {each.after:.3f} after)."
    if search.record and search.record.also and search.record.also["disagrees"]:
        pair = f"{search.record.loss} and {search.record.also['loss']}"
        yield f"{pair} disagree: the second one finds other values, or none, clearly better."
    edge = list(search.record.on_edge) if search.record else []
    if edge:
        where = f"on the edge of its range for {few(edge)}"
        yield f"The choice lies {where}: better values may lie beyond."
