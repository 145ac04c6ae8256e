"""Constraints against Keras's numbers, their laws and their messages."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops import constraints
from jkeras.ops.constraints import Constraint, MaxNorm, MinMaxNorm, NonNeg, UnitNorm
from tests.tolerances import near

GOLDEN = dict(np.load(pathlib.Path(__file__).parents[1] / "golden" / "ops.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_ops.py"
CASES = sorted({key.rpartition("|")[0] for key in GOLDEN if key.startswith("constraints|")})
ALL = [Constraint(), MaxNorm(3, axis=1), NonNeg(), UnitNorm(axis=(0, 1)), MinMaxNorm(4.0, 5.0)]


@pytest.mark.parametrize("case", CASES)
def test_values_are_keras(case):
    _, name, arguments = case.split("|")
    rule = getattr(constraints, name)(**json.loads(arguments))
    want = GOLDEN[f"{case}|y"]
    np.testing.assert_allclose(rule(jnp.asarray(GOLDEN["matrix"])), want, rtol=1e-5, err_msg=AGAIN)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_keras(case):
    _, name, arguments = case.split("|")
    rule = getattr(constraints, name)(**json.loads(arguments))
    gradient = jax.grad(lambda x: jnp.sum(GOLDEN["weights"] * rule(x)))(GOLDEN["matrix"])
    want = GOLDEN[f"{case}|dx"]
    np.testing.assert_allclose(gradient, want, **near("values", 0.0), err_msg=AGAIN)


def test_every_class_has_golden_values():
    assert {case.split("|")[1] for case in CASES} == {
        cls.__name__ for cls in constraints.TABLE.values()
    }


@pytest.mark.parametrize("rule", ALL, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_shape_and_dtype_are_kept_and_twice_is_once(rule, dtype):
    w = jnp.asarray(GOLDEN["matrix"], dtype)
    once = rule(w)
    assert (once.shape, once.dtype) == (w.shape, w.dtype)
    tolerance = 1e-5 if dtype == "float32" else 0.02
    for again in (rule(once), jax.jit(rule)(w)):
        np.testing.assert_allclose(np.float32(again), np.float32(once), rtol=tolerance)


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_descriptions_compare_hash_and_print(rule):
    assert rule == rule.replace() and hash(rule) == hash(rule.replace())
    assert eval(repr(rule), vars(constraints)) == rule


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_zeros_stay_zeros(rule):
    assert rule(jnp.zeros((2, 3))).tolist() == [[0.0] * 3] * 2


def test_a_list_of_axes_is_a_tuple():
    assert MaxNorm(axis=[0, 1]) == MaxNorm(axis=(0, 1))


def halve(w):
    return w / 2


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *[("max_norm", MaxNorm()), ("MaxNorm", MaxNorm()), ("non_neg", NonNeg())],
        *[("unit_norm", UnitNorm()), ("min_max_norm", MinMaxNorm()), ("constraint", Constraint())],
        *[(NonNeg, NonNeg()), (MaxNorm(3), MaxNorm(3)), (halve, halve), (None, None)],
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_get(given, meant):
    assert constraints.get(given) == meant


MESSAGES = [
    (
        lambda: MaxNorm(-1),
        ValueError,
        "MaxNorm: `max_value`: expected a number ≥ 0, got -1.",
    ),
    (
        lambda: MinMaxNorm(min_value="0"),
        TypeError,
        "MinMaxNorm: `min_value`: expected a number ≥ 0, got '0' (str).",
    ),
    (
        lambda: MinMaxNorm(2.0, 1.0),
        ValueError,
        "MinMaxNorm: expected `min_value` ≤ `max_value`, got 2.0 and 1.0. Swap them.",
    ),
    (
        lambda: MinMaxNorm(rate=1.5),
        ValueError,
        "MinMaxNorm: expected `rate` from 0 to 1, got 1.5.",
    ),
    (
        lambda: constraints.get("maxnrom"),
        ValueError,
        "unknown constraint 'maxnrom'. Did you mean 'MaxNorm'? Known: Constraint, MaxNorm, "
        "MinMaxNorm, NonNeg, UnitNorm, constraint, max_norm, min_max_norm, non_neg, unit_norm.",
    ),
    (
        lambda: constraints.get(2),
        TypeError,
        "expected a constraint: a name such as 'max_norm', an object such as MaxNorm(2), "
        "a function weight -> weight, or None, got 2 (int).",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "message"), MESSAGES)
def test_messages(wrong, kind, message):
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
