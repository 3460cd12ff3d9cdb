"""Locks on a result folder. The system frees them when their owner ends, however it ends.

A run excludes everybody. Shards exclude runs but not each other: the first is alone while it
searches and makes room, then shares; those that come meanwhile wait for that. Where a file system
has no locks, runs exclude nobody (they must be possible there all the same), and shards are
refused: two that begin at once would spoil each other's work.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep

from stackmend.disk import open_no_link

_RUN, _SHARD = b"run", b"shard"
_PATIENCE = 20
_PAUSE = 0.1
"""So often, and after so many seconds, an owner that is no shard is looked at again."""

_HELD: dict[Path, tuple[int, bool]] = {}
"""Open files by their path, and whether their lock excludes everybody."""


class InUse(Exception):
    """Somebody else holds the lock."""


def exclude(file: Path) -> None:
    """Take the lock for a run.

    Raises
    ------
    InUse
        If anybody has it.
    """
    if not _take(file, _EXCLUSIVE, _RUN):
        raise InUse


def join(file: Path, begun: Callable[[], bool]) -> None:
    """Take the lock for a shard: alone, or beside other shards whose work has ``begun``.

    The first of them is waited for.

    Raises
    ------
    InUse
        If a run has it.
    OSError
        If the file system has no locks.
    """
    strangers = 0
    while not _take(file, _EXCLUSIVE, _SHARD):
        if _take(file, _SHARED, _SHARD):
            if begun():
                return
            # the first has ended before it began: one of the others must take its place
            release(file)
        strangers = 0 if _owner(file) == _SHARD else strangers + 1
        if strangers >= _PATIENCE:
            raise InUse
        sleep(_PAUSE)


def share(file: Path) -> None:
    """Let other shards in."""
    if file in _HELD and _HELD[file][1]:
        _HELD[file] = _HELD[file][0], False
        _lock(_HELD[file][0], _SHARED)


def alone(file: Path) -> bool:
    """Whether this process excludes everybody."""
    return file in _HELD and _HELD[file][1]


def taken(file: Path) -> bool:
    """Whether another process has the lock; nothing is made or changed to find out."""
    try:
        descriptor = open_no_link(str(file), os.O_RDWR)
    except OSError:
        return False
    try:
        _lock(descriptor, _EXCLUSIVE)
    except OSError as error:
        return error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    finally:
        os.close(descriptor)
    return False


def release(file: Path) -> None:
    """Give the lock back."""
    if file in _HELD:
        os.close(_HELD.pop(file)[0])


def retire(file: Path) -> None:
    """Remove the file of a lock, then give the lock back: those who wait for it make another."""
    if sys.platform == "win32":  # where nothing is removed that is open
        release(file)
    file.unlink(missing_ok=True)
    release(file)


def _take(file: Path, kind: int, owner: bytes) -> bool:
    if file in _HELD:
        return True
    while True:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = open_no_link(str(file), os.O_RDWR | os.O_CREAT)
        except FileNotFoundError:  # a finished run has removed the folder between the two calls
            continue
        try:
            _lock(descriptor, kind)
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EACCES, errno.EDEADLK):
                os.close(descriptor)
                return False
            if owner == _SHARD:
                os.close(descriptor)
                raise OSError(
                    error.errno, "the file system has no locks, which shards need"
                ) from error
        if _is_at(descriptor, file):
            break
        os.close(descriptor)  # a finished run has removed the file between the two calls
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, owner, 0) if hasattr(os, "pwrite") else os.write(descriptor, owner)
    _HELD[file] = descriptor, kind == _EXCLUSIVE
    return True


def _is_at(descriptor: int, file: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except FileNotFoundError:
        return False


def _owner(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


if sys.platform == "win32":
    import msvcrt

    # the latter excludes as well: there, shards take turns
    _EXCLUSIVE, _SHARED = msvcrt.LK_NBLCK, msvcrt.LK_NBRLCK

    def _lock(file: int, kind: int) -> None:
        msvcrt.locking(file, kind, 1)
else:
    import fcntl

    _EXCLUSIVE, _SHARED = fcntl.LOCK_EX, fcntl.LOCK_SH

    def _lock(file: int, kind: int) -> None:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
