"""Weights, padding and reductions of plain values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.losses import MeanSquaredError, reduce_weighted
from jkeras.losses.reduction import divide_or_zero

VALUES = jnp.arange(12.0).reshape(3, 4)
WEIGHT = jnp.array([1.0, 2.0, 3.0])


def test_a_weight_an_example_goes_with_the_first_axis():
    # Keras lines the last axes up and cannot do this: (3, 4) beside (3,).
    expected = np.asarray(VALUES) * np.asarray(WEIGHT)[:, None]
    np.testing.assert_array_equal(reduce_weighted(VALUES, WEIGHT, None), expected)
    np.testing.assert_array_equal(reduce_weighted(VALUES, WEIGHT[:, None], None), expected)
    square = jnp.ones((3, 3))
    np.testing.assert_array_equal(reduce_weighted(square, WEIGHT, "none")[:, 0], WEIGHT)


def test_weights_of_the_shape_batch_by_one_go_with_values_of_the_shape_batch():
    assert reduce_weighted(WEIGHT, WEIGHT[:, None], None).tolist() == [1.0, 4.0, 9.0]


def test_the_mean_divides_by_elements_and_the_weighted_mean_by_weights():
    assert float(reduce_weighted(jnp.ones(3), WEIGHT)) == 2.0
    assert float(reduce_weighted(jnp.ones(3), WEIGHT, "mean")) == 2.0
    assert float(reduce_weighted(jnp.ones(3), WEIGHT, "mean_with_sample_weight")) == 1.0
    assert float(reduce_weighted(jnp.ones(3), WEIGHT, "sum")) == 6.0
    assert float(reduce_weighted(VALUES, 2.0, "mean_with_sample_weight")) == 5.5


def test_invalid_elements_count_nowhere():
    values = VALUES.at[2].set(jnp.nan)
    weight, valid = WEIGHT.at[2].set(jnp.nan), jnp.array([True, True, False])
    assert float(reduce_weighted(values, weight, valid=valid)) == (6 + 44) / 8
    by_weight = reduce_weighted(values, weight, "mean_with_sample_weight", valid)
    np.testing.assert_allclose(by_weight, 50 / 3, rtol=1e-6)
    assert reduce_weighted(values, weight, None, valid)[2].tolist() == [0.0] * 4
    slope = jax.grad(lambda v: reduce_weighted(v, weight, valid=valid))(values)
    assert slope.sum(1).tolist() == [0.5, 1.0, 0.0]


def test_nothing_valid_gives_zero_and_a_finite_gradient():
    nothing = jnp.zeros(3, bool)
    assert float(reduce_weighted(VALUES, valid=nothing)) == 0
    assert jax.grad(lambda b: divide_or_zero(jnp.ones(()), b))(0.0) == 0


def test_sums_of_bfloat16_are_formed_in_float32():
    values = jnp.ones(1000, jnp.bfloat16)
    mean = reduce_weighted(values, valid=jnp.arange(1000) < 999)
    assert mean.dtype == jnp.bfloat16 and float(mean) == 1.0
    assert float(reduce_weighted(values, reduction="sum")) == 1000.0


@pytest.mark.parametrize(
    ("weight", "shape"),
    [(jnp.ones(2), "(2,)"), (jnp.ones(4), "(4,)"), (jnp.ones((4, 3)), "(4, 3)")],
)
def test_weights_of_another_shape_say_what_fits(weight, shape):
    with pytest.raises(ValueError) as raised:
        reduce_weighted(VALUES, weight)
    assert str(raised.value) == (
        "expected `sample_weight` with one number an example, shape (3,), or one for each of the "
        f"values, shape (3, 4), got shape {shape}."
    )


def test_an_unknown_reduction_names_the_nearest():
    with pytest.raises(ValueError) as raised:
        MeanSquaredError(reduction="summ")
    assert str(raised.value) == (
        "MeanSquaredError: `reduction`: unknown reduction 'summ'. Did you mean 'sum'? "
        "Known: mean, mean_with_sample_weight, none, sum, sum_over_batch_size."
    )


def test_a_reduction_is_a_word():
    with pytest.raises(TypeError) as raised:
        MeanSquaredError(reduction=3)
    assert str(raised.value) == (
        "MeanSquaredError: `reduction`: expected a reduction's name or None, got 3 (int). "
        "Known: mean, mean_with_sample_weight, none, sum, sum_over_batch_size."
    )
