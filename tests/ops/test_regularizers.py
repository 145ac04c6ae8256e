"""Regularizers against Keras's numbers, their laws and their messages."""

import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras.ops import regularizers
from jkeras.ops.regularizers import L1, L1L2, L2, OrthogonalRegularizer, Regularizer
from tests.tolerances import near

GOLDEN = dict(np.load(pathlib.Path(__file__).parents[1] / "golden" / "ops.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_ops.py"
CASES = sorted({key.rpartition("|")[0] for key in GOLDEN if key.startswith("regularizers|")})
ALL = [Regularizer(), L1(0.3), L2(0.3), L1L2(0.1, 0.2), OrthogonalRegularizer(0.5)]


@pytest.mark.parametrize("case", CASES)
def test_values_are_keras(case):
    _, name, arguments = case.split("|")
    rule = getattr(regularizers, name)(**json.loads(arguments))
    want = GOLDEN[f"{case}|y"]
    np.testing.assert_allclose(rule(jnp.asarray(GOLDEN["matrix"])), want, rtol=1e-5, err_msg=AGAIN)


@pytest.mark.parametrize("case", CASES)
def test_gradients_are_keras(case):
    _, name, arguments = case.split("|")
    rule = getattr(regularizers, name)(**json.loads(arguments))
    gradient = jax.grad(lambda x: jnp.sum(GOLDEN["weights"] * rule(x)))(GOLDEN["matrix"])
    want = GOLDEN[f"{case}|dx"]
    np.testing.assert_allclose(gradient, want, **near("values", 0.0), err_msg=AGAIN)


def test_every_class_has_golden_values():
    assert {case.split("|")[1] for case in CASES} == {
        cls.__name__ for cls in regularizers.TABLE.values()
    }


@pytest.mark.parametrize("rule", ALL, ids=repr)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_scalar_in_the_weights_dtype(rule, dtype):
    x = jnp.asarray(GOLDEN["matrix"], dtype)
    eager, jitted = rule(x), jax.jit(rule)(x)
    assert (eager.shape, eager.dtype, jitted.dtype) == ((), x.dtype, x.dtype)
    tolerance = 1e-6 if dtype == "float32" else 0.02
    np.testing.assert_allclose(np.float32(eager), np.float32(jitted), rtol=tolerance)
    assert float(eager) >= 0


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_gradients(rule):
    x = jnp.array([[1.3, -0.7, 0.4], [0.5, 0.9, -0.8]])
    check_grads(rule, (x,), order=1, modes=["rev"], rtol=1e-2, atol=1e-2, eps=1e-2)


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_descriptions_compare_hash_and_print(rule):
    assert rule == rule.replace() and hash(rule) == hash(rule.replace())
    assert eval(repr(rule), vars(regularizers)) == rule


def test_an_orthogonal_weight_costs_nothing_and_equal_rows_cost_the_factor():
    assert float(OrthogonalRegularizer(2.0)(3 * jnp.eye(4))) == 0.0
    np.testing.assert_allclose(OrthogonalRegularizer(2.0)(jnp.ones((3, 5))), 2.0, rtol=1e-6)


def test_orthogonal_is_finite_where_keras_is_not():
    rule = OrthogonalRegularizer()
    assert float(rule(jnp.ones((1, 5)))) == 0.0
    slope = jax.grad(rule)(jnp.array([[0.0, 0.0], [1.0, 2.0]]))
    assert bool(jnp.all(jnp.isfinite(slope)))


def test_none_means_the_default_factor():
    assert (L1(None), L2(l2=None), L1L2(None, 0.5)) == (L1(0.01), L2(0.01), L1L2(0.0, 0.5))


def double(x):
    return 2 * x.sum()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *[("l1", L1()), ("L1", L1()), ("l2", L2()), ("l1_l2", L1L2()), ("l1l2", L1L2())],
        *[("orthogonal_regularizer", OrthogonalRegularizer()), (L2, L2()), (L2(0.5), L2(0.5))],
        *[(double, double), (None, None)],
    ],
    ids=lambda value: getattr(value, "__name__", repr(value)),
)
def test_get(given, meant):
    assert regularizers.get(given) == meant


class Holder:
    """What a weight of flax.nnx is to JAX: an object that holds an array."""

    def __jax_array__(self):
        return jnp.array([[1.0, -2.0], [0.0, 1.0]])


@pytest.mark.parametrize("rule", ALL, ids=repr)
def test_a_weight_may_be_held_by_an_object(rule):
    np.testing.assert_array_equal(rule(Holder()), rule(Holder().__jax_array__()))


MESSAGES = [
    (lambda: L2(-1.0), ValueError, "L2: `l2`: expected a finite number ≥ 0, got -1.0."),
    (
        lambda: L1(float("nan")),
        ValueError,
        "L1: `l1`: expected a finite number ≥ 0, got nan.",
    ),
    (
        lambda: L1L2(l2="a"),
        TypeError,
        "L1L2: `l2`: expected a finite number ≥ 0, got 'a' (str).",
    ),
    (
        lambda: OrthogonalRegularizer(mode="row"),
        ValueError,
        "OrthogonalRegularizer: `mode`: expected 'rows' or 'columns', got 'row'.",
    ),
    (
        lambda: OrthogonalRegularizer()(jnp.ones((2, 2, 2))),
        ValueError,
        "OrthogonalRegularizer: expected a weight [rows, columns], got shape (2, 2, 2). "
        "For a convolution kernel use L2.",
    ),
    (
        lambda: regularizers.get("l22"),
        ValueError,
        "unknown regularizer 'l22'. Did you mean 'l2'? Known: L1, L1L2, L2, OrthogonalRegularizer, "
        "Regularizer, l1, l1_l2, l1l2, l2, orthogonal_regularizer, regularizer.",
    ),
    (
        lambda: regularizers.get(0.01),
        TypeError,
        "expected a regularizer: a name such as 'l2', an object such as L2(0.01), "
        "a function weight -> scalar, or None, got 0.01 (float).",
    ),
]


@pytest.mark.parametrize(("wrong", "kind", "message"), MESSAGES)
def test_messages(wrong, kind, message):
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message
