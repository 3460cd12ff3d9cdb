"""What is asked of the disk: names that fit, no links followed, contents that last."""

from __future__ import annotations

import errno
import hashlib
import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HALF_WRITTEN = ".*.part"
"""Matches the names of files that are still being written."""

LONGEST_NAME = 255
"""Bytes that a file's name may have."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

_AT_A_TIME = 16
"""Files that are waited for together: a file system makes one journey for all of them."""


def part_of(path: Path) -> Path:
    """The name under which a file is written before it gets its own, which may be a long one."""
    name = f".{path.name}.part"
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = f".{hashlib.sha256(os.fsencode(path.name)).hexdigest()}.part"
    return path.with_name(name)


def open_no_link(path: str, flags: int) -> int:
    """Open a file for Python's ``open``, unless it is a link, which may lead anywhere."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o666)


def make_lasting(*paths: Path) -> None:
    """Wait until some files, and folders with all that is in them, would outlive a power cut.

    Raises
    ------
    OSError
        If the disk cannot keep them.
    """
    every: list[Path] = []
    for path in paths:
        every += [path, *(path.rglob("*") if path.is_dir() else ())]
    _wait_for(path for path in every if not path.is_symlink())


def make_names_lasting(*folders: Path) -> None:
    """The same for the names in some folders alone."""
    _wait_for(folder for folder in folders if folder.is_dir())


def _wait_for(paths: Iterable[Path]) -> None:
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        for _ in pool.map(_wait_for_one, paths):
            pass


def _wait_for_one(path: Path) -> None:
    if sys.platform == "win32":
        if path.is_dir():  # has no such thing for folders
            return
        descriptor = os.open(path, os.O_RDWR)
    else:
        descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError:
        if not path.is_dir():  # some file systems have no such thing for folders
            raise
    finally:
        os.close(descriptor)


def remedy(error: OSError) -> str:
    """What to do about an error while something is written."""
    if error.errno in NO_ROOM:
        return "make room and run again"
    if error.errno in _FORBIDDEN:
        return "check the permissions, or choose another folder"
    if error.errno == errno.ENAMETOOLONG:
        return "choose shorter names"
    return "look after the disk or the folder, then run again"
