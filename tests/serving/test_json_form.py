"""Requests in TensorFlow Serving's JSON form: what they mean, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from jkeras.export import Inference, TensorSpec
from jkeras.serving import Servable
from jkeras.serving.json_form import RequestError, read_request, written_answer


def servable(*inputs: TensorSpec, outputs: tuple[TensorSpec, ...] = ()) -> Servable:
    return Servable(Inference("model", None, {}, {}, inputs, outputs, None))


FLOATS = TensorSpec("x", ("batch", 2), "float32")
BYTES = TensorSpec("pixels", ("batch", 2), "uint8")
IDS = TensorSpec("ids", ("batch", "length"), "int32", limit=5)
ONE = servable(FLOATS)
TWO = servable(FLOATS, IDS)


@pytest.mark.parametrize(
    "content",
    [
        {"instances": [[1, 2], [3, 4]]},
        {"instances": [{"x": [1, 2]}, {"x": [3, 4]}]},
        {"inputs": [[1.0, 2], [3, 4]]},
        {"inputs": {"x": [[1, 2], [3, 4]]}, "signature_name": "serving_default"},
    ],
)
def test_rows_and_columns_are_the_same_arrays(content: Any) -> None:
    form, (array,) = read_request(json.dumps(content).encode(), ONE)
    assert form in content and array.dtype == np.float32
    assert array.tolist() == [[1, 2], [3, 4]]


def test_several_inputs_have_names() -> None:
    rows = {"instances": [{"x": [1, 2], "ids": [1, 2, 3]}, {"ids": [4, 0, 1], "x": [3, 4]}]}
    columns = {"inputs": {"ids": [[1, 2, 3], [4, 0, 1]], "x": [[1, 2], [3, 4]]}}
    for content in (rows, columns):
        _, (x, ids) = read_request(json.dumps(content).encode(), TWO)
        assert x.tolist() == [[1, 2], [3, 4]] and ids.tolist() == [[1, 2, 3], [4, 0, 1]]
        assert ids.dtype == np.int32


def test_whole_floats_are_integers_and_nothing_is_empty() -> None:
    _, (pixels,) = read_request(b'{"instances": [[1.0, 255]]}', servable(BYTES))
    assert pixels.dtype == np.uint8 and pixels.tolist() == [[1, 255]]
    assert read_request(b'{"instances": []}', ONE)[1][0].shape == (0, 2)


REFUSED: dict[bytes, tuple[Servable, str]] = {
    b"": (ONE, "the body: expected JSON, got nothing."),
    b"{": (ONE, "the body: expected JSON, got Expecting property name"),
    b"\xff\xfe": (ONE, "the body: expected JSON, got"),
    b"[" * 100_000: (ONE, "the body: expected JSON with lists in few lists, got deeper nesting."),
    b"[]": (ONE, 'the body: expected a dict with "instances" or "inputs", got a list.'),
    b'{"instance": []}': (ONE, "got 'instance'. Did you mean 'instances'?"),
    b"{}": (ONE, 'the body: expected one of "instances" and "inputs", got neither.'),
    b'{"instances": [], "inputs": []}': (ONE, "got both."),
    b'{"instances": [], "signature_name": "train"}': (ONE, "expected 'serving_default', got"),
    b'{"instances": 3}': (ONE, "instances: expected a list of examples, got a number."),
    b'{"instances": [[NaN, 1]]}': (ONE, "expected finite numbers, as JSON has them, got NaN."),
    b'{"instances": [[1, -Infinity]]}': (ONE, "got -Infinity."),
    b'{"instances": [[1e999, 1]]}': (ONE, "expected finite numbers of float32, got larger ones."),
    b'{"instances": [[1e39, 1]]}': (ONE, "expected finite numbers of float32, got larger ones."),
    b'{"instances": [[1, 2, 3]]}': (ONE, "expected numbers of shape (batch, 2), got shape (1, 3)."),
    b'{"instances": [[1, 2], [1]]}': (ONE, "got lists of different lengths."),
    b'{"instances": [["a", "b"]]}': (ONE, "expected float32 values, got string values."),
    b'{"instances": [[null, 1]]}': (ONE, "got values that are no numbers"),
    b'{"instances": [{"y": [1, 2]}]}': (ONE, "instances[0]: expected a dict with 'x', got 'y'."),
    b'{"instances": [{"x": [1, 2]}]}': (TWO, "expected a dict with 'x', 'ids', got no 'ids'."),
    b'{"instances": [{"x": [1, 2], "ids": [5]}]}': (
        TWO,
        "expected numbers from 0 to 4, got 5 to 5.",
    ),
    b'{"instances": [{"x": [1, 2], "ids": [0.5]}]}': (
        TWO,
        "expected whole numbers, got fractions.",
    ),
    b'{"inputs": {"x": [[1, 2]], "ids": [[1], [1]]}}': (
        TWO,
        "the same number of examples, got x: 1",
    ),
    b'{"inputs": [[1, 2]]}': (TWO, "inputs: expected a dict with 'x', 'ids', got a list."),
    b'{"instances": [[256, 0]]}': (
        servable(BYTES),
        "expected numbers from 0 to 255, got 0 to 256.",
    ),
    b'{"instances": [[1e30, 0]]}': (servable(BYTES), "expected numbers from 0 to 255"),
}


@pytest.mark.parametrize("body", REFUSED, ids=lambda body: body[:40].decode("latin-1"))
def test_what_the_model_does_not_take_is_refused(body: bytes) -> None:
    model, text = REFUSED[body]
    with pytest.raises(RequestError) as caught:
        read_request(body, model)
    assert text in str(caught.value)


def test_answers_have_the_form_of_the_request() -> None:
    specs = [TensorSpec(name, ("batch", 1), "float32") for name in ("a", "b")]
    outputs = [np.float32([[1], [2]]), np.float32([[3], [4]])]
    answers = [json.loads(written_answer(form, outputs, specs)) for form in ("instances", "inputs")]
    assert answers == [
        {"predictions": [{"a": [1], "b": [3]}, {"a": [2], "b": [4]}]},
        {"outputs": {"a": [[1], [2]], "b": [[3], [4]]}},
    ]
    assert json.loads(written_answer("instances", outputs[:1], specs[:1])) == {
        "predictions": [[1], [2]]
    }
    with pytest.raises(ValueError, match="the output 'a' of the model holds NaN or infinity"):
        written_answer("inputs", [np.float32([[np.nan]])], specs[:1])
