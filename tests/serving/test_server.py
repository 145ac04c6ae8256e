"""A real server on the loopback: many clients at once, hostile ones, and a clean end."""

from __future__ import annotations

import asyncio
import json
import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.serving import Options, Servable, load_servable, serve
from tests.serving.running import running

RNG = np.random.default_rng(0)
X = RNG.normal(size=(1000, 4)).astype("float32")
PREDICT = "/v1/models/tiny:predict"


def tiny(seed: int = 0) -> Any:
    parts = [jkeras.Input((4,)), layers.Dense(8, activation="tanh"), layers.Dense(2)]
    model = jkeras.Sequential(parts, seed=seed, name="tiny")
    model.build()
    return model


@pytest.fixture(scope="module")
def model() -> Any:
    return tiny()


@pytest.fixture(scope="module")
def client(model: Any) -> Iterator[httpx.Client]:
    options = Options(max_body=4096, body_timeout=0.4, head_timeout=0.4)
    with running({"tiny": model}, options) as made:
        yield made


def test_answers_are_those_of_predict(client: httpx.Client, model: Any) -> None:
    expected = model.predict(X[:40], verbose=0)
    for form, answer in {"instances": "predictions", "inputs": "outputs"}.items():
        for path in (PREDICT, "/v1/models/tiny/versions/1:predict"):
            response = client.post(path, json={form: np.round(X[:40], 3).tolist()})
            assert response.status_code == 200, response.text
            np.testing.assert_allclose(response.json()[answer], expected, atol=5e-3)
    response = client.post(PREDICT, json={"instances": X[:1].tolist()})
    np.testing.assert_allclose(response.json()["predictions"], expected[:1], rtol=1e-5)


def test_it_tells_what_it_serves(client: httpx.Client) -> None:
    status = client.get("/v1/models/tiny").json()["model_version_status"]
    assert [(s["version"], s["state"]) for s in status] == [("1", "AVAILABLE")]
    metadata = client.get("/v1/models/tiny/metadata").json()["metadata"]["signature_def"]
    (tensor,) = metadata["signature_def"]["serving_default"]["inputs"].values()
    assert tensor["dtype"] == "DT_FLOAT"
    assert [d["size"] for d in tensor["tensor_shape"]["dim"]] == ["-1", "4"]
    assert client.get("/v1/models").json() == {"models": ["tiny"]}
    assert client.get("/healthz/live").json() == {"status": "live"}
    page = client.get("/")
    assert page.headers["content-type"].startswith("text/html") and PREDICT in page.text
    assert client.get("/models/tiny").text == page.text


