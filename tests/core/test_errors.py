"""The pieces of messages."""

import pickle
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.errors import (
    Message,
    WrongTypeError,
    describe,
    look_up,
    message_of,
    named_arguments,
    nearest,
    quoted,
    said_by,
    tell,
    type_error,
    unexpected_arguments,
    unknown_name,
    value_error,
)
from jkeras.layers import Dense


@pytest.mark.parametrize(
    ("name", "hint"),
    [("rleu", " Did you mean 'relu'?"), ("RELU", " Did you mean 'relu'?"), ("zzz", "")],
)
def test_the_nearest_name_in_any_letter_case(name: str, hint: str) -> None:
    assert nearest(name, ["tanh", "relu"]) == hint


def test_nearest_prefers_a_longer_name_with_the_word_in_it() -> None:
    assert nearest("linear", ["nearest", "bilinear"]) == " Did you mean 'bilinear'?"
    assert nearest("adma", ["adamax", "adam"]) == " Did you mean 'adam'?"


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda thing: thing(),
            "Thing: `size`: expected a value, got none. Write Thing(size, kind=...).",
        ),
        (
            lambda thing: thing(1),
            "Thing: `kind`: expected a value, got none. Write Thing(size, kind=...).",
        ),
        (
            lambda thing: thing(1, 2, 3, 4),
            "Thing: expected at most 2 without their names, got 4. Write "
            "Thing(size, name, kind=..., seed=...).",
        ),
        (
            lambda thing: thing(1, size=2, kind=3),
            "Thing: `size`: expected one value, got one without its name and one with it.",
        ),
        (
            lambda thing: thing(1, kind=None).close(3),
            "close: expected no arguments without their names, got 1. Write close(at=...).",
        ),
        (
            lambda thing: thing(1, kind=None).more(),
            "more: `x`: expected a value, got none. Write more(x).",
        ),
        (lambda thing: thing(1, kind=len), "object of type 'int' has no len()"),
    ],
)
def test_calls_that_python_refuses_name_the_call_to_write(
    call: Callable[[Any], Any], message: str
) -> None:
    class Thing:
        @named_arguments
        def __init__(self, size: int, name: str = "", *, kind: Any, seed: int = 0) -> None:
            if kind is not None:
                kind(size)

        @named_arguments
        def more(self, x: int, *others: int, **options: int) -> dict[str, int]:
            return options

        @named_arguments
        def close(self, *, at: int = 0) -> None:
            """Doc."""

    assert Thing(1, kind=None).more(1, 2, epochs=3) == {"epochs": 3}
    with pytest.raises(TypeError) as caught:
        call(Thing)
    assert str(caught.value) == message


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


def test_a_message_is_composed_of_its_parts() -> None:
    message = Message(who="Dense", argument="units", expected="a size", got=0, fix="Give one.")
    assert str(message) == "Dense: `units`: expected a size, got 0. Give one."
    assert str(message.replace(called_on="no array", argument="")) == (
        "Dense, called on no array: expected a size, got 0. Give one."
    )
    assert str(Message("as it is.", fix="Do that.")) == "as it is. Do that."
    assert message.parts()["got"] == "0", "parts are strings, so that an error holds no array"


@pytest.mark.parametrize(
    ("make", "kind"), [(value_error, ValueError), (type_error, WrongTypeError)]
)
def test_an_error_keeps_its_parts(make: Any, kind: type[Exception]) -> None:
    error = make(who="Dense", expected="one", got="two")
    assert type(error) is kind and error.args == ("Dense: expected one, got two.",)
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), message_of(copied)) == (str(error), message_of(error))
    assert tell(error, message_of(error).replace(who="Dense 'd'")) is error
    assert str(error) == "Dense 'd': expected one, got two."


@pytest.mark.parametrize(
    ("text", "who", "called_on"),
    [
        ("Mine: no.", "Mine", ""),
        ("Mine 'my one': no: not so.", "Mine 'my one'", ""),
        ("Mine 'm', called on inputs of shape (2, 3): no.", "Mine 'm'", "inputs of shape (2, 3)"),
        ("Incompatible shapes: (2,)", "", ""),
        ("mine: no.", "", ""),
        ("Mine", "", ""),
        (": no.", "", ""),
        ("Mine 'm: no.", "", ""),
    ],
)
def test_who_speaks_is_read_from_the_text_of_a_user(text: str, who: str, called_on: str) -> None:
    message = message_of(ValueError(text))
    assert (message.who, message.called_on, str(message)) == (who, called_on, text)


def test_another_one_says_what_an_error_says() -> None:
    error = type_error(who="Graph", argument="inputs", expected="a symbol", got="None")
    mine = said_by(error, "Model 'm'", known_as=["Graph"])
    assert (type(mine), str(mine)) == (
        WrongTypeError,
        "Model 'm': `inputs`: expected a symbol, got None.",
    )
    other = said_by(error, "Model 'm'", known_as=["Chain"], argument="net")
    assert str(other) == "Model 'm': `net`: Graph: `inputs`: expected a symbol, got None."
    assert type(quoted(KeyError("a"), who="Model")) is ValueError


def test_a_value_of_the_wrong_kind_is_an_error_of_python_and_of_keras() -> None:
    for kind in (TypeError, ValueError):
        with pytest.raises(kind, match="Dense: `units`: expected a positive integer"):
            Dense("three")  # type: ignore[arg-type]
