"""Functions as layers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.layers import Dense, Lambda

X = jnp.arange(6.0).reshape(2, 3)


def run(layer: Lambda, *inputs: Any, **options: Any) -> Any:
    return layer.apply({}, {}, *inputs, **options)[0]


def test_arguments_reach_the_function() -> None:
    layer = Lambda(lambda x, scale, shift: x * scale + shift, arguments={"scale": 2, "shift": X})
    np.testing.assert_array_equal(run(layer, X), 3 * X)
    assert layer == layer.replace() and hash(layer) == hash(layer.replace())


def test_several_inputs_come_as_a_list_and_several_outputs_as_a_tuple() -> None:
    def both(x: Any) -> list:
        assert isinstance(x, list)
        return [x[0] + x[1], x[0] - x[1]]

    outputs = run(Lambda(both), X, X)
    assert isinstance(outputs, tuple)
    np.testing.assert_array_equal(outputs[0], 2 * X)


def test_training_and_mask_are_filled_in_where_they_are_expected() -> None:
    seen = []
    layer = Lambda(lambda x, training, mask: seen.append((training, mask)) or x)
    run(layer, X, training=True, mask=X > 1)
    assert seen[0][0] is True and bool((seen[0][1] == (X > 1)).all())


def test_the_mask_of_the_outputs() -> None:
    layer = Lambda(jnp.tanh, mask=lambda inputs, mask: ~mask)
    assert layer.compute_mask(X, X > 1).tolist() == (X <= 1).tolist()
    fixed = Lambda(jnp.tanh, mask=np.array([[1, 0, 1]]))
    assert fixed.compute_mask(X, None).tolist() == [[True, False, True]]
    assert (layer.supports_masking, Lambda(jnp.tanh).supports_masking) == (True, False)


def test_integers_stay_integers_unless_the_function_says_otherwise() -> None:
    assert run(Lambda(lambda x: x + 1), jnp.arange(3)).dtype == jnp.int32
    assert jax.eval_shape(lambda x: run(Lambda(jnp.tanh, dtype="bfloat16"), x), X).dtype == (
        jnp.bfloat16
    )


def test_output_shape_is_checked() -> None:
    np.testing.assert_array_equal(run(Lambda(lambda x: x, output_shape=(None,)), X), X)
    run(Lambda(lambda x: x[:, :1], output_shape=lambda shape: (shape[0], 1)), X)
    with pytest.raises(ValueError) as caught:
        run(Lambda(lambda x: x, output_shape=(4,)), X)
    assert str(caught.value) == (
        "Lambda: expected outputs of shape (4,) behind the batch axis, as `output_shape` says, got "
        "(3,). Leave `output_shape` out: it follows from the function."
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Lambda("relu"),
            "Lambda: `function`: expected a function of arrays, got 'relu' (str).",
        ),
        (
            lambda: Lambda(Dense(3)),
            "Lambda: `function`: expected a function of arrays, got Dense(units=3). Put the layer "
            "in itself.",
        ),
        (
            lambda: Lambda(jnp.tanh, output_shape=3),
            "Lambda: `output_shape`: expected a tuple of sizes or a function, got 3 (int). Write "
            "(3,).",
        ),
        (
            lambda: Lambda(jnp.tanh, arguments=[1]),
            "Lambda: `arguments`: expected a dict of keyword arguments, got [1] (list).",
        ),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value) == message
