"""What is said of the slices of a stack that was looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose

from stackmend.errors import InputError
from stackmend.result.rows import SliceRow
from stackmend.stacks import Reader, open_stack
from stackmend.verification.files import Change, Fate
from stackmend.verification.findings import Finding, Kind
from stackmend.verification.mixed import mixed_up
from stackmend.verification.pixels import Seen, difference_text, named
from stackmend.verification.recorded import Key, Recorded
from stackmend.verification.stack import Stack

Allowed = Callable[[Seen], float | None]
"""Grey levels by which a slice may differ; ``None`` for none at all."""


@dataclass(frozen=True)
class Judged:
    """Slices that were looked at, held against what is known of them and of their files."""

    known: Recorded
    stack: Stack
    seen: Mapping[Key, Seen]
    changes: Mapping[str, Change]
    allowed: Allowed

    def findings(self) -> Iterator[Finding]:
        """What is the matter with slices, those that are mixed up first."""
        recorded = {key: self._row(key).output_hash for key in self.seen}
        told: set[Key] = set()
        for mixed in mixed_up(recorded, {key: each.hash for key, each in self.seen.items()}):
            told |= {mixed.key, mixed.other} if mixed.swapped else {mixed.key}
            other = f"{named(self._row(mixed.other), self.known)} ({self.path(mixed.other)})"
            what = f"is swapped with {other}" if mixed.swapped else f"has the pixels of {other}"
            yield self._finding(mixed.key, what)
        for key, each in self.seen.items():
            if key not in told and each.hash != recorded[key]:
                yield self._of_pixels(key, each)
        yield from self._of_containers()

    def path(self, key: Key) -> str:
        """The file of a slice, as it is called in findings."""
        return self.stack.path_of(key)

    @property
    def explained(self) -> set[str]:
        """The changes of files of which the findings say what they mean."""
        paths = {self.path(key) for key in self.seen}
        return {path for path in self.changes if path in paths or self._is_whole(path)}

    def _is_whole(self, path: str) -> bool:
        """Whether an edit is known of the stack as a whole only."""
        whole = path == self.stack.writer.path.name
        return whole and self.changes[path].fate is Fate.EDITED

    def _row(self, key: Key) -> SliceRow:
        return self.known.by_key[key]

    def _finding(self, key: Key, what: str, kind: Kind = Kind.DIFFERENT) -> Finding:
        text = f"{named(self._row(key), self.known)} {what}"
        return Finding(self.path(key), text, kind, *key)

    def _of_pixels(self, key: Key, seen: Seen) -> Finding:
        change = self.changes.get(self.path(key))
        if change and change.fate is Fate.GONE and not seen.hash:
            return self._finding(key, str(change))
        allowed, kind = self.allowed(seen), Kind.DIFFERENT
        if allowed is not None and seen.difference is not None and seen.difference <= allowed:
            kind = Kind.EQUIVALENT
        text = f"{named(self._row(key), self.known)} {difference_text(seen, self.known)}"
        return Finding(
            self.path(key), text, kind, *key, difference=seen.difference, exact=seen.exact
        )

    def _of_containers(self) -> Iterator[Finding]:
        """Files that have other bytes and the same pixels."""
        same = [key for key, each in self.seen.items() if each.hash == self._row(key).output_hash]
        if any(map(self._is_whole, self.changes)):
            if len(same) == len(self.seen):
                what = "is another file, with the same pixels in every slice"
                yield Finding(self.stack.writer.path.name, what, Kind.SAME_PIXELS)
            yield from self._of_size(same[:1])
            return
        edited = [key for key in same if self.path(key) in self.changes]
        for key in edited:
            yield self._finding(key, "is another file with the same pixels", Kind.SAME_PIXELS)
        yield from self._of_size(edited)

    def _of_size(self, keys: list[Key]) -> Iterator[Finding]:
        """Slices whose file states another pixel size than the record."""
        sizes = self.known.record.input.pixel_size_nm
        for key in keys:
            reader = self._opened(key)
            if reader is None:
                continue
            found = dict(zip("zyx", reader.metadata.pixel_size, strict=True))
            if not all(_close(found[axis], sizes.get(axis)) for axis in "yx"):
                now, then = (f"{each['y']} x {each['x']} nm" for each in (found, sizes))
                yield self._finding(key, f"has a pixel size of {now}, in the record {then}")

    def _opened(self, key: Key) -> Reader | None:
        """What reads the file of a slice, or the stack where slices have no files of their own."""
        whole, file = self.stack.writer.path, self.stack.writer.file_of(*self.stack.places[key])
        try:
            return open_stack(file if file.parent == whole else whole)[0]
        except InputError:
            return None


def _close(found: float | None, recorded: float | None) -> bool:
    """Whether two pixel sizes are the same, as far as a tag can say them."""
    if found is None or recorded is None:
        return found is recorded
    return isclose(found, recorded, rel_tol=1e-3)
