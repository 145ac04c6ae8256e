"""Lambdas in configurations: as Keras writes them, and let in by the caller alone."""

import base64
import marshal
from typing import Any

import pytest

from jkeras import layers, saving
from jkeras.core import code


def plain(value: Any) -> Any:
    return value


def test_a_lambda_comes_back_with_defaults_and_what_it_closes_over() -> None:
    factor = 3
    config = code.written(lambda x, more=4: x * factor + more, plain)["config"]
    assert (config["defaults"], config["closure"]) == ([4], [3])
    with code.allowed(True):
        function = code.read(config, plain)
    assert (function(2), function(2, more=0)) == (10, 6)
    with pytest.raises(NameError):  # nothing of this module is known to it
        with_names({}, lambda: pytest)()
    assert with_names({"pytest": 7}, lambda: pytest)() == 7


def with_names(names: dict[str, Any], function: Any) -> Any:
    with saving.custom_object_scope(names), code.allowed(True):
        return code.read(code.written(function, plain)["config"], plain)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("AAAA", "a lambda's code: expected a dict with 'code', got 'AAAA' (str)."),
        ({"code": 3}, "a lambda's code: expected a dict with 'code', got {'code': 3} (dict)."),
        (
            {"code": base64.b64encode(marshal.dumps(3)).decode()},
            "a lambda's code: expected bytecode, got 3 (int).",
        ),
        (
            {"code": base64.b64encode(b"\xff\xff").decode()},
            "a lambda's code: expected bytecode of this version of Python, got something else "
            "(bad marshal data (unknown type code)). Write the function with def.",
        ),
    ],
)
def test_damaged_code_is_told(content: Any, message: str) -> None:
    with code.allowed(True), pytest.raises(ValueError) as error:
        code.read(content, plain)
    assert str(error.value) == message


def test_keras_reads_ours_and_we_read_keras_s() -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    # Without defaults: Keras 3.15.1 does not read those that it writes itself.
    config = saving.serialize_keras_object(layers.Lambda(lambda x: x * 2))
    theirs = keras.saving.deserialize_keras_object(config, safe_mode=False)
    assert theirs.function(5) == 10
    config = keras.saving.serialize_keras_object(keras.layers.Lambda(lambda x, n=2: x + n))
    assert saving.deserialize_keras_object(config, safe_mode=False).function(5) == 7
