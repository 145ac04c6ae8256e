"""Logs sent to a server: the requests of Keras, and warnings where it does not answer."""

import http.server
import io
import json
import threading
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.callbacks import RemoteMonitor
from tests.callbacks.conftest import HINT
from tests.golden import callbacks_runs as runs


class Refusing(runs.Receiver):
    """Answers 404."""

    got: ClassVar[list[list[str]]] = []

    def do_POST(self) -> None:
        self.send_error(404)


def test_the_requests_are_those_of_keras(golden: dict) -> None:
    assert runs.requests_of(jkeras) == golden["requests"]["all"], HINT


def test_an_error_of_the_server_is_a_warning() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        root = f"http://127.0.0.1:{server.server_address[1]}"
        with pytest.warns(UserWarning) as caught:
            RemoteMonitor(root).on_epoch_end(0, {"loss": 1.0})
        server.shutdown()
    assert [str(warning.message) for warning in caught] == [
        f"RemoteMonitor: {root}/publish/epoch/end/ answered 404 Not Found."
    ]
    unreachable = f"^RemoteMonitor: could not reach the server at {root}: "
    with pytest.warns(UserWarning, match=unreachable):  # it is closed now
        RemoteMonitor(root).on_epoch_end(1, {"loss": 1.0})


def test_arrays_in_the_logs_are_sent_as_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[bytes] = []
    monkeypatch.setattr(
        "urllib.request.urlopen",
        lambda request, timeout: sent.append(request.data) or io.BytesIO(),
    )
    logs = {"a": np.arange(1), "b": np.float32(1.0), "c": np.arange(2.0), "d": jnp.ones(())}
    RemoteMonitor(send_as_json=True).on_epoch_end(0, logs)  # type: ignore[arg-type]  # as in Keras
    assert json.loads(sent[0]) == {"epoch": 0, "a": 0, "b": 1.0, "c": [0.0, 1.0], "d": 1.0}


@pytest.mark.parametrize("root", ["localhost:9000", "ftp://a", None])
def test_an_address_without_http_is_refused(root: str | None) -> None:
    with pytest.raises(ValueError) as caught:
        RemoteMonitor(root)  # type: ignore[arg-type]
    assert str(caught.value) == (
        "RemoteMonitor: `root`: expected an address that begins with http:// or https://, got "
        f"{root!r} ({type(root).__name__}). For example: 'http://localhost:9000'."
    )
