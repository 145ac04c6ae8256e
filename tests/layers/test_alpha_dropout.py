"""AlphaDropout: two values for what is dropped and kept, and moments that stay."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers

KEY, COUNT = jax.random.key(3), 40_000


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_mean_and_variance_stay(rate: float) -> None:
    x = jax.random.normal(jax.random.key(0), (COUNT,))
    outputs, _ = layers.AlphaDropout(rate).apply({}, {}, x, key=KEY, training=True)
    # Five standard deviations of a mean, and of a variance with the kurtosis of such a mixture.
    assert abs(float(outputs.mean())) < 5 / np.sqrt(COUNT)
    assert abs(float(outputs.var()) - 1) < 5 * np.sqrt(6 / COUNT)


def test_what_is_dropped_and_what_is_kept() -> None:
    outputs, _ = layers.AlphaDropout(0.25).apply({}, {}, jnp.ones(COUNT), key=KEY, training=True)
    limit = -1.7580993408473766
    a = ((1 - 0.25) * (1 + 0.25 * limit**2)) ** -0.5
    b = -a * limit * 0.25
    values, counts = np.unique(np.asarray(outputs), return_counts=True)
    np.testing.assert_allclose(values, [a * limit + b, a + b], rtol=1e-5)
    assert abs(counts[0] / COUNT - 0.25) < 5 * np.sqrt(0.25 * 0.75 / COUNT)


def test_noise_shape_and_rate_zero() -> None:
    layer = layers.AlphaDropout(0.5, noise_shape=(None, 1))
    outputs, _ = layer.apply({}, {}, jnp.ones((20, 3)), key=KEY, training=True)
    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], 3, axis=1))
    same, _ = layers.AlphaDropout(0.0).apply({}, {}, jnp.arange(3.0), training=True)
    assert same.tolist() == [0.0, 1.0, 2.0]


def test_nothing_can_be_left() -> None:
    with pytest.raises(ValueError) as caught:
        layers.AlphaDropout(1.0)
    assert str(caught.value) == "AlphaDropout: expected `rate` below 1, got 1.0."
