"""Numbers, flags and rates: what is let through, and the whole message where it is not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import SGD, Adam, arguments
from jkeras.optimizers.schedules import CosineDecay


@pytest.mark.parametrize("value", [1, 0.5, np.float64(0.5), np.int32(1), jnp.float32(0.5)])
def test_numbers_become_plain_python_numbers(value: Any) -> None:
    kept = arguments.fraction(value)
    assert type(kept) in (int, float) and kept == value


def test_a_narrow_scalar_is_a_number() -> None:
    assert arguments.fraction(jnp.bfloat16(0.5)) == 0.5


@pytest.mark.parametrize("value", [True, None, "1", [1], np.bool_(True), np.ones(1), 1j])
def test_other_kinds_are_not_numbers(value: Any) -> None:
    with pytest.raises(TypeError, match=r"^expected a number in \[0, 1\], got "):
        arguments.fraction(value)


@pytest.mark.parametrize(
    ("convert", "inside", "outside"),
    [
        (arguments.fraction, [0, 1], [-0.01, 1.01]),
        (arguments.positive_fraction, [1e-9, 1], [0, 1.01]),
        (arguments.decay_rate, [0, 0.999], [-0.01, 1]),
        (arguments.non_negative, [0, 1e9], [-1, float("inf")]),
        (arguments.non_positive, [-1e9, 0], [0.1, float("-inf")]),
        (arguments.positive, [1e-9], [0, -1, float("inf")]),
        (arguments.at_least_one, [1, 2.5], [0.99, float("inf")]),
        (arguments.finite, [-1, 0], [float("inf")]),
        (arguments.learning_rate, [0, 0.1], [-0.1, float("inf")]),
    ],
)
def test_ranges(convert: Any, inside: list[float], outside: list[float]) -> None:
    assert [convert(value) for value in inside] == inside
    for value in [*outside, float("nan")]:
        with pytest.raises(ValueError) as caught:
            convert(value)
        assert str(caught.value).endswith(f", got {value!r} ({type(value).__name__}).")


def test_optional_lets_none_through() -> None:
    assert arguments.optional(arguments.positive)(None) is None
    assert arguments.optional(arguments.positive)(2) == 2


def test_integers() -> None:
    assert [arguments.integer(1)(value) for value in (1, np.int64(7))] == [1, 7]
    assert type(arguments.integer(1)(np.int64(7))) is int


@pytest.mark.parametrize(("value", "kind"), [(0, ValueError), (1.0, TypeError), (True, TypeError)])
def test_other_things_are_not_integers(value: Any, kind: type[Exception]) -> None:
    with pytest.raises(kind) as caught:
        arguments.integer(1)(value)
    got = f"{value!r} ({type(value).__name__})"
    assert str(caught.value) == f"expected an integer of at least 1, got {got}."


def test_flags() -> None:
    assert arguments.flag(np.bool_(True)) is True and arguments.flag(False) is False


def test_a_callable_whose_signature_is_not_told_is_believed() -> None:
    assert SGD(dict.fromkeys).learning_rate == dict.fromkeys


def no_step() -> float:
    return 0.1


def two_numbers(step: int, rate: float) -> float:
    return rate * step


def test_a_function_of_nothing_is_a_rate() -> None:
    rate = SGD(no_step).learning_rate
    assert callable(rate) and rate(5) == 0.1
    assert SGD(no_step) == SGD(no_step) and SGD(no_step) != SGD(lambda: 0.1)


@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        (
            -1.0,
            ValueError,
            "expected a number of at least 0 or a schedule (a function of the step), "
            "got -1.0 (float).",
        ),
        (
            "fast",
            TypeError,
            "expected a number of at least 0 or a schedule (a function of the step), "
            "got 'fast' (str).",
        ),
        (
            None,
            TypeError,
            "expected a number of at least 0 or a schedule (a function of the step), "
            "got None (NoneType).",
        ),
        (
            True,
            TypeError,
            "expected a number of at least 0 or a schedule (a function of the step), "
            "got True (bool).",
        ),
        (
            CosineDecay,
            TypeError,
            "expected a number or a schedule, got the class CosineDecay. "
            "Make an instance: CosineDecay(...).",
        ),
        (
            two_numbers,
            TypeError,
            "expected a function of the step, got two_numbers(step: int, rate: float) -> float. "
            "Write it as: lambda step: ...",
        ),
        (
            np.array([0.1, 0.2]),
            TypeError,
            "expected a number or a schedule, got an array of shape (2,) and dtype float64. Traced "
            "rates and one rate per model belong in the state: "
            "set_learning_rate(optimizer.init(params), rate).",
        ),
    ],
)
def test_wrong_learning_rates(value: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        Adam(learning_rate=value)
    assert str(caught.value) == f"Adam: `learning_rate`: {message}"


def test_a_traced_rate_is_sent_to_the_state() -> None:
    with pytest.raises(TypeError) as caught:
        jax.vmap(lambda rate: Adam(rate).init(jnp.ones(2)))(jnp.ones(3))
    assert str(caught.value) == (
        "Adam: `learning_rate`: expected a number or a schedule, got an array of shape () and "
        "dtype float32. Traced rates and one rate per model belong in the state: "
        "set_learning_rate(optimizer.init(params), rate)."
    )