REFUSED: dict[str, tuple[str, str, bytes, int, str]] = {
    "nothing there": ("GET", "/nothing", b"", 404, "there is nothing at '/nothing'."),
    "no such model": ("GET", "/v1/models/tinny", b"", 404, "Did you mean 'tiny'?"),
    "no such version": ("GET", "/v1/models/tiny/versions/7", b"", 404, "the version 1 alone"),
    "another method": ("GET", PREDICT, b"", 405, "GET is not what"),
    "no json": ("POST", PREDICT, b"x=1&y=2", 400, "the body: expected JSON, got"),
    "nan": ("POST", PREDICT, b'{"instances": [[NaN, 1, 1, 1]]}', 400, "expected finite numbers"),
    "wrong shape": ("POST", PREDICT, b'{"instances": [[1]]}', 400, "(batch, 4), got shape (1, 1)"),
    "deep": ("POST", PREDICT, b"[" * 4000, 400, "expected JSON"),
    "large": ("POST", PREDICT, b"1" * 5000, 413, "expected at most 4096 bytes, got more"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_bad_request_gets_a_clean_answer(client: httpx.Client, name: str) -> None:
    method, path, body, status, text = REFUSED[name]
    response = client.request(method, path, content=body or None)
    assert response.status_code == status and text in response.json()["error"], response.text
    assert client.post(PREDICT, json={"instances": X[:2].tolist()}).status_code == 200


def raw(client: httpx.Client, *parts: bytes, pause: float = 0.0) -> bytes:
    """What a connection gets that sends parts, with pauses between them."""
    with socket.create_connection((client.base_url.host, client.base_url.port), 10) as connection:
        try:
            for part in parts:
                connection.sendall(part)
                time.sleep(pause)
        except OSError:
            pass  # the server has answered already
        got = b""
        try:
            while b"}" not in got and (more := connection.recv(4096)):
                got += more
        except OSError:
            pass
        return got


HEAD = f"POST {PREDICT} HTTP/1.1\r\nHost: x\r\n".encode()
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"400\r\n" + b"1" * 1024 + b"\r\n"
HOSTILE: dict[str, tuple[tuple[bytes, ...], float, bytes]] = {
    "a gigabyte claimed": ((HEAD + b"Content-Length: 1073741824\r\n\r\n",), 0, b" 413 "),
    "a gigabyte in chunks": ((CHUNKED, *(CHUNK,) * 2000), 0, b" 413 "),
    "a slow body": ((HEAD + b"Content-Length: 100\r\n\r\n", *(b"[",) * 9), 0.1, b" 408 "),
    "a slow chunked body": ((CHUNKED, *(b"1\r\n[\r\n",) * 9), 0.1, b" 408 "),
    "a slow head": ((b"POST ", *(b"x",) * 9), 0.1, b" 408 "),
    "a silent client": ((), 0, b" 408 "),
    "no http": ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",), 0, b" 400 "),
    "an endless head": ((HEAD, *(b"X-Y: " + b"z" * 1000 + b"\r\n",) * 40), 0, b" 400 "),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_client_gets_a_clean_answer_in_time(client: httpx.Client, name: str) -> None:
    parts, pause, status = HOSTILE[name]
    start = time.monotonic()
    answer = raw(client, *parts, pause=pause)
    assert status in answer.split(b"\r\n")[0] + b" ", answer
    assert time.monotonic() - start < 5
    assert client.post(PREDICT, json={"instances": X[:2].tolist()}).status_code == 200


def test_a_thousand_requests_at_once_are_all_answered(model: Any) -> None:
    expected = model.predict(X, verbose=0)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 8192), hard))
    batches: list[int] = []
    served = load_servable(model)
    predict = served.predict

    def counted(arrays: Any, max_batch: int) -> Any:
        batches.append(len(arrays[0]))
        return predict(arrays, max_batch)

    served.predict = counted  # type: ignore[method-assign]
    try:
        with running({"tiny": served}) as client:
            host, port = client.base_url.host, client.base_url.port

            async def ask(example: Any) -> Any:
                body = json.dumps({"instances": [example.tolist()]}).encode()
                reader, writer = await asyncio.open_connection(host, port)
                writer.write(HEAD + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))
                writer.write(body)
                answer = await reader.read()
                writer.close()
                head, _, content = answer.partition(b"\r\n\r\n")
                assert b" 200 " in head.split(b"\r\n")[0] + b" ", answer
                return json.loads(content)["predictions"][0]

            async def ask_all() -> list[Any]:
                return await asyncio.gather(*map(ask, X))

            start = time.monotonic()
            answers = asyncio.run(ask_all())
            assert time.monotonic() - start < 30
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    np.testing.assert_allclose(answers, expected, rtol=1e-4, atol=1e-6)
    assert sum(batches) == 1000 and len(batches) < 500 and max(batches) <= 32


def test_all_bodies_together_are_bounded(model: Any) -> None:
    served = load_servable(model)
    slow = Slow(served, 0.5)
    with running({"tiny": served}, Options(max_bodies=3000)) as client:
        body = json.dumps({"instances": X[:15].tolist()}).encode()
        url, statuses = f"{client.base_url}{PREDICT}", []
        assert 1000 < len(body) < 2000

        def ask() -> None:
            statuses.append(httpx.post(url, content=body).status_code)

        threads = [threading.Thread(target=ask) for _ in range(2)]
        threads[0].start()
        assert slow.entered.wait(10)
        threads[1].start()
        time.sleep(0.1)
        ask()
        for thread in threads:
            thread.join(10)
        assert sorted(statuses) == [200, 200, 503]
        ask()
        assert statuses[-1] == 200


class Slow:
    """Holds the model up."""

    def __init__(self, served: Servable, seconds: float) -> None:
        self.entered, self._predict, self._seconds = threading.Event(), served.predict, seconds
        served.predict = self  # type: ignore[method-assign,assignment]

    def __call__(self, arrays: Any, max_batch: int) -> Any:
        self.entered.set()
        time.sleep(self._seconds)
        return self._predict(arrays, max_batch)


