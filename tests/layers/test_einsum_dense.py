"""EinsumDense beyond the laws: the layers it stands for, its first weights, its errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import Dense, EinsumDense, Layer
from jkeras.ops.initializers import HeNormal
from tests.kinds import kind_raised

X = jnp.asarray(np.random.default_rng(0).normal(size=(2, 3, 5)), jnp.float32)


def made(layer: Layer, inputs: Any = X) -> tuple[dict, dict]:
    """Fresh weights for some inputs."""
    return layer.init(jax.random.key(0), inputs)


@pytest.mark.parametrize("equation", ["abc,cd->abd", "...c,cd->...d"])
def test_it_stands_for_dense(equation: str) -> None:
    shape = (None, 4) if equation[0] == "a" else 4
    dense = Dense(4, activation="tanh")
    layer = EinsumDense(equation, shape, activation="tanh", bias_axes="d")
    params, state = made(dense)
    got, _ = layer.apply(params, state, X)
    np.testing.assert_allclose(got, dense.apply(params, state, X)[0], rtol=1e-5, atol=1e-6)


def test_fans_are_counted_over_the_axes_that_come_in_and_go_out() -> None:
    layer = EinsumDense("abcd,cde->abe", (None, 500), kernel_initializer=HeNormal())
    kernel = made(layer, jax.ShapeDtypeStruct((1, 2, 10, 20), jnp.float32))[0]["kernel"]
    assert kernel.shape == (10, 20, 500)
    np.testing.assert_allclose(kernel.std(), np.sqrt(2 / 200), rtol=0.02)


def test_an_initializer_that_names_its_axes_is_left_alone() -> None:
    rule = HeNormal(seed=0, input_axes=(1,), output_axes=(2,))
    layer = EinsumDense("abcd,cde->abe", (None, 50), kernel_initializer=rule)
    kernel = made(layer, jax.ShapeDtypeStruct((1, 2, 10, 20), jnp.float32))[0]["kernel"]
    np.testing.assert_array_equal(kernel, rule((10, 20, 50)))


def test_rules_find_their_weights() -> None:
    layer = EinsumDense(
        "abc,cd->abd",
        (3, 4),
        bias_axes="d",
        kernel_regularizer="l2",
        bias_initializer="ones",
        bias_constraint=lambda bias: bias * 2,
    )
    params, _ = made(layer)
    np.testing.assert_allclose(
        layer.penalty(params), 0.01 * jnp.sum(params["kernel"] ** 2), rtol=1e-5
    )
    assert layer.constrain(params)["bias"].tolist() == [2.0] * 4


def use(layer: EinsumDense, again: tuple[int, ...]) -> Any:
    """Applies a layer to inputs of other sizes than those its weights were made for."""
    return layer.apply(*made(layer), jnp.zeros(again))


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: EinsumDense(3, 4),
        TypeError,
        "EinsumDense: `equation`: expected an equation such as 'abc,cd->abd', got 3 (int).",
    ),
    (
        lambda: EinsumDense("ab,bc", 4),
        ValueError,
        "EinsumDense: `equation`: expected an equation of the form 'ab,bc->ac', "
        "'...ab,bc->...ac' or 'ab...,bc->ac...', got 'ab,bc'.",
    ),
    (
        lambda: EinsumDense("ab,bc->ac", 0),
        ValueError,
        "EinsumDense: `output_shape`: expected a positive integer, got 0.",
    ),
    (
        lambda: EinsumDense("ab,bc->ac", 4, bias_axes="b"),
        ValueError,
        "EinsumDense: expected `bias_axes` among the outputs' axes 'ac', got 'b'.",
    ),
    (
        lambda: EinsumDense("ab,bc->ac", 4, bias_axes=["c"]),
        TypeError,
        "EinsumDense: `bias_axes`: expected the letters of some output axes, got ['c'] (list).",
    ),
    (
        lambda: made(EinsumDense("ab,bc->ac", 4)),
        ValueError,
        "EinsumDense: `equation` 'ab,bc->ac' does not go with inputs of 3 axes. Inputs have the "
        "shape (2, 3, 5).",
    ),
    (
        lambda: use(EinsumDense("abc,cd->abd", (None, 4)), (2, 3, 6)),
        ValueError,
        "EinsumDense: expected `inputs` that go with a kernel of shape (5, 4), as when its weights "
        "were made, got shape (2, 3, 6).",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_use(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
