"""What napari opens by itself: the folder of a result, and a protocol."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from stackmend.errors import StackmendError
from stackmend.napari_plugin.layers import LayerData, layers_of_protocol, layers_of_result
from stackmend.preview.document import Document
from stackmend.result.names import RECORD, WORK

NO_LAYERS: list[LayerData] = [(None,)]
"""What a reader returns that has opened nothing and has said why."""

_VERSION = re.compile(r"^protocol\s*:\s*\d", re.MULTILINE)
"""The line with which protocols begin."""

Reading = Callable[..., list[LayerData]]


def reader_of(path: str | Sequence[str]) -> Reading | None:
    """What opens a path; ``None`` if it is neither a result nor a protocol, nor a single path."""
    if not isinstance(path, str):
        return None
    place = Path(path)
    try:
        if place.is_dir() or place.name == RECORD:
            return _said(layers_of_result) if _is_result(place) else None
        return _said(layers_of_protocol) if _is_protocol(place) else None
    except OSError as error:
        reason = f"{place}: cannot be read ({error.strerror}); check its permissions"
        return _said(lambda _: _refuse(reason))


def _is_result(place: Path) -> bool:
    """Whether a run has worked here: other programs have a file of this name, too."""
    folder = place if place.is_dir() else place.parent
    record = folder / RECORD
    if not record.is_file():
        return (folder / WORK).is_dir()
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):  # a damaged one, of which the reading says more
        return True
    return isinstance(content, dict) and "record" in content


def _is_protocol(file: Path) -> bool:
    """Whether a file says that it is a protocol, however wrong it may be."""
    if file.suffix.lower() not in (".yaml", ".yml"):
        return False
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    data = Document(text, base=file.parent, name=file.name).data
    if not isinstance(data, dict):  # a protocol may be damaged, of which the reading says more
        return bool(_VERSION.search(text))
    return "protocol" in data and ("chain" in data or bool(_VERSION.search(text)))


def _refuse(reason: str) -> list[LayerData]:
    raise StackmendError(reason)


def _said(read: Callable[[Path], list[LayerData]]) -> Reading:
    """A reading whose errors are shown in words."""

    def reading(path: str, **_: Any) -> list[LayerData]:
        try:
            return read(Path(path))
        except StackmendError as error:
            from napari.utils.notifications import show_error

            show_error(str(error))
            return NO_LAYERS

    return reading
