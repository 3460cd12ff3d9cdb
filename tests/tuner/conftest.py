"""A server of the tuner on a free port, for a tiny protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import tifffile
import yaml

from conftest import MakeStack
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
    before = threads()

    def start(subject: Subject | Path, **how: Any) -> Server:
        if isinstance(subject, Path):
            subject = protocol_subject(subject, input=None, set={})
        started.append(Server(subject, **how))
        return started[-1]

    yield start
    for server in started:
        server.close()
    assert sorted(threads()) == sorted(before)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, charged: MakeStack) -> Path:
    """The protocol of the server that all tests of a module ask."""
    folder = tmp_path_factory.mktemp("shared")
    (folder / "cell").mkdir()
    for index, image in enumerate(charged()):
        tifffile.imwrite(folder / "cell" / f"slice{index}.tif", image)
    content = {"protocol": 1, "name": "tiny", "input": {"path": "cell"}}
    file = folder / "tiny.yaml"
    content |= {"output": {"path": "result"}, "chain": CHAIN}
    file.write_text(yaml.safe_dump(content, sort_keys=False))
    return file


@pytest.fixture(scope="module")
def server(shared: Path) -> Iterator[Server]:
    """One for all tests of a module: each has a page, and so a session, of its own."""
    server = Server(protocol_subject(shared, input=None, set={}))
    yield server
    server.close()
    assert not threads()


@pytest.fixture
def page(server: Server) -> Iterator[Page]:
    """A page that has been told the state."""
    page = Page(server.access)
    page.hello()
    yield page
    page.close()
