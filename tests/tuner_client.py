"""A page of the tuner as a program: what it sends, and what it waits for."""

from __future__ import annotations

import http.client
import io
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from stackmend.tuner.access import Access

PATIENCE = 120
"""Seconds after which what should have happened is given up; no outcome depends on them."""

WHOLE = {"y": 0, "x": 0, "height": 48, "width": 64}


def ask(access: Access, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """An answer of the server, with its ``status``, ``headers`` and ``body``."""
    connection = http.client.HTTPConnection("127.0.0.1", access.port, timeout=PATIENCE)
    try:
        connection.putrequest("GET", path, skip_host=True)
        for name, value in (headers or {"Host": access.hosts[0]}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.body = answer.read()
        return answer
    finally:
        connection.close()


def live(access: Access, session: str = "", **how: Any) -> ClientConnection:
    """A live connection, to be left as a context is."""
    query = urlencode({"token": access.token, "session": session})
    address = f"ws://127.0.0.1:{access.port}/live?{query}"
    return connect(address, max_size=None, open_timeout=PATIENCE, **how).__enter__()


class Page:
    """A page that is open."""

    def __init__(self, access: Access, session: str = "") -> None:
        self.access = access
        self.socket = live(access, session)
        first = self.until("session")
        self.id, self.back = first["session"], first["back"]
        self.seq = 0
        self.seen: list[dict[str, Any]] = []

    def send(self, do: str, **more: Any) -> int:
        self.seq += 1
        self.socket.send(json.dumps({"do": do, "seq": self.seq, **more}))
        return self.seq

    def until(self, kind: str, **wanted: Any) -> dict[str, Any]:
        """The next message of a kind, with these values."""
        while True:
            message: dict[str, Any] = json.loads(self.socket.recv(timeout=PATIENCE))
            if kind != "session":
                self.seen.append(message)
            if message["kind"] == kind and wanted.items() <= message.items():
                return message

    def hello(self) -> dict[str, Any]:
        return self.until("state", reply=self.send("hello", width=1200, height=900))

    def do(self, do: str, **more: Any) -> dict[str, Any]:
        """Send an edit and wait for what it has come to."""
        return self.until("state", reply=self.send(do, **more))

    def look(self, number: int = 0, *layers: str) -> dict[str, Any]:
        """Look at a whole slice and wait for the exact picture."""
        shown = list(layers or ("before", "after", "mask"))
        self.send("look", slice=number, channel=0, layers=shown, window=WHOLE, scale=1)
        return self.until("picture", slice=number, quick=False)

    def answer(self, picture: Mapping[str, Any], layer: str, **more: Any) -> Any:
        """What the server answers to the request for a picture."""
        names = ("revision", "slice", "channel")
        query = {name: picture[name] for name in names}
        query |= {"token": self.access.token, "session": self.id, "layer": layer, "scale": 1}
        query |= {"quick": int(picture["quick"]), **WHOLE, **more}
        return ask(self.access, f"/picture?{urlencode(query)}")

    def pixels(self, picture: Mapping[str, Any], layer: str, **more: Any) -> NDArray[np.uint8]:
        answer = self.answer(picture, layer, **more)
        assert answer.status == 200, answer.body
        return np.asarray(Image.open(io.BytesIO(answer.body)))

    def close(self) -> None:
        self.socket.__exit__(None, None, None)
