"""A server of the tuner on a free port, for a tiny protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the tuner needs: pip install 'stackmend[tune]'")

from stackmend.tuner.opening import Subject, protocol_subject
from stackmend.tuner.serving import Server
from tuner_client import Page

CHAIN = [
    {"step": "standardize"},
    {"step": "find_charging", "inverse": True, "gf1_sigma": 8, "min_area": 20},
    {"step": "correct_charging", "gf2_sigma": 8, "rb_radius": 5, "gf3_sigma": 3, "border": 4},
    {"step": "destandardize"},
]


def threads() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("stackmend")]


@pytest.fixture
def file(cell: Path, protocol: Callable[..., Path]) -> Path:
    """A protocol that sweeps nothing."""
    return protocol(chain=CHAIN, optimize=None)


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    """Starts a server for a protocol, or for another subject; nothing of it is left at the end."""
    started: list[Server] = []

    def start(subject: Subject | Path, **how: Any) -> Server:
        if isinstance(subject, Path):
            subject = protocol_subject(subject, input=None, set={})
        started.append(Server(subject, **how))
        return started[-1]

    yield start
    for server in started:
        server.close()
    assert not threads()


@pytest.fixture
def server(serve: Callable[..., Server], file: Path) -> Server:
    return serve(file)


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    """A page that has been told the state."""
    page = Page(server.access)
    page.hello()
    yield page
    page.close()
