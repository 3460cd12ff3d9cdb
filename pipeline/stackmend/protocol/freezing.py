"""A protocol with values in the place of its sweeps, and what is said of where they come from."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stackmend import registry
from stackmend.errors import UsageError
from stackmend.protocol.editing import note, put, remove, value_at
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.sections import above, commented_out, with_alternative, without_alternatives
from stackmend.protocol.text import DataPath, parse, spell
from stackmend.protocol.variants import of_other_variants
from stackmend.words import counted, few

NOT_SEARCHED = "Not searched any more, as every value is given; this was the search:"
"""Stands above the section ``optimize`` of a frozen protocol."""

LOOKED_AT = "Nothing is searched, as every value is given; steps look at these slices first:"
"""The same where the section is needed."""


@dataclass(frozen=True)
class Origin:
    """A value that a search has chosen: on which slices, by which loss, of how many."""

    value: Any
    slices: Sequence[int]
    loss: str
    loss_of_choice: float | None
    combinations: int

    @property
    def words(self) -> str:
        """What is said of it in a comment."""
        where = "slice" if len(self.slices) == 1 else "slices"
        loss = "" if self.loss_of_choice is None else f" {self.loss_of_choice:.4g}"
        chosen = f"chosen on {where} {few(self.slices)} by {self.loss}{loss}"
        return f"{chosen}, of {counted(self.combinations, 'combination')}"


def frozen(
    text: str,
    values: Mapping[str, Any],
    *,
    alternative: str | None,
    origins: Mapping[str, Origin] | None = None,
    left_out: Collection[str] = (),
) -> str:
    """The text with values in the place of sweeps; comments and layout stay.

    Parameters
    ----------
    text
        A sound protocol.
    values
        Of every swept parameter of the chain that is left, by full name.
    alternative
        Which of the chains under ``one_of`` is taken; ``None`` for none.
    origins
        Where values come from, by full name; said beside those that are still the same.
    left_out
        Steps, by id, that are taken out.

    Raises
    ------
    UsageError
        If a value is missing, or no step is left.
    """
    text = with_values(text, values, alternative, origins or {}, left_out)
    if any(ONE_OF in item for item in parse(text).data["chain"]):
        text = with_alternative(text, alternative) if alternative else without_alternatives(text)
    for id in left_out:
        text = _without_step(text, id)
    if not parse(text).data["chain"]:
        what = "no step is left, so that there is nothing to write"
        raise UsageError(f"chain: {what}; the stack is left as it is")
    return _without_unmeasured(_without_search(text))


def with_values(
    text: str,
    values: Mapping[str, Any],
    alternative: str | None,
    origins: Mapping[str, Origin],
    left_out: Collection[str],
) -> str:
    """The text with a value for each sweep of the chain that is taken."""
    for path, name in list(_swept(parse(text).data, alternative)):
        if name.rpartition(".")[0] in left_out:
            continue
        if name not in values:
            raise UsageError(f"{spell(path)}: there is no value for it; give one")
        text = put(text, path, values[name])
        origin = origins.get(name)
        if origin is not None and origin.value == values[name]:
            text = note(text, path, origin.words)
    return _without_other_variants(text, alternative)


def _without_other_variants(text: str, alternative: str | None) -> str:
    """The text without parameters that belong to methods which have not been chosen."""
    for path, item in list(_steps(parse(text).data, alternative)):
        for name, _ in of_other_variants(registry.steps().get(item["step"]), item):
            text = remove(text, (*path, name))
    return text


def _swept(data: Mapping[str, Any], alternative: str | None) -> Iterator[tuple[DataPath, str]]:
    """The swept parameters, the last of a chain first, so that notes above lines stay in order."""
    for path, item in _steps(data, alternative):
        for name, value in reversed(list(item.items())):
            if isinstance(value, dict) and "sweep" in value:
                yield (*path, name), f"{item.get('id', item['step'])}.{name}"


def _steps(
    data: Mapping[str, Any], alternative: str | None
) -> Iterator[tuple[DataPath, Mapping[str, Any]]]:
    for index, item in enumerate(data["chain"]):
        if ONE_OF not in item:
            yield ("chain", index), item
        elif alternative:
            path: DataPath = ("chain", index, ONE_OF, alternative)
            for place, each in enumerate(value_at(data, path)):
                yield (*path, place), each


def _without_step(text: str, id: str) -> str:
    for path, item in _steps(parse(text).data, None):
        if str(item.get("id", item["step"])) == id:
            return remove(text, path)
    return text


def _without_search(text: str) -> str:
    """The text in which nothing is searched.

    Where a step looks at the slices of ``optimize`` before the first one is restored, the section
    stays for these, without the names of steps that may be gone; of several entries, one has them.
    """
    data = parse(text).data
    if "optimize" not in data:
        return text
    steps = [registry.of_entry(item) for item in data["chain"]]
    if not any(step.survey and step.survey.slices for step in steps):
        return commented_out(text, "optimize", NOT_SEARCHED)
    entries = optimize_entries(data)
    if len(entries) > 1:
        text = commented_out(text, "optimize", NOT_SEARCHED)
        text = put(text, ("optimize",), {"slices": _all_slices(entries)})
        return above(text, "optimize", LOOKED_AT)
    for path, entry in entries:
        if "steps" in entry:
            text = remove(text, (*path, "steps"))
    return above(text, "optimize", LOOKED_AT)


def _all_slices(entries: Sequence[tuple[DataPath, Mapping[str, Any]]]) -> Any:
    """The slices of several entries as those of one."""
    given = [entry["slices"] for _, entry in entries]
    if all(each == given[0] for each in given):
        return given[0]
    listed = [each if isinstance(each, list) else [each] for each in given]
    found = dict.fromkeys(number for each in listed for number in each)
    if any(isinstance(each, str) for each in given):
        said = few(map(str, given))
        what = f"the slices of the entries ({said}) cannot be put together"
        raise UsageError(f"optimize: {what}; give them as lists of numbers, and run again")
    numbers = sorted(each for each in found if not isinstance(each, str))
    return [*numbers, *(each for each in found if isinstance(each, str))]


def _without_unmeasured(text: str) -> str:
    """The text without masks that no step makes any more, and without limits on such and on losses.

    ``check`` would refuse them.
    """
    data = parse(text).data
    steps = [registry.steps().get(item["step"]) for item in data["chain"]]
    unused: list[DataPath] = []
    if not any(stage.mask_of for step in steps for stage in step.stages):
        unused += [("output", "masks"), ("gates", "masked_fraction"), ("gates", "masked_slices")]
    if not any("validate" in entry for _, entry in optimize_entries(data)):
        unused.append(("gates", "held_out_gap"))
    for section, key in unused:
        there = data.get(section)
        if isinstance(there, dict) and key in there:
            del there[key]
            text = remove(text, (section, key) if there else (section,))
    return text
