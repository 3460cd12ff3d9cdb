"""The server's answers: the page and what it is made of, pictures, and the live connection."""

from __future__ import annotations

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from stackmend.tuner.access import Access, App, guarded, query_of
from stackmend.tuner.live import converse
from stackmend.tuner.requests import Refused, picture_for
from stackmend.tuner.sessions import Sessions

PAGE = files("stackmend.tuner") / "page"
"""What the page is made of; nothing else is served as a file."""

_KINDS = {
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "svg": "image/svg+xml",
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*\.(js|css|svg)")
_EVERY_ANSWER = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def tuner_app(sessions: Sessions, access: Access) -> App:
    """The application behind its guard."""
    live_at = " ".join(f"ws://{host}" for host in access.hosts)
    policy = (
        "default-src 'self'; img-src 'self' blob: data:; frame-ancestors 'none'; base-uri 'none'; "
        f"form-action 'none'; connect-src 'self' {live_at}"
    )
    headers = {**_EVERY_ANSWER, "Content-Security-Policy": policy}

    async def start(_: Request) -> Response:
        page = _response(PAGE / "index.html", headers)
        page.set_cookie(access.cookie, access.token, httponly=True, samesite="strict")
        return page

    async def part(request: Request) -> Response:
        name = request.path_params["name"]
        if not _NAME.fullmatch(name):
            return PlainTextResponse("there is no such file\n", 404, headers)
        return _response(PAGE / name, headers)

    def picture(request: Request) -> Response:
        try:
            content, facts = picture_for(sessions, query_of(request.scope))
        except Refused as refused:
            return PlainTextResponse(f"{refused}\n", refused.status, headers)
        return Response(content, headers={**headers, **facts}, media_type="image/png")

    async def live(socket: WebSocket) -> None:
        await converse(socket, sessions, query_of(socket.scope).get("session", ""))

    routes = [
        Route("/", start),
        Route("/page/{name}", part),
        Route("/picture", picture),
        WebSocketRoute("/live", live),
    ]
    return guarded(Starlette(routes=routes), access)


def _response(file: Traversable, headers: dict[str, str]) -> Response:
    link = isinstance(file, Path) and file.is_symlink()  # it may lead anywhere
    if link or not file.is_file():
        return PlainTextResponse("there is no such file\n", 404, headers)
    kind = _KINDS[file.name.rpartition(".")[2]]
    return Response(file.read_bytes(), headers=headers, media_type=kind)