def test_a_full_queue_and_a_slow_model_have_answers_of_their_own(model: Any) -> None:
    served = load_servable(model)
    slow = Slow(served, 0.6)
    statuses: list[int] = []
    with running({"tiny": served}, Options(max_queue=1, predict_timeout=0.3)) as client:

        def ask() -> None:
            response = client.post(PREDICT, json={"instances": X[:1].tolist()})
            statuses.append(response.status_code)
            if response.status_code == 503:
                assert response.headers["retry-after"] == "1"

        threads = [threading.Thread(target=ask) for _ in range(3)]
        threads[0].start()
        assert slow.entered.wait(10)
        for thread in threads[1:]:
            thread.start()
        for thread in threads:
            thread.join(10)
    assert sorted(statuses) == [503, 504, 504]


def test_a_request_under_way_is_answered_when_the_server_stops(model: Any) -> None:
    served = load_servable(model)
    slow = Slow(served, 0.3)
    answers: list[Any] = []
    with running({"tiny": served}) as client:
        body = {"instances": X[:1].tolist()}
        url = f"{client.base_url}{PREDICT}"
        asking = threading.Thread(target=lambda: answers.append(httpx.post(url, json=body)))
        asking.start()
        assert slow.entered.wait(10)
    asking.join(10)
    assert answers[0].status_code == 200


def test_examples_that_change_one_another_run_alone() -> None:
    x = jkeras.Input((4,))
    model = jkeras.Model(x, x - jkeras.ops.mean(x, axis=0, keepdims=True), name="tiny")
    with running({"tiny": model}) as client:
        response = client.post(PREDICT, json={"instances": [[1, 2, 3, 4], [3, 2, 1, 0]]})
        assert response.json()["predictions"] == [[-1, 0, 1, 2], [1, 0, -1, -2]]
    assert load_servable(tiny()).together


def test_several_models_several_inputs_and_open_axes() -> None:
    a, b = jkeras.Input((2,), name="a"), jkeras.Input((3,), name="b")
    two = jkeras.Model([a, b], [layers.Dense(1, name="p")(a), layers.Dense(2, name="q")(b)])
    ids = jkeras.Input((None,), dtype="int32", name="ids")
    pooled = layers.GlobalAveragePooling1D()(layers.Embedding(5, 3)(ids))
    text = jkeras.Model(ids, layers.Dense(2)(pooled))
    models = {"two": load_servable(two, "another"), "text": text}
    with running(models, Options(max_shapes=2)) as client:
        example = {"a": [1, 2], "b": [1, 2, 3]}
        (answer,) = client.post("/v1/models/two:predict", json={"instances": [example]}).json()[
            "predictions"
        ]
        assert {name: len(value) for name, value in answer.items()} == {"p": 1, "q": 2}
        for length, status in ((3, 200), (4, 200), (5, 400), (3, 200)):
            content = {"instances": [[1] * length]}
            response = client.post("/v1/models/text:predict", json=content)
            assert response.status_code == status, response.text
        outside = client.post("/v1/models/text:predict", json={"instances": [[9]]})
        assert "expected numbers from 0 to 4" in outside.json()["error"]
        assert "/models/two" in client.get("/").text


@pytest.mark.parametrize("ending", [".keras", ".stablehlo", ".onnx"])
def test_files_are_served(model: Any, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"tiny{ending}"
    write: Callable[..., Any] = model.save if ending == ".keras" else model.export
    write(path, **({} if ending == ".keras" else {"verify": False, "verbose": False}))
    served = load_servable(path)
    served.warm_up(4)
    assert (served.name, served.together, served.sizes(6)) == ("tiny", True, [1, 2, 4, 6])
    (outputs,) = served.predict([X[:11]], 4)
    np.testing.assert_allclose(outputs, model.predict(X[:11], verbose=0), rtol=1e-4, atol=1e-6)


def test_a_file_with_code_and_what_is_no_model_are_errors(tmp_path: Path) -> None:
    unsafe = jkeras.Sequential([jkeras.Input((2,)), layers.Lambda(lambda x: x + 1)])
    unsafe.save(tmp_path / "unsafe.keras")
    with pytest.raises(ValueError, match="safe_mode"):
        load_servable(tmp_path / "unsafe.keras")
    with pytest.raises(TypeError, match="expected a model, or the path of a file, got 3"):
        load_servable(3)
    with pytest.raises(ValueError, match=r"expected a name of letters, digits, .* got 'a b'"):
        load_servable(tiny(), "a b")
    with pytest.raises(FileNotFoundError):
        load_servable(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="`max_queue`: expected a number of at least 1, got 0"):
        Options(max_queue=0)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        serve({"tiny": tiny()}, port=taken.getsockname()[1])
