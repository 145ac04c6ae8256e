"""Checks of the arguments of optimizers and schedules: numbers in their range, flags, rates.

Each function here is the converter of a field: it returns the value of the field, or raises
TypeError for the wrong kind and ValueError for the wrong content. `Description` adds the owner and
the field's name to the message.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
import operator
import re
from collections.abc import Callable
from typing import Any, TypeGuard, TypeVar

import jax
import numpy as np
from jax.typing import ArrayLike

from jkeras.core.description import Description
from jkeras.core.errors import WrongTypeError, describe

Number = int | float
Schedule = Callable[[Any], Any]
T = TypeVar("T")


def number(words: str, accept: Callable[[Number], bool]) -> Callable[[Any], Number]:
    """A converter to a Python number for which `accept` is true.

    Args:
      words: the expected value, in words for the error: `"a number in [0, 1]"`.
      accept: returns whether a number is in range; must be false for NaN.

    Example:
      >>> fraction = number("a number in [0, 1]", lambda value: 0 <= value <= 1)
      >>> fraction(0.5)
      0.5
      >>> fraction(2)
      Traceback (most recent call last):
      ValueError: expected a number in [0, 1], got 2 (int).
    """

    def convert(value: object) -> Number:
        message = f"expected {words}, got {describe(value)}."
        if not _is_number(value):
            raise WrongTypeError(message)
        plain = value.item() if isinstance(value, np.ndarray | np.generic | jax.Array) else value
        if not accept(plain):
            raise ValueError(message)
        return plain

    return convert


def _is_number(value: object) -> TypeGuard[Number | np.ndarray | np.generic | jax.Array]:
    """Real numbers of Python and NumPy, and arrays without axes; not booleans, not traced."""
    if isinstance(value, bool | jax.core.Tracer):
        return False
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return (
            value.shape == () and np.dtype(value.dtype).kind in "iufV"
        )  # V: bfloat16 and the like
    return isinstance(value, int | float)


fraction = number("a number in [0, 1]", lambda value: 0 <= value <= 1)
positive_fraction = number("a number in (0, 1]", lambda value: 0 < value <= 1)
decay_rate = number("a number in [0, 1)", lambda value: 0 <= value < 1)
non_negative = number("a number of at least 0", lambda value: 0 <= value < math.inf)
non_positive = number("a number of at most 0", lambda value: -math.inf < value <= 0)
positive = number("a number above 0", lambda value: 0 < value < math.inf)
at_least_one = number("a number of at least 1", lambda value: 1 <= value < math.inf)
finite = number("a finite number", math.isfinite)
_fixed_rate = number(
    "a number of at least 0 or a schedule (a function of the step)",
    lambda value: 0 <= value < math.inf,
)


def optional(convert: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A converter like `convert` that returns None for None."""
    return lambda value: None if value is None else convert(value)


def integer(least: int) -> Callable[[Any], int]:
    """A converter to a Python integer of at least `least`.

    Example:
      >>> integer(1)(3)
      3
      >>> integer(1)(0)
      Traceback (most recent call last):
      ValueError: expected an integer of at least 1, got 0 (int).
    """

    def convert(value: object) -> int:
        message = f"expected an integer of at least {least}, got {describe(value)}."
        if isinstance(value, bool | jax.core.Tracer) or not hasattr(value, "__index__"):
            raise WrongTypeError(message)
        if operator.index(value) < least:
            raise ValueError(message)
        return operator.index(value)

    return convert


def keyword(default: Any, convert: Callable[[Any], Any]) -> Any:
    """A keyword-only field: the arguments that every optimizer has."""
    return dataclasses.field(default=default, kw_only=True, metadata={"convert": convert})


def exclusions(value: object) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    """What weight decay leaves out: regular expressions for names, and paths; None for nothing."""
    if value is None:
        return None
    lists = isinstance(value, list | tuple) and all(isinstance(v, list | tuple) for v in value)
    if not isinstance(value, list | tuple) or not lists or len(value) != 2:
        raise WrongTypeError(
            f"expected two lists, of names and of paths, got {describe(value)}. "
            "Call exclude_from_weight_decay in place of the argument."
        )
    names, paths = map(tuple, value)
    for word in (*names, *paths):
        if not isinstance(word, str):
            raise WrongTypeError(f"expected names such as 'bias', got {describe(word)}.")
    for name in names:
        check_regular_expression(name)
    return (names, paths) if names or paths else None


def numbers(values: object) -> tuple[Number, ...]:
    """A non-empty list of numbers of at least 0, as a tuple."""
    if not isinstance(values, list | tuple):
        raise WrongTypeError(f"expected a list of numbers, got {describe(values)}.")
    if not values:
        raise ValueError("expected at least one number, got an empty list.")
    return tuple(non_negative(value) for value in values)


def check_regular_expression(pattern: str) -> None:
    """Raises ValueError unless `pattern` is a regular expression."""
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"expected regular expressions, got {pattern!r}: {error}.") from None


def flag(value: object) -> bool:
    """`value`, which must be True or False: a number in its place is usually a shifted argument."""
    if not isinstance(value, bool | np.bool_):
        raise WrongTypeError(f"expected True or False, got {describe(value)}.")
    return bool(value)


def learning_rate(value: object) -> Number | Schedule:
    """A number of at least 0, or a schedule: any function from the step, or of nothing, to a rate.

    Raises:
      TypeError: `value` is neither a number nor a schedule; a schedule's class instead of an
        instance; a function that needs more arguments than the step; or a traced array, which a
        description cannot hold.
      ValueError: a negative, infinite or NaN rate.
    """
    if isinstance(value, type):
        raise WrongTypeError(
            f"expected a number or a schedule, got the class {value.__name__}. "
            f"Make an instance: {value.__name__}(...)."
        )
    if isinstance(value, jax.core.Tracer) or getattr(value, "ndim", 0) > 0:
        raise WrongTypeError(
            f"expected a number or a schedule, got {describe(value)}. Traced rates and one rate "
            "per model belong in the state: set_learning_rate(optimizer.init(params), rate)."
        )
    return _function_of_step(value) if callable(value) else _fixed_rate(value)


class RateOf(Description):
    """A function without arguments as a schedule.

    The function is called while tracing, so a compiled step has a constant rate.
    """

    fn: Callable[..., Any]

    def __call__(self, step: ArrayLike) -> Any:
        """The return value of the function, at every step."""
        del step
        return self.fn()


def _function_of_step(schedule: Schedule) -> Schedule:
    try:
        signature = inspect.signature(schedule)
    except ValueError:  # a built-in that does not tell its signature: believe it
        return schedule
    if _takes(signature, 0):
        return schedule
    if _takes(signature):
        return RateOf(schedule)
    name = getattr(schedule, "__name__", type(schedule).__name__)
    raise WrongTypeError(
        f"expected a function of the step, got {name}{signature}. Write it as: lambda step: ..."
    )


def _takes(signature: inspect.Signature, *arguments: Any) -> bool:
    """Whether a function with this signature accepts these arguments."""
    try:
        signature.bind(*arguments)
    except TypeError:
        return False
    return True
