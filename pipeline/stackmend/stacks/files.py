"""Files that are there completely or not at all."""

from __future__ import annotations

from pathlib import Path


def publish(path: Path, content: bytes | memoryview) -> None:
    """Write a file under a temporary name, then give it its own; whatever had that name is replaced at once."""
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
