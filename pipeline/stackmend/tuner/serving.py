"""The server at work: on a port of this machine alone, in a thread, until it is told to end."""

from __future__ import annotations

import errno
import socket
import threading

import uvicorn

from stackmend.errors import UsageError
from stackmend.tuner.access import Access
from stackmend.tuner.app import tuner_app
from stackmend.tuner.messages import LONGEST
from stackmend.tuner.opening import Subject
from stackmend.tuner.sessions import Sessions
from stackmend.workers.memory import bytes_of

HOST = "127.0.0.1"

_LEAVING_S = 2  # for what is being answered when the server ends


class Server:
    """A server that answers from when it is made until ``close``.

    Parameters
    ----------
    subject
        What its page is for.
    port
        Where it is; 0 for one that is free.
    memory
        What all results may take that are remembered, for instance ``2GB``.

    Attributes
    ----------
    address
        Host and port.
    access
        The address of the page, with its token.
    memory
        Bytes that remembered results take together at the most.
    """

    def __init__(self, subject: Subject, *, port: int = 0, memory: str | None = None) -> None:
        most = None if memory is None else bytes_of(memory)
        self._socket = _bound(port)
        try:
            sessions = self._sessions = Sessions(subject, most)
        except BaseException:
            self._socket.close()
            raise
        self.memory = sessions.memory
        self.address = self._socket.getsockname()
        self.access = Access(self.address[1])
        config = uvicorn.Config(
            tuner_app(sessions, self.access),
            log_config=None,
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="websockets-sansio",
            ws_max_size=4 * LONGEST,
            timeout_graceful_shutdown=_LEAVING_S,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="stackmend server", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End, with everything that is being computed, and wait for it."""
        self._server.should_exit = True
        self._sessions.close()
        self._thread.join()
        self._socket.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((HOST, port))
        bound.listen(128)
    except OSError as error:
        bound.close()
        advice = "choose another with --port, or leave --port out for one that is free"
        taken = error.errno == errno.EADDRINUSE
        what = "is taken by another program" if taken else f"cannot be had ({error.strerror})"
        raise UsageError(f"port {port}: {what}; {advice}") from error
    return bound
