"""Addresses of files and folders on the network, as paths."""

from __future__ import annotations

import posixpath
import re
import time
from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from stackmend.elsewhere import Elsewhere, Entry
from stackmend.errors import InputError, NotReached

EXTRA = "pip install 'stackmend[remote]'"

_SCHEMES = re.compile(r"(https?|s3|gs)://", re.IGNORECASE)
_CREDENTIALS = re.compile(r"//[^/@\s]*@")
_MARKS = ("zarr.json", ".zgroup", ".zarray", ".zattrs", "attributes.json")
"""Files by which a folder is known where none can be listed."""

_WAITS = (0.2, 1.0, 3.0)
"""Seconds before the network is asked again."""
_WHOLE = 2**26
"""Bytes of a file that is taken whole where parts of it cannot be had."""

Answer = TypeVar("Answer")


def as_path(text: str | Path) -> Path:
    """A path, or an address."""
    if isinstance(text, Address):
        return text
    return Address(str(text)) if _SCHEMES.match(str(text)) else Path(text).expanduser()


def full_text(path: Path) -> str:
    """A path as text, an address with its credentials, which no one is to read."""
    return path.url if isinstance(path, Address) else str(path)


def without_credentials(text: str) -> str:
    """Text in which no address has a name or a password."""
    return _CREDENTIALS.sub("//", text)


class Address(Elsewhere):
    """The address of a file or folder on the network; as text without credentials."""

    def __str__(self) -> str:
        return without_credentials(self.url)

    __fspath__ = __str__

    @property
    def url(self) -> str:
        """With credentials, if it has any."""
        scheme, *rest = self.parts
        return f"{scheme.casefold()}//{'/'.join(rest)}"

    @property
    def has_credentials(self) -> bool:
        """Whether it has."""
        return str(self) != self.url

    def check(self) -> None:
        """Refuse what cannot be an address of a stack.

        Raises
        ------
        InputError
            If it has more than a host and a path, or a package is missing.
        """
        if "?" in self.url or "#" in self.url:
            what = "has a query, which cannot be told from the name of a file"
            shown = re.sub(r"[?#].*", "?...", str(self))
            raise InputError(f"{shown}: {what}; give an address without, or download the stack")
        self._system()

    def size(self) -> int | None:
        known = self._known()
        page = known is not None and known.get("mimetype") == "text/html"
        if known is None or page:
            if self._is_folder(page=page):
                return None
            raise FileNotFoundError(f"{self} is not there")
        if known["type"] == "directory":
            return None
        if known.get("size") is None:
            raise InputError(f"{self}: the server does not say its size; download it first")
        return int(known["size"])

    def is_file(self, **how: Any) -> bool:
        """Whether it is one; what else it may be is not asked."""
        known = self._known() or {"type": "nothing"}
        return known["type"] == "file" and known.get("mimetype") != "text/html"

    def _known(self) -> dict[str, Any] | None:
        """What is known of the place, if there is anything."""
        system, place = self._system()
        found: dict[str, Any] | None = self._ask(lambda: system.info(place), missing_as_none=True)
        return found

    def _is_folder(self, *, page: bool) -> bool:
        """Whether a place of which the server knows no file is a folder, by what lies in it."""
        if not self.url.startswith("http") or self.name in _MARKS:
            return False
        if page and self.entries():
            return True
        return any((self / mark).is_file() for mark in _MARKS)

    def part(self, first: int, stop: int) -> bytes:
        system, place = self._system()
        found = self._ask(lambda: _part(system, place, first, stop))
        if found is None:
            raise FileNotFoundError(f"{self} is not there")
        return found

    def entries(self) -> list[Entry]:
        system, place = self._system()
        found = self._ask(lambda: system.ls(place, detail=True), missing_as_none=True) or []
        entries = []
        for each in found:
            path = str(each["name"])
            name = posixpath.basename(path.rstrip("/"))
            above = posixpath.dirname(path.rstrip("/")).rstrip("/")
            if name and above.endswith(place.partition("://")[2].rstrip("/") or place):
                folder = each["type"] == "directory" or path.endswith("/")
                entries.append(Entry(name, folder))
        return entries

    def sizes(self) -> Iterator[tuple[str, int]] | None:
        if self.url.startswith("http"):
            return None
        system, place = self._system()
        found = self._ask(lambda: system.find(place, detail=True)) or {}
        return (
            (posixpath.relpath(name, place), int(each["size"] or 0)) for name, each in found.items()
        )

    def _system(self) -> tuple[Any, str]:
        """What gives the files, and their name there."""
        scheme = self.url.partition(":")[0]
        try:
            return _system(scheme), self.url if scheme.startswith("http") else self.url[5:]
        except ImportError as error:
            what = f"needs one more package ({error.name or error})"
            raise InputError(f"{self}: {what}; run: {EXTRA}") from error

    def _ask(
        self, question: Callable[[], Answer], *, missing_as_none: bool = False
    ) -> Answer | None:
        """The answer of the network, which is asked again some times.

        Raises
        ------
        InputError
            If there is none.
        """
        for wait in (*_WAITS, None):
            try:
                return question()
            except FileNotFoundError as error:
                if missing_as_none:
                    return None
                raise FileNotFoundError(f"{self} is not there") from error
            except InputError:
                raise
            # The packages of each service have errors of their own.
            except Exception as error:
                refused = isinstance(error, PermissionError)
                refused = refused or 400 <= int(getattr(error, "status", None) or 0) < 500
                if wait is None or refused:
                    said = without_credentials(str(error) or type(error).__name__)
                    how = "check who may read it" if refused else "check the address, run again"
                    raise NotReached(f"{self}: cannot be read ({said}); {how}") from error
                time.sleep(wait)
        raise AssertionError("the last wait is none")


@lru_cache(maxsize=8)
def _system(scheme: str) -> Any:
    """The file system of fsspec, without a memory of what was listed before.

    Where nobody has said who they are, S3 is asked as nobody.
    """
    fsspec = import_module("fsspec")
    how: dict[str, Any] = {"use_listings_cache": False, "skip_instance_cache": True}
    if scheme == "s3":
        session = import_module("botocore.session").Session()
        how["anon"] = session.get_credentials() is None
    return fsspec.filesystem(scheme, **how)


def _part(system: Any, place: str, first: int, stop: int) -> bytes:
    """Some bytes of a file, as many as were asked for."""
    content: bytes = system.cat_file(place, start=first, end=stop)
    # Some servers give the whole file, whatever is asked for.
    if len(content) > stop - first:
        if len(content) > _WHOLE:
            name = posixpath.basename(place)
            raise InputError(f"{name}: the server gives no parts of files; download it first")
        content = content[first:stop]
    if len(content) != stop - first:
        raise ConnectionError(f"got {len(content)} of {stop - first} bytes")
    return content
