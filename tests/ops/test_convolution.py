"""Convolution against a loop over its definition, and its laws."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.convolution import convolve, spatial_axes


def random(*shape: int) -> jax.Array:
    """Normal numbers, always the same."""
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def test_agrees_with_the_definition() -> None:
    x, kernel = random(2, 7, 6, 3), random(2, 3, 3, 4)
    got = convolve(x, kernel, strides=(2, 1), dilation=(1, 1))
    expected = np.zeros((2, 3, 4, 4))
    for row in range(3):
        for column in range(4):
            window = x[:, 2 * row : 2 * row + 2, column : column + 3]
            expected[:, row, column] = np.einsum("bhwc,hwcf->bf", window, kernel)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_same_padding_puts_the_odd_zero_behind() -> None:
    x, ones = jnp.arange(5.0).reshape(1, 5, 1), jnp.ones((2, 1, 1))
    got = convolve(x, ones, strides=(2,), padding="same", dilation=(1,))
    assert got.ravel().tolist() == [1.0, 5.0, 4.0]


@pytest.mark.parametrize("step", [1, 2])
def test_causal_outputs_see_no_later_input(step: int) -> None:
    x, kernel = random(1, 8, 2), random(3, 2, 4)

    def outputs(x: jax.Array) -> jax.Array:
        return convolve(x, kernel, strides=(1,), padding="causal", dilation=(step,))

    changed = outputs(x.at[:, 5].add(1.0)) != outputs(x)
    assert outputs(x).shape == (1, 8, 4)
    assert not changed[:, :5].any()
    assert changed[:, 5].all()


def test_groups_are_convolutions_apart() -> None:
    x, kernel = random(2, 6, 4), random(3, 2, 6)
    got = convolve(x, kernel, strides=(1,), dilation=(1,), groups=2)
    apart = [
        convolve(part, kernels, strides=(1,), dilation=(1,))
        for part, kernels in zip(jnp.split(x, 2, -1), jnp.split(kernel, 2, -1), strict=True)
    ]
    np.testing.assert_allclose(got, jnp.concatenate(apart, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spatial", [(6,), (5, 6), (4, 5, 6)])
def test_channels_first_is_the_same_transposed(spatial: tuple[int, ...]) -> None:
    rank = len(spatial)
    x, kernel = random(2, *spatial, 3), random(*[2] * rank, 3, 4)
    options = {"strides": (1,) * rank, "dilation": (2,) * rank, "padding": "same"}
    got = convolve(jnp.moveaxis(x, -1, 1), kernel, data_format="channels_first", **options)
    expected = jnp.moveaxis(convolve(x, kernel, **options), -1, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_spatial_axes() -> None:
    assert spatial_axes(3, "channels_last") == (1,)
    assert spatial_axes(5, "channels_first") == (2, 3, 4)
