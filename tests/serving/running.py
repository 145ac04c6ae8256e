"""A server on the loopback, in a thread, for tests."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx

from jkeras.serving import Options, application
from jkeras.serving.server import listening, server


@contextlib.contextmanager
def running(models: Any, options: Options | None = None) -> Iterator[httpx.Client]:
    """A client of a server that is ready."""
    options = options or Options()
    made = server(application(models, options), options)
    with listening("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=made.run, args=([listener],))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=url, timeout=30) as client:
                deadline = time.monotonic() + 60
                while client.get("/healthz").status_code != 200:
                    assert time.monotonic() < deadline
                    time.sleep(0.02)
                yield client
        finally:
            made.should_exit = True
            thread.join(30)
            assert not thread.is_alive()
