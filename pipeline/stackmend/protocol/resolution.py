"""Lengths of a protocol in pixels of its stack: only the stack knows how large these are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from jsonschema import Draft202012Validator

from stackmend.errors import Problem
from stackmend.protocol.lengths import LENGTH, PixelGrid, has_length, in_pixels, texts
from stackmend.protocol.model import (
    LossEntry,
    OneOf,
    OptimizeEntry,
    Protocol,
    StepEntry,
    Sweep,
    every_step,
)
from stackmend.protocol.semantics import check_values
from stackmend.protocol.text import DataPath


def with_pixels(protocol: Protocol, grid: PixelGrid, label: str) -> tuple[Protocol, list[Problem]]:
    """The protocol with pixels for every length in it, and what speaks against these.

    A length that cannot be taken leaves the default in its place, to look for further problems.
    """
    resolution = _Resolution(protocol, grid, label)
    found = resolution.protocol()
    problems = list(resolution.problems())
    for entry in every_step(found):
        if entry.written and not resolution.faults:
            problems += check_values(found, entry)
    return found, problems


class _Resolution:
    """Puts pixels in the place of lengths, and collects what is wrong with these."""

    def __init__(self, protocol: Protocol, grid: PixelGrid, label: str) -> None:
        self._protocol, self._grid, self._label = protocol, grid, label
        self._measured: list[DataPath] = []
        self.faults: dict[DataPath, str] = {}

    def protocol(self) -> Protocol:
        """The same protocol in pixels."""
        given = self._protocol
        one_of = given.one_of
        if one_of:
            chains = {name: self._chain(chain) for name, chain in one_of.chains.items()}
            one_of = OneOf(one_of.at, chains, one_of.path)
        optimize = tuple(self._entry(entry) for entry in given.optimize)
        return replace(given, chain=self._chain(given.chain), one_of=one_of, optimize=optimize)

    def problems(self) -> Iterator[Problem]:
        """What is wrong with lengths, and a warning where pixels are no squares."""
        text, grid = self._protocol.text, self._grid
        for path, message in self.faults.items():
            yield text.problem(path, message)
        if self._measured and not grid.is_square:
            what = f"pixels of {self._label} are {grid.y:.4g} x {grid.x:.4g} nm (y, x)"
            mean = f"their geometric mean, {grid.nm(LENGTH):.4g} nm"
            message = f"{what}; a length in all directions counts by {mean}"
            yield text.problem(self._measured[0], message, severity="warning")

    def _chain(self, chain: Sequence[StepEntry]) -> tuple[StepEntry, ...]:
        return tuple(self._step(entry) for entry in chain)

    def _step(self, entry: StepEntry) -> StepEntry:
        declared = entry.step.schema.get("properties", {})
        values, written = self._values(entry.parameters, declared, entry.path)
        return replace(entry, parameters=values, written=written) if written else entry

    def _entry(self, entry: OptimizeEntry) -> OptimizeEntry:
        loss = self._loss(entry.loss, (*entry.path, "loss"))
        also = entry.also and self._loss(entry.also, (*entry.path, "also"))
        return replace(entry, loss=loss, also=also, instead=self._chain(entry.instead))

    def _loss(self, entry: LossEntry, path: DataPath) -> LossEntry:
        declared = entry.loss.schema.get("properties", {})
        return LossEntry(entry.name, self._values(entry.parameters, declared, path)[0])

    def _values(
        self, given: Mapping[str, Any], declared: Mapping[str, Any], path: DataPath
    ) -> tuple[dict[str, Any], dict[str, dict[Any, str]]]:
        """All values in pixels, and what was written for those that were lengths."""
        values, written = dict(given), dict[str, dict[Any, str]]()
        for name, value in given.items():
            several = value.values if isinstance(value, Sweep) else (value,)
            if not has_length(several):
                continue
            found = []
            for at, each in enumerate(several):
                place: DataPath = (*path, name)
                if isinstance(value, Sweep):
                    place = (*place, "sweep") if value.from_range else (*place, "sweep", at)
                found.append(self._value(each, declared[name], place))
            values[name] = found[0]
            if isinstance(value, Sweep):
                values[name] = replace(value, values=tuple(found))
            written[name] = {}
            for pixels, each in zip(found, several, strict=True):
                if has_length(each):
                    written[name][_key(pixels)] = _text(each)
        return values, written

    def _value(self, value: Any, declared: Mapping[str, Any], path: DataPath) -> Any:
        if not has_length(value):
            return value
        try:
            pixels = in_pixels(value, declared, self._grid)
        except ValueError:
            if not self.faults:  # once is enough
                what = f"{_text(value)} needs the size of a pixel, {self._grid.why}"
                self.faults[path] = f"{what}; give it as input.pixel_size, in nm, or write px"
            return declared["default"]
        if not Draft202012Validator(declared).is_valid(pixels):
            what = f"{_text(value)} is {_shown(pixels)} px in {self._label}"
            rule = declared.get("errorMessage", "must be a value that the step allows")
            self.faults[path] = f"{what}, but it {rule}"
            return declared["default"]
        self._measured.append(path)
        return pixels


def _text(value: Any) -> str:
    return ", ".join(texts(value))


def _key(pixels: Any) -> Any:
    return tuple(pixels) if isinstance(pixels, list) else pixels


def _shown(pixels: Any) -> str:
    several = pixels if isinstance(pixels, list) else [pixels]
    return ", ".join(f"{each:.4g}" for each in several)
