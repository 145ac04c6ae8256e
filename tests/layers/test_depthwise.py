"""Depthwise and separable convolutions: what they are made of, their rules, wrong uses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl
from jkeras.constraints import NonNeg


def made(layer: kl.Layer, *shape: int) -> tuple[dict, jax.Array]:
    """Fresh weights, and random inputs of this shape."""
    x = jax.random.normal(jax.random.key(1), shape)
    return layer.init(jax.random.key(0), x)[0], x


def test_no_channel_sees_another() -> None:
    layer = kl.DepthwiseConv2D(2, depth_multiplier=2)
    params, x = made(layer, 1, 4, 4, 3)
    before, _ = layer.apply(params, {}, x)
    after, _ = layer.apply(params, {}, x.at[..., 1].add(1.0))
    assert (before != after).any((0, 1, 2)).tolist() == [False, False, True, True, False, False]


def test_separable_is_depthwise_and_then_a_window_of_one() -> None:
    layer = kl.SeparableConv2D(5, 3, padding="same", depth_multiplier=2)
    params, x = made(layer, 2, 5, 4, 3)
    each = kl.DepthwiseConv2D(3, padding="same", depth_multiplier=2, use_bias=False)
    mixed = kl.Conv2D(5, 1)
    between, _ = each.apply({"kernel": params["depthwise_kernel"]}, {}, x)
    expected, _ = mixed.apply(
        {"kernel": params["pointwise_kernel"], "bias": params["bias"]}, {}, between
    )
    np.testing.assert_allclose(layer.apply(params, {}, x)[0], expected, rtol=1e-5, atol=1e-6)


def test_depthwise_rules_are_those_of_the_kernel() -> None:
    layer = kl.DepthwiseConv1D(
        2, depthwise_regularizer="l1", depthwise_constraint=NonNeg(), bias_regularizer="l1"
    )
    params = {"kernel": jnp.array([[[1.0]], [[-2.0]]]), "bias": jnp.array([4.0])}
    np.testing.assert_allclose(layer.penalty(params), 0.01 * (3 + 4), rtol=1e-6)
    assert layer.constrain(params)["kernel"].ravel().tolist() == [1.0, 0.0]
    assert set(layer.constrain(params)) == {"kernel", "bias"}


def test_separable_rules_go_by_the_names_of_their_kernels() -> None:
    layer = kl.SeparableConv1D(1, 1, depthwise_regularizer="l1", pointwise_constraint=NonNeg())
    params = {
        "depthwise_kernel": jnp.full((1, 1, 1), -3.0),
        "pointwise_kernel": jnp.full((1, 1, 1), -5.0),
        "bias": jnp.zeros(1),
    }
    np.testing.assert_allclose(layer.penalty(params), 0.03, rtol=1e-6)
    changed = layer.constrain(params)
    assert float(changed["pointwise_kernel"].sum()) == 0
    assert float(changed["depthwise_kernel"].sum()) == -3


WRONG = [
    (
        lambda: made(kl.DepthwiseConv2D(5), 1, 4, 4, 3),
        "DepthwiseConv2D: expected `kernel_size` to fit into the inputs' (4, 4), got a window of "
        "(5, 5). Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: made(kl.SeparableConv1D(2, 3, dilation_rate=2), 1, 4, 3),
        "SeparableConv1D: expected `kernel_size` to fit into the inputs' (4,), got a window of "
        "(5,). Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: kl.DepthwiseConv1D(3, depth_multiplier=0),
        "DepthwiseConv1D: `depth_multiplier`: expected a positive integer, got 0.",
    ),
    (
        lambda: made(kl.SeparableConv2D(2, 3, data_format="channels_first"), 4, 4, 3),
        "SeparableConv2D: expected `inputs` [batch, channels, height, width], got shape "
        "(4, 4, 3). For data without channels add the axis: x[:, None].",
    ),
    (
        lambda: kl.DepthwiseConv2D(2).apply({"kernel": jnp.ones((2, 2, 3, 1))}, {}, np.ones(16)),
        "DepthwiseConv2D: expected `inputs` [batch, height, width, channels], got shape (16,). "
        "For data without channels add the axis: x[..., None].",
    ),
    (
        lambda: kl.DepthwiseConv1D(2).apply(
            {"kernel": jnp.ones((2, 3, 1))}, {}, np.ones((1, 4, 2))
        ),
        "DepthwiseConv1D: expected `inputs` with 3 channels, as when its weights were made, got "
        "shape (1, 4, 2).",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_wrong_use(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrong()
    assert str(caught.value) == message
