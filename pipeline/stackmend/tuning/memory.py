"""Results that are remembered by their content, within a bound of bytes."""

from __future__ import annotations

import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any

from stackmend.workers.memory import size_of

LIMIT = 2**30
"""Bytes that are kept where nothing else is said."""

_NOTHING = object()


class Memory:
    """What was computed, by a key that says all that decides about it; the oldest goes first.

    Any number of threads may ask; what one of them is computing, the others wait for.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.size = 0
        self._values: OrderedDict[str, tuple[Any, int]] = OrderedDict()
        self._named: dict[int, Any] = {}
        self._busy: dict[str, Lock] = {}
        self._lock = Lock()

    def made(self, key: str, make: Callable[[], Any]) -> Any:
        """What is remembered under a key, else what is made now."""
        with self._alone(key):
            value = self.get(key, _NOTHING)
            if value is _NOTHING:
                value = make()
                self.put(key, value)
        return value

    def get(self, key: str, default: Any = None) -> Any:
        """What is remembered under a key."""
        with self._lock:
            if key not in self._values:
                return default
            self._values.move_to_end(key)
            return self._values[key][0]

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def put(self, key: str, value: Any) -> None:
        """Remember a value, and forget others until all are within the bound."""
        size = size_of(value)
        with self._lock:
            if key in self._values or size > self.limit:
                return
            self._values[key] = value, size
            self.size += size
            while self.size > self.limit:
                _, (_, freed) = self._values.popitem(last=False)
                self.size -= freed

    def keep(self, keys: Sequence[str]) -> None:
        """Count what is remembered under these keys as asked for, the last of them the latest."""
        with self._lock:
            for key in keys:
                if key in self._values:
                    self._values.move_to_end(key)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()
            self._named.clear()
            self.size = 0

    def name_of(self, thing: Any) -> str:
        """A name for a function or a reader, which no other thing has as long as this is kept."""
        with self._lock:
            return str(id(self._named.setdefault(id(thing), thing)))

    def key_of(self, function: Callable[..., Any], values: Any, *inputs: str) -> str:
        """The key of what a function makes with some values of what other keys stand for."""
        found = hashlib.blake2b(pickle.dumps(values, protocol=5), digest_size=20)
        found.update(" ".join((self.name_of(function), *inputs)).encode())
        return found.hexdigest()

    @contextmanager
    def _alone(self, key: str) -> Iterator[None]:
        """Until then, who asks for the same key waits."""
        with self._lock:
            busy = self._busy.setdefault(key, Lock())
        try:
            with busy:
                yield
        finally:
            with self._lock:
                self._busy.pop(key, None)
