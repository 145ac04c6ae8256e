"""Random layers: what they do on average, and what drops together."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers

COUNT = 40_000
KEY = jax.random.key(3)


def trained(layer: layers.Layer, x: jax.Array) -> np.ndarray:
    """The layer's output while training."""
    return np.asarray(layer.apply({}, {}, x, key=KEY, training=True)[0])


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_dropout_drops_its_rate_and_keeps_the_mean(rate: float) -> None:
    outputs = trained(layers.Dropout(rate), jnp.ones(COUNT))
    # Five standard deviations of the mean of COUNT draws.
    deviation = 5 * np.sqrt(rate * (1 - rate) / COUNT)
    assert abs((outputs == 0).mean() - rate) < deviation
    assert abs(outputs.mean() - 1) < deviation / (1 - rate)
    np.testing.assert_allclose(outputs[outputs != 0], 1 / (1 - rate), rtol=1e-6)


def test_dropout_of_everything_and_of_nothing() -> None:
    x = jnp.arange(6.0)
    np.testing.assert_array_equal(trained(layers.Dropout(1.0), x), np.zeros(6))
    outputs, _ = layers.Dropout(0.0).apply({}, {}, x, training=True)
    np.testing.assert_array_equal(outputs, x)


def test_noise_shape_drops_along_its_axes_of_size_one() -> None:
    outputs = trained(layers.Dropout(0.5, noise_shape=(None, 1, None)), jnp.ones((20, 3, 5)))
    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], 3, axis=1))
    assert len(np.unique(outputs)) == 2


@pytest.mark.parametrize(
    ("layer", "shape", "spatial"),
    [
        (layers.SpatialDropout1D(0.5), (20, 4, 6), (1,)),
        (layers.SpatialDropout2D(0.5), (20, 4, 3, 6), (1, 2)),
        (layers.SpatialDropout2D(0.5, data_format="channels_first"), (20, 6, 4, 3), (2, 3)),
        (layers.SpatialDropout3D(0.5), (20, 2, 4, 3, 6), (1, 2, 3)),
    ],
)
def test_spatial_dropout_drops_whole_channels(
    layer: layers.Layer, shape: tuple[int, ...], spatial: tuple[int, ...]
) -> None:
    outputs = trained(layer, jnp.ones(shape))
    np.testing.assert_array_equal(outputs.min(spatial), outputs.max(spatial))
    assert set(np.unique(outputs)) == {0.0, 2.0}


@pytest.mark.parametrize(
    ("layer", "deviation"),
    [(layers.GaussianNoise(0.3), 0.3), (layers.GaussianDropout(0.2), 2 * np.sqrt(0.2 / 0.8))],
)
def test_gaussian_layers_keep_the_mean_and_add_their_deviation(
    layer: layers.Layer, deviation: float
) -> None:
    outputs = trained(layer, jnp.full(COUNT, 2.0))
    assert abs(outputs.mean() - 2) < 5 * deviation / np.sqrt(COUNT)
    assert abs(outputs.std() - deviation) < 5 * deviation / np.sqrt(2 * COUNT)


def test_activity_regularization_tells_its_penalty() -> None:
    rule = layers.ActivityRegularization(l1=0.5, l2=0.25).activity_regularizer
    assert float(rule(jnp.array([-1.0, 2.0]))) == 0.5 * 3 + 0.25 * 5


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_alpha_dropout_keeps_mean_and_variance(rate: float) -> None:
    x = jax.random.normal(jax.random.key(0), (COUNT,))
    outputs, _ = layers.AlphaDropout(rate).apply({}, {}, x, key=KEY, training=True)
    # Five standard deviations of a mean, and of a variance with the kurtosis of such a mixture.
    assert abs(float(outputs.mean())) < 5 / np.sqrt(COUNT)
    assert abs(float(outputs.var()) - 1) < 5 * np.sqrt(6 / COUNT)


def test_alpha_dropout_drops_to_the_limit_of_selu() -> None:
    outputs, _ = layers.AlphaDropout(0.25).apply({}, {}, jnp.ones(COUNT), key=KEY, training=True)
    limit = -1.7580993408473766
    a = ((1 - 0.25) * (1 + 0.25 * limit**2)) ** -0.5
    b = -a * limit * 0.25
    values, counts = np.unique(np.asarray(outputs), return_counts=True)
    np.testing.assert_allclose(values, [a * limit + b, a + b], rtol=1e-5)
    assert abs(counts[0] / COUNT - 0.25) < 5 * np.sqrt(0.25 * 0.75 / COUNT)


def test_alpha_dropout_with_noise_shape_and_rate_zero() -> None:
    layer = layers.AlphaDropout(0.5, noise_shape=(None, 1))
    outputs, _ = layer.apply({}, {}, jnp.ones((20, 3)), key=KEY, training=True)
    np.testing.assert_array_equal(outputs, np.repeat(outputs[:, :1], 3, axis=1))
    same, _ = layers.AlphaDropout(0.0).apply({}, {}, jnp.arange(3.0), training=True)
    assert same.tolist() == [0.0, 1.0, 2.0]


def test_alpha_dropout_of_everything_raises() -> None:
    with pytest.raises(ValueError) as caught:
        layers.AlphaDropout(1.0)
    assert str(caught.value) == "AlphaDropout: expected `rate` below 1, got 1.0."
