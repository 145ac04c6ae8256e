"""The pieces of messages."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.errors import (
    describe,
    look_up,
    named_arguments,
    nearest,
    unexpected_arguments,
    unknown_name,
)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("rleu", " Did you mean 'relu'?"), ("RELU", " Did you mean 'relu'?"), ("zzz", "")],
)
def test_the_nearest_name_in_any_letter_case(name: str, hint: str) -> None:
    assert nearest(name, ["tanh", "relu"]) == hint


def test_nearest_spells_the_known_name_as_it_is_known() -> None:
    assert nearest("glorotuniform", ["GlorotUniform"]) == " Did you mean 'GlorotUniform'?"


def test_look_up_finds_or_lists() -> None:
    assert look_up("thing", "a", {"a": 1}) == 1
    with pytest.raises(ValueError) as caught:
        look_up("thing", "bat", {"cat": 1, "ant": 2})
    assert str(caught.value) == "unknown thing 'bat'. Did you mean 'cat'? Known: ant, cat."
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert str(unknown_name("thing", "x", [])) == "unknown thing 'x'. Known: ."


def test_the_first_unexpected_argument_is_named() -> None:
    assert unexpected_arguments("f", ["a"], ["a", "b"]) is None
    assert str(unexpected_arguments("f", ["b", "q"], ["a", "b"])) == (
        "f: unexpected argument `q`. Arguments: a, b."
    )


def test_named_arguments_keeps_the_function_and_its_own_errors() -> None:
    class Thing:
        @named_arguments
        def do(self, x: int, *, times: int = 1) -> int:
            """Doc."""
            return x * times

    assert (Thing().do(2, times=3), Thing.do.__name__, Thing.do.__doc__) == (6, "do", "Doc.")
    with pytest.raises(TypeError) as caught:
        Thing().do(2, time=3)
    assert str(caught.value) == (
        "do: unexpected argument `time`. Did you mean 'times'? Arguments: x, times."
    )
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'x'"):
        Thing().do()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.zeros((2, 3), np.uint8), "an array of shape (2, 3) and dtype uint8"),
        (jnp.zeros(2, jnp.bfloat16), "an array of shape (2,) and dtype bfloat16"),
        (np.float32(1), "an array of shape () and dtype float32"),
        (None, "None (NoneType)"),
        ("x" * 80, "'" + "x" * 56 + "... (str)"),
    ],
    ids=["numpy", "jax", "scalar", "none", "long"],
)
def test_values_are_described_by_shape_or_text_and_kind(value: object, text: str) -> None:
    assert describe(value) == text
