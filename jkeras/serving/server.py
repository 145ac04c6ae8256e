"""The server: uvicorn, with a bound on the time in which the head of a request has to come."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Sequence
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from jkeras.serving.http import error_body
from jkeras.serving.options import Options


def run(app: Any, host: str, port: int, options: Options, names: Sequence[str]) -> None:
    """Serves until SIGINT or SIGTERM.

    Raises:
      OSError: the port is taken.
    """
    logging.basicConfig(format="%(message)s")
    with listening(host, port) as listener:
        address, number = listener.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"Serving {', '.join(names)} at http://{shown}:{number}/", flush=True)
        server(app, options).run([listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
      OSError: the port is taken, or there is no such address.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        raise OSError(f"serve: {host}:{port}: {error.strerror}.") from None
    return listener


def server(app: Any, options: Options) -> uvicorn.Server:
    """The server of an application, which answers requests under way before it stops."""
    config = uvicorn.Config(
        app,
        http=type("BoundedProtocol", (_BoundedProtocol,), {"seconds": options.head_timeout}),
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        h11_max_incomplete_event_size=16 * 1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=max(1, round(options.stop_timeout)),
    )
    return uvicorn.Server(config)


class _BoundedProtocol(H11Protocol):
    """HTTP/1.1 in which a client that does not finish the head of a request is answered and left.

    Attributes:
      seconds: that a head may take.
    """

    seconds: float = 10.0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        self._expect_head()
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._stop_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self.conn.their_state is h11.IDLE:
            self._stop_timer()  # idle: the bound on that is uvicorn's

    def _expect_head(self) -> None:
        if self._timer is None:
            self._timer = self.loop.call_later(self.seconds, self._give_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.transport.is_closing():
            return
        body = error_body(f"the head of the request: expected within {self.seconds:g} seconds.")
        head = (
            b"HTTP/1.1 408 Request Timeout\r\nContent-Type: application/json\r\n"
            b"Connection: close\r\nContent-Length: " + str(len(body)).encode() + b"\r\n\r\n"
        )
        self.transport.write(head + body)
        self.transport.close()
