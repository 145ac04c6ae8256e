"""The logs of every epoch, sent to a server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from jkeras.callbacks.base import Callback, Logs
from jkeras.core.errors import describe, named_arguments

SECONDS = 10.0
"""How long to wait for the server's reply; training waits meanwhile."""


class RemoteMonitor(Callback):
    """Sends the epoch's number and logs by POST, after every epoch.

    If the server is unreachable or replies with an error, that is a warning; training continues.

    Args:
      root: the URL of the server, such as `"http://localhost:9000"`.
      path: the path on the server.
      field: the name of the form field with the JSON text, unless `send_as_json`.
      headers: more HTTP headers.
      send_as_json: whether the body is the JSON text itself, as `application/json`.

    Raises:
      ValueError: `root` begins with neither `http://` nor `https://`.

    Source: `keras.callbacks.RemoteMonitor`; the requests are the same.
    """

    writes_files = True

    @named_arguments
    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        if not isinstance(root, str) or not root.startswith(("http://", "https://")):
            raise ValueError(
                "RemoteMonitor: `root`: expected an address that begins with http:// or https://, "
                f"got {describe(root)}. For example: 'http://localhost:9000'."
            )
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        # Imported here, because these modules would slow `import jkeras`.
        import urllib.error
        import urllib.parse
        import urllib.request

        text = json.dumps({"epoch": epoch, **(logs or {})}, default=_plain)
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers)
        try:
            urllib.request.urlopen(request, timeout=SECONDS).close()
            return
        except urllib.error.HTTPError as error:
            error.close()
            problem = f"{self.root + self.path} answered {error.code} {error.reason}."
        except OSError as error:  # refused, unknown host, too slow: all of them are OSErrors
            problem = f"could not reach the server at {self.root}: {error}"
        warnings.warn(f"RemoteMonitor: {problem}", stacklevel=2)


def _plain(value: object) -> Any:
    """An array or number of NumPy or JAX for JSON; an array of one element as that."""
    array = np.asarray(value)
    return array.item() if array.size == 1 else array.tolist()
