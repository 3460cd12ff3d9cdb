"""Who may ask the server for anything: the page that was opened with its token, on this machine.

Any program of this machine, and any page in its browsers, can reach a port of it. So whatever comes
must carry the token; and as a page from elsewhere may make a browser ask in its name, what it asks
for must be this very address, and the page that asks must be ours.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs

from starlette.responses import PlainTextResponse, RedirectResponse, Response

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

PAGE_FILES = "/page/"
"""What the page is made of: the same for everybody, so a cookie is enough to get it."""

_LONGEST = 8192  # bytes of a query
_ASKED_BY_US = ("same-origin", "none")  # what browsers say of who asks
_REFUSED = 403
_VIOLATED = 1008  # of a websocket: it breaks a rule of this server


class Access:
    """The secrets of a server, and whether a request knows them.

    Attributes
    ----------
    token
        What every request must carry.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self.token = secrets.token_urlsafe(24)
        self._once: str | None = secrets.token_urlsafe(24)
        self.hosts = (f"127.0.0.1:{port}", f"localhost:{port}")

    @property
    def address(self) -> str:
        """Of the page, as a person opens it."""
        return f"http://{self.hosts[0]}/?token={self.token}"

    @property
    def address_once(self) -> str:
        """The same for the command line of a browser, which others can see: good for one visit."""
        return f"http://{self.hosts[0]}/?once={self._once}"

    @property
    def cookie(self) -> str:
        """The name of the cookie: cookies of all ports of a machine are kept together."""
        return f"stackmend-{self.port}"

    def is_once(self, query: dict[str, str]) -> bool:
        """Whether a visit is the first with the address for one."""
        if self._once is None or not _same(query.get("once", ""), self._once):
            return False
        self._once = None
        return True

    def objection(self, scope: Scope) -> str | None:
        """Why a request is refused, if it is."""
        headers = _headers(scope)
        hosts, origins = headers.get("host", []), headers.get("origin", [])
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return f"this server answers at {self.hosts[0]} only; open that address"
        ours = [f"http://{host}" for host in self.hosts]
        if any(origin not in ours for origin in origins):
            return "another page asks for this; open the address that 'stackmend tune' has printed"
        asked_by = headers.get("sec-fetch-site", ["none"])
        if scope["path"] != "/" and any(each not in _ASKED_BY_US for each in asked_by):
            return "another page asks for this; open the address that 'stackmend tune' has printed"
        if not self._knows(scope, headers):
            return "the token is missing or wrong; open the address that 'stackmend tune' printed"
        return None

    def _knows(self, scope: Scope, headers: dict[str, list[str]]) -> bool:
        given = headers.get("x-token", [])
        if token := query_of(scope).get("token"):
            given = [*given, token]
        if scope["type"] == "http" and scope["path"].startswith(PAGE_FILES):
            given = [*given, *_cookies(headers, self.cookie)]
        return bool(given) and all(_same(each, self.token) for each in given)


def guarded(app: App, access: Access) -> App:
    """An application that only sees requests that may be answered."""

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/" and _opens(scope, access):
            to_page = RedirectResponse(f"/?token={access.token}", status_code=303)
            await to_page(scope, receive, send)
            return
        against = access.objection(scope)
        if against is None:
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _VIOLATED, "reason": against})
        else:
            await _refusal(against)(scope, receive, send)

    return guard


def query_of(scope: Scope) -> dict[str, str]:
    """What is asked for, each word once; nothing where a word stands twice, or it is too long."""
    text: bytes = scope["query_string"]
    if len(text) > _LONGEST:
        return {}
    found = parse_qs(text.decode("latin-1"), keep_blank_values=True)
    if any(len(values) > 1 for values in found.values()):
        return {}
    return {name: values[0] for name, values in found.items()}


def _opens(scope: Scope, access: Access) -> bool:
    """Whether this is the visit of a browser that was just started."""
    hosts = _headers(scope).get("host", [])
    rightly = len(hosts) == 1 and hosts[0] in access.hosts
    return rightly and access.is_once(query_of(scope))


def _headers(scope: Scope) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), []).append(value.decode("latin-1"))
    return found


def _cookies(headers: dict[str, list[str]], name: str) -> list[str]:
    try:
        jar = SimpleCookie("; ".join(headers.get("cookie", [])))
    except CookieError:
        return []
    return [jar[name].value] if name in jar else []


def _same(given: str, secret: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())


def _refusal(why: str) -> Response:
    return PlainTextResponse(f"{why}\n", _REFUSED)
