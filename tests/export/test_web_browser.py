"""The page in a browser: a drawn digit is read, by the server and by the page itself."""

from __future__ import annotations

import functools
import http.server
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import jkeras
from jkeras import layers as L
from jkeras.export.inference import Inference
from jkeras.export.web import page
from jkeras.export.web.runtime import HASHES, VERSION
from jkeras.layers import Input
from jkeras.trainer.files.exporting import inference_of
from tests.export.browser import CHROMIUM, Browser, served, static

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed here")

SEVEN = [(0.25, 0.25), (0.45, 0.25), (0.7, 0.25), (0.62, 0.42), (0.54, 0.6), (0.46, 0.8)]
"""The strokes of a digit, in shares of the canvas."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


@functools.cache
def digits() -> Any:
    """A small network that reads digits."""
    (x, y), _ = jkeras.datasets.mnist.load_sample()
    model = jkeras.Sequential(
        [
            *(Input((28, 28, 1), dtype="uint8"), L.Rescaling(1 / 255)),
            *(L.Conv2D(8, 5, 2, activation="relu"), L.Flatten(), L.Dense(10, "softmax")),
        ],
        name="digits",
        seed=0,
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x[:4000, ..., None], y[:4000], epochs=3, verbose=0)
    return model


def of(model: Any) -> Inference:
    return inference_of(model._trainer_parts.state)


def draw(browser: Browser, strokes: list[tuple[float, float]]) -> None:
    left, top, width = browser.evaluate(
        "(() => { const box = document.querySelector('canvas.pad').getBoundingClientRect();"
        "return [box.left, box.top, box.width]; })()"
    )
    browser.drag([(left + x * width, top + y * width) for x, y in strokes])


def status(browser: Browser, start: str) -> str:
    """The status line, as soon as it begins so."""
    line = "document.getElementById('status').textContent"
    browser.wait_for(f"{line}.startsWith({start!r})")
    return str(browser.evaluate(line))


def answering(inference: Inference, text: str) -> Any:
    """A handler that gives a page, and predictions in the form of TensorFlow Serving."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.answer(text.encode(), "text/html; charset=utf-8")

        def do_POST(self) -> None:
            assert self.path == f"/v1/models/{inference.name}:predict"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            (instance,) = json.loads(body)["instances"]
            one = len(inference.inputs) == 1
            arrays = [
                np.asarray([instance if one else instance[spec.name]], spec.dtype)
                for spec in inference.inputs
            ]
            values = [np.asarray(array)[0].tolist() for array in inference(*arrays)]
            names = [spec.name for spec in inference.outputs]
            rows = values if len(names) == 1 else [dict(zip(names, values, strict=True))]
            self.answer(json.dumps({"predictions": rows}).encode(), "application/json")

        def answer(self, body: bytes, kind: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def test_the_server_reads_a_drawn_digit(browser: Browser) -> None:
    inference = of(digits())
    with served(answering(inference, page(inference, backend="server"))) as address:
        browser.show(380, 800, dark=True)
        browser.open(address)
        assert status(browser, "Nothing") == "Nothing is drawn yet."
        draw(browser, SEVEN)
        assert status(browser, "Answer").startswith("Answer: 7: ")
        rows = browser.evaluate("document.querySelectorAll('.bars tr').length")
        wide = browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        browser.evaluate("document.querySelector('form button').click()")  # Clear
        status(browser, "Nothing")
        assert (rows, wide, browser.problems()) == (10, True, [])
        assert all(url.startswith((address, "data:")) for url in browser.addresses()[-20:])


def runtime_package() -> Path:
    """Where the real runtime for browsers is; the tests fetch nothing."""
    given = os.environ.get("ONNXRUNTIME_WEB")
    place = Path(given or Path.home() / ".cache" / "jkeras" / f"onnxruntime-web-{VERSION}")
    if not place.exists():
        pytest.skip(
            f"onnxruntime-web is not here: `npm pack onnxruntime-web@{VERSION}` gets it, and "
            "ONNXRUNTIME_WEB names its path"
        )
    return place


@pytest.mark.parametrize("quantize", [None, "int8"])
def test_the_page_reads_a_drawn_digit_by_itself(
    quantize: str | None, browser: Browser, tmp_path: Path
) -> None:
    options = {"runtime": runtime_package(), "quantize": quantize}
    digits().export(tmp_path, "web", verbose=False, **options)
    before = len(browser.addresses())
    with served(static(tmp_path)) as address:
        browser.show(1200, 800)
        browser.open(address)
        status(browser, "Nothing")
        draw(browser, SEVEN)
        assert status(browser, "Answer").startswith("Answer: 7: ")
        assert browser.problems() == []
        assert sorted(browser.addresses()[before:]) == [
            address,
            *(f"{address}{name}" for name in ("model.onnx", *sorted(HASHES))),
        ]


def test_the_keyboard_draws(browser: Browser) -> None:
    inference = of(digits())
    with served(answering(inference, page(inference, backend="server"))) as address:
        browser.open(address)
        browser.evaluate("document.querySelector('canvas.pad').focus()")
        for key in [*["ArrowUp"] * 8, " ", *["ArrowDown"] * 16]:
            browser.press(key)
        assert status(browser, "Answer").startswith("Answer: 1: ")
        browser.press("Delete")
        status(browser, "Nothing")


def test_several_inputs_and_outputs(browser: Browser) -> None:
    table, words = Input((2,), name="table"), Input((4,), name="words", dtype="int32")
    x = L.Concatenate()([table, L.Flatten()(L.Embedding(9, 2)(words))])
    outputs = {
        "kind": L.Dense(2, "softmax", name="kind")(x),
        "age": L.Dense(1, "relu", bias_initializer="ones", name="age")(table * table),
        "curve": L.Reshape((2, 2), name="curve")(L.Dense(4)(x)),
    }
    inference = of(jkeras.Model([table, words], outputs, name="net", seed=0))
    with served(answering(inference, page(inference, backend="server"))) as address:
        browser.open(address)
        assert status(browser, "An input") == "An input is missing."

        def write(text: str) -> None:
            browser.evaluate(
                "(() => { const box = document.querySelector('textarea');"
                f"box.value = {text!r}; box.dispatchEvent(new Event('input')); }})()"
            )

        write("1 2 no")
        browser.wait_for("document.querySelector('.error').textContent !== ''")
        error = browser.evaluate("document.querySelector('.error').textContent")
        assert error == "“no” is not a whole number."
        write("1 2")
        answer = status(browser, "Answer")
        assert "Age: 1; " in answer and "Curve: 4 numbers" in answer
        assert browser.problems() == []


class Shares(L.Layer):
    """The shares of red, green and blue in a picture, as if they were logits."""

    def call(self, x: Any) -> Any:
        sums = jkeras.ops.mean(x, axis=(1, 2))
        return 99 * sums / jkeras.ops.sum(sums, axis=-1, keepdims=True)


def test_a_picture_from_a_file_and_from_the_camera(browser: Browser, tmp_path: Path) -> None:
    model = jkeras.Sequential([Input((12, 16, 3)), L.Rescaling(1 / 255), Shares()], name="net")
    inference = of(model)
    pixels = np.zeros((30, 40, 3), "uint8")
    pixels[..., 1] = 255
    Image.fromarray(pixels).save(tmp_path / "green.png")
    (tmp_path / "text.png").write_text("no picture")
    text = page(inference, backend="server", labels=["red" * 20, "green", "blue"])
    with served(answering(inference, text)) as address:
        browser.show(380, 800)
        browser.open(address)
        assert status(browser, "No picture") == "No picture yet."
        browser.choose_file("input[type=file]", tmp_path / "text.png")
        browser.wait_for("document.querySelector('.error').textContent.startsWith('This file')")
        browser.choose_file("input[type=file]", tmp_path / "green.png")
        assert status(browser, "Answer") == "Answer: green: 100.0%"
        assert browser.evaluate("document.documentElement.scrollWidth") == 380
        camera = "[...document.querySelectorAll('button')].at(-1)"
        browser.evaluate(f"{camera}.click()")
        browser.wait_for(f"{camera}.textContent === 'Take the picture'")
        browser.wait_for("document.querySelector('video').videoWidth > 0")
        browser.evaluate(f"{camera}.click()")
        browser.wait_for("document.querySelector('img').src.startsWith('data:')")
        shown = "[...document.querySelectorAll('img, video, .drop')].filter((e) => e.offsetHeight)"
        assert browser.evaluate(f"{shown}.map((e) => e.tagName)") == ["IMG"]
        assert status(browser, "Answer").startswith("Answer: ")
        assert browser.problems() == []
