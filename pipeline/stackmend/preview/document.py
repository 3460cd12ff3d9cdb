"""A protocol that is being edited: its text, the values on the screen, and its history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stackmend import resources
from stackmend.errors import UsageError
from stackmend.protocol.editing import BOM, insert, put, remove, value_at
from stackmend.protocol.effective import with_given
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.text import DataPath, parse

MOST_STATES = 1000
"""Documents that can be undone; the earliest are forgotten."""

_SEARCH = resources.schema("skeleton")["definitions"]["optimize"]["properties"]
_NAMED = {name: _SEARCH[name].get("default") for name in ("loss", "also", "strategy")}
"""What is given by name, or as a mapping of its name and its options, with its default."""


@dataclass(frozen=True)
class Document:
    """The text of a protocol and what is on the screen beside it; every edit gives another one.

    ``base`` is where relative paths in it start, ``name`` its file's. ``values`` are current values
    of swept parameters by full name (``"find_charging.gf1_sigma"``), ``alternative`` is the one of
    several chains that is looked at.
    """

    text: str
    base: Path
    name: str = "protocol.yaml"
    values: Mapping[str, Any] = field(default_factory=dict)
    alternative: str = ""

    @classmethod
    def opened(
        cls,
        source: str,
        *,
        base: Path,
        name: str,
        input: Path | None = None,
        output: Path | None = None,
        set: Mapping[str, str] | None = None,
    ) -> Document:
        """The document of a text, with what the command line gives written into it.

        Raises
        ------
        UsageError
            If that has no place in the text.
        """
        text = source.removeprefix(BOM)
        text = with_given(text, base=base, input=input, output=output, set=set)
        return cls(text, base.resolve(), name)

    @property
    def data(self) -> Any:
        """The plain data of the text, as far as it can be read."""
        return parse(self.text).data

    def with_text(self, text: str) -> Document:
        """With another text."""
        return replace(self, text=text.removeprefix(BOM))

    def with_value(self, path: DataPath, value: Any) -> Document:
        """With a value at a path; it takes the place of a sweep.

        Raises
        ------
        UsageError
            If there is no such place, or the text cannot be changed there.
        """
        path = as_data_path(path)
        values = {**self.values}
        values.pop(full_name(self.data, path), None)
        path, value = self._with_name(path, value)
        return replace(self, text=put(self.text, path, value), values=values)

    def _with_name(self, path: DataPath, value: Any) -> tuple[DataPath, Any]:
        """An option of a loss or strategy that is given by name alone needs a mapping for both."""
        if path[:1] != ("optimize",) or len(path) < 3 or path[-2] not in _NAMED:
            return path, value
        entry = value_at(self.data, path[:-2])
        given = entry.get(path[-2]) if isinstance(entry, dict) else None
        name = given or _NAMED[str(path[-2])]
        return (
            (path[:-1], {"name": name, path[-1]: value}) if isinstance(name, str) else (path, value)
        )

    def with_current(self, name: str, value: Any) -> Document:
        """With another value of a swept parameter on the screen; the text stays."""
        return replace(self, values={**self.values, name: value})

    def with_sweep(self, path: DataPath, sweep: Any) -> Document:
        """With a list of values to be searched, or ``{from, to, count}``; the picture stays.

        Raises
        ------
        UsageError
            As for ``with_value``.
        """
        path = as_data_path(path)
        data, values = self.data, {**self.values}
        name = full_name(data, path)
        try:
            before = value_at(data, path)
        except UsageError:
            before = None
        if name and before is not None and not isinstance(before, dict):
            values[name] = before
        text = put(self.text, path, {"sweep": sweep})
        return replace(self, text=text, values=values)

    def with_step(self, path: DataPath, step: Mapping[str, Any]) -> Document:
        """With a further step (or another entry of a list) before the one at a path.

        Raises
        ------
        UsageError
            As for ``with_value``.
        """
        path = as_data_path(path)
        return replace(self, text=insert(self.text, path, dict(step)))

    def without(self, path: DataPath) -> Document:
        """Without what stands at a path: a parameter then has its default.

        Raises
        ------
        UsageError
            As for ``with_value``.
        """
        path = as_data_path(path)
        values = {**self.values}
        values.pop(full_name(self.data, path), None)
        return replace(self, text=remove(self.text, path), values=values)

    def with_search(self, entry: int, changes: Mapping[str, Any] | None) -> Document:
        """With other keys of an entry of ``optimize``, such as slices, validate, clean or region.

        Parameters
        ----------
        entry
            Its number, from 0; the one behind the last is a new one.
        changes
            Values by key; ``None`` takes a key away, and in place of all of them the entry.

        Raises
        ------
        UsageError
            If there is no such entry, or the text cannot be changed there.
        """
        found = self.data.get("optimize") if isinstance(self.data, dict) else None
        count = len(found) if isinstance(found, list) else int(found is not None)
        path: DataPath = ("optimize", entry) if isinstance(found, list) else ("optimize",)
        if not 0 <= entry <= count or (entry == count and isinstance(found, dict)):
            raise UsageError(
                f"optimize: there are {count} entries, got {entry}; choose one of them"
            )
        if changes is None:
            return replace(self, text=remove(self.text, path)) if entry < count else self
        text = self.text
        if entry == count:
            given = {key: value for key, value in changes.items() if value is not None}
            return replace(self, text=put(text, path, given))
        known = value_at(self.data, path)
        for key, value in changes.items():
            if value is not None:
                text = put(text, (*path, key), value)
            elif isinstance(known, dict) and key in known:
                text = remove(text, (*path, key))
        return replace(self, text=text)

    def with_alternative(self, name: str) -> Document:
        """Looking at another one of several chains.

        Raises
        ------
        UsageError
            If there is none of this name.
        """
        known = alternatives(self.data)
        if name not in known:
            what = f"there are {', '.join(known)}" if known else "there is only one chain"
            raise UsageError(f"{ONE_OF}: {what}, got {name}; choose one of them")
        return replace(self, alternative=name)


def as_data_path(parts: Sequence[Any]) -> DataPath:
    """A path of keys and positions.

    Raises
    ------
    UsageError
        If it is none.
    """
    for part in parts:
        position = isinstance(part, int) and not isinstance(part, bool) and part >= 0
        if not (position or isinstance(part, str)):
            raise UsageError(f"path: consists of keys and positions, got {part!r}; correct it")
    return tuple(parts)


def alternatives(data: Any) -> list[str]:
    """The names of the chains of which one is taken."""
    for item in _chain(data, ("chain",)):
        several = item.get(ONE_OF) if isinstance(item, dict) else None
        if isinstance(several, dict):
            return list(several)
    return []


def full_name(data: Any, path: DataPath) -> str:
    """The full name of the parameter at a path of a chain, or nothing."""
    entry, name = tuple(path[:-1]), path[-1] if path else ""
    if not entry or not isinstance(entry[-1], int) or not isinstance(name, str):
        return ""
    items = _chain(data, entry[:-1])
    item = items[entry[-1]] if 0 <= entry[-1] < len(items) else None
    if not isinstance(item, dict) or "step" not in item:
        return ""
    return f"{item.get('id', item['step'])}.{name}"


def _chain(data: Any, path: DataPath) -> list[Any]:
    try:
        found = value_at(data, path)
    except UsageError:
        return []
    return found if isinstance(found, list) else []


class History:
    """Documents one after the other: what was done can be undone, and two can be kept aside."""

    def __init__(self, document: Document) -> None:
        self.now = document
        self.slots: dict[str, Document] = {}
        self._past: list[Document] = []
        self._future: list[Document] = []
        self._gesture = ""

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier document."""
        return bool(self._past)

    @property
    def can_redo(self) -> bool:
        """Whether something was undone."""
        return bool(self._future)

    def do(self, document: Document, gesture: str = "") -> Document:
        """Go on to another document; what is done in one gesture is undone at once."""
        if document != self.now:
            if not gesture or gesture != self._gesture:
                self._past.append(self.now)
                del self._past[:-MOST_STATES]
            self._future.clear()
            self.now, self._gesture = document, gesture
        return self.now

    def undo(self) -> Document:
        """Go back to the document before, if there is one."""
        return self._moved(self._past, self._future)

    def redo(self) -> Document:
        """Do again what was undone, if anything was."""
        return self._moved(self._future, self._past)

    def keep(self, slot: str) -> None:
        """Keep the document of now aside under a name, such as A or B."""
        self.slots[slot] = self.now

    def take(self, slot: str) -> Document:
        """Go to a document that was kept aside; that can be undone.

        Raises
        ------
        UsageError
            If none was.
        """
        if slot not in self.slots:
            raise UsageError(f"{slot}: nothing is kept there; keep a state first")
        return self.do(self.slots[slot])

    def _moved(self, source: list[Document], target: list[Document]) -> Document:
        self._gesture = ""
        if source:
            target.append(self.now)
            self.now = source.pop()
        return self.now
