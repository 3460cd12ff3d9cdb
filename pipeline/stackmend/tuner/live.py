"""The live connection of a page: messages one way and the other, as JSON."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from stackmend.tuner.messages import Wrong, read
from stackmend.tuner.session import Session
from stackmend.tuner.sessions import Sessions

_LEAVING_S = 1.0
"""How long a page that is loaded again may take to leave where it was."""
_POLL_S = 0.05

Outgoing = asyncio.Queue[dict[str, Any] | None]


async def converse(socket: WebSocket, sessions: Sessions, id: str) -> None:
    """Talk to a page until it goes away; its session stays."""
    await socket.accept()
    session, back = await _entered(sessions, id)
    loop, outgoing = asyncio.get_running_loop(), Outgoing()

    def tell(message: dict[str, Any]) -> None:
        with suppress(RuntimeError):  # the server has ended meanwhile
            loop.call_soon_threadsafe(outgoing.put_nowait, message)

    sending = asyncio.create_task(_send(socket, outgoing))
    try:
        tell(
            {
                "kind": "session",
                "session": session.id,
                "back": back,
                "title": session.opening.subject.title,
            }
        )
        session.page_comes(tell)
        await _receive(socket, session, tell)
    finally:
        session.page_goes()
        sending.cancel()
        with suppress(asyncio.CancelledError):
            await sending


async def _entered(sessions: Sessions, id: str) -> tuple[Session, bool]:
    """A session for the page: its own, as soon as the page as it was before has left it."""
    known = sessions.known(id)
    for _ in range(round(_LEAVING_S / _POLL_S)):
        if known is None or not known.has_page:
            break
        await asyncio.sleep(_POLL_S)
    return await asyncio.to_thread(sessions.enter, id)


async def _receive(
    socket: WebSocket, session: Session, tell: Callable[[dict[str, Any]], None]
) -> None:
    while True:
        try:
            message = read(await socket.receive_text())
        except WebSocketDisconnect:
            return
        except KeyError:  # bytes instead of text
            tell({"kind": "problem", "message": "a message must be text, of JSON", "seq": None})
        except Wrong as wrong:
            tell({"kind": "problem", "message": str(wrong), "seq": wrong.seq})
        else:
            session.receive(message)


async def _send(socket: WebSocket, outgoing: Outgoing) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):  # the page has gone
        while (message := await outgoing.get()) is not None:
            await socket.send_text(json.dumps(message, allow_nan=False))
