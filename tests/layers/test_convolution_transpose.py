"""Transposed convolutions: weights, sizes, and wrong uses with the whole message they get."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jkeras import layers as kl


def outputs(layer: kl.Layer, *shape: int) -> jax.ShapeDtypeStruct:
    """The shape and dtype of what the layer makes of floats."""

    def run(x: jax.Array) -> Any:
        return layer.apply(*layer.init(jax.random.key(0), x), x)[0]

    return jax.eval_shape(run, jax.ShapeDtypeStruct(shape, jnp.float32))


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_sizes(padding: str, kernel_size: int, strides: int) -> None:
    layer = kl.Conv1DTranspose(2, kernel_size, strides, padding)
    expected = {"same": 5 * strides, "valid": 4 * strides + max(kernel_size, strides)}
    assert outputs(layer, 3, 5, 4).shape == (3, expected[padding], 2)


def test_the_kernel_has_filters_before_channels() -> None:
    params, _ = kl.Conv2DTranspose(3, (2, 4)).init(jax.random.key(0), jnp.zeros((1, 5, 5, 7)))
    assert {name: weight.shape for name, weight in params.items()} == {
        "kernel": (2, 4, 3, 7),
        "bias": (3,),
    }


def test_it_undoes_the_shape_of_a_convolution() -> None:
    small = outputs(kl.Conv3D(2, 3, strides=2, padding="same"), 1, 8, 6, 4, 3)
    assert small.shape == (1, 4, 3, 2, 2)
    large = outputs(kl.Conv3DTranspose(3, 3, strides=2, padding="same"), *small.shape)
    assert large.shape == (1, 8, 6, 4, 3)


WRONG = [
    (
        lambda: kl.Conv2DTranspose(2, 3, strides=2, dilation_rate=2),
        "Conv2DTranspose: expected `strides` or `dilation_rate` of 1, got (2, 2) and (2, 2). "
        "Set one of them to 1.",
    ),
    (
        lambda: kl.Conv2DTranspose(2, 3, strides=(2, 3), output_padding=2),
        "Conv2DTranspose: expected `output_padding` smaller than `strides` (2, 3) on every axis, "
        "got (2, 2).",
    ),
    (
        lambda: kl.Conv1DTranspose(2, 3, output_padding=-1),
        "Conv1DTranspose: `output_padding`: expected an integer of at least 0, got -1.",
    ),
    (
        lambda: kl.Conv3DTranspose(2, 3, output_padding=(0, 0)),
        "Conv3DTranspose: `output_padding`: expected an integer or 3 of them, got (0, 0).",
    ),
    (
        lambda: kl.Conv1DTranspose(2, 3, padding="causal"),
        "Conv1DTranspose: `padding`: expected one of 'valid', 'same', got 'causal'.",
    ),
    (
        lambda: outputs(kl.Conv2DTranspose(2, 3), 5, 5, 3),
        "Conv2DTranspose: expected `inputs` [batch, height, width, channels], got shape "
        "(5, 5, 3). For data without channels add the axis: x[..., None].",
    ),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG)
def test_wrong_use(wrong: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        wrong()
    assert str(caught.value) == message


def test_other_channels_than_the_weights() -> None:
    layer = kl.Conv1DTranspose(2, 3, name="up")
    params, state = layer.init(jax.random.key(0), jnp.zeros((1, 5, 3)))
    with pytest.raises(ValueError) as caught:
        layer.apply(params, state, jnp.zeros((1, 5, 4)))
    assert str(caught.value) == (
        "Conv1DTranspose 'up': expected `inputs` with 3 channels, as when its weights were made, "
        "got shape (1, 5, 4)."
    )


def test_output_padding_of_the_wrong_kind() -> None:
    with pytest.raises(TypeError) as caught:
        kl.Conv2DTranspose(2, 3, 2, "valid", "channels_first")
    assert str(caught.value) == (
        "Conv2DTranspose: `output_padding`: expected an integer of at least 0, got "
        "'channels_first' (str)."
    )


def test_the_layout_of_volumes_comes_before_the_output_padding() -> None:
    layer = kl.Conv3DTranspose(2, 3, 2, "valid", "channels_first", 1)
    assert layer == kl.Conv3DTranspose(
        filters=2, kernel_size=3, strides=2, data_format="channels_first", output_padding=1
    )
    assert layer.output_padding == (1, 1, 1) and layer.dilation_rate == (1, 1, 1)
