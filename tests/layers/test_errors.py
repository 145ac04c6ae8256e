"""Wrong uses of layers, each with the whole message it gets."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as kl
from tests.kinds import kind_raised


def use(layer: kl.Layer, *shapes: tuple[int, ...], again: tuple[int, ...] | None = None) -> Any:
    """Makes the weights for inputs of these shapes and applies the layer to them, or to `again`."""
    inputs = [jnp.zeros(shape) for shape in shapes]
    params, state = layer.init(jax.random.key(0), *inputs)
    return layer.apply(params, state, *(inputs if again is None else [jnp.zeros(again)]))


CONSTRUCTION: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: kl.Dense(0),
        ValueError,
        "Dense: `units`: expected a positive integer, got 0.",
    ),
    (
        lambda: kl.Dense(2.5),
        TypeError,
        "Dense: `units`: expected a positive integer, got 2.5 (float).",
    ),
    (
        lambda: kl.Dense(3, activaton="relu"),
        TypeError,
        "Dense: unexpected argument `activaton`. Did you mean 'activation'? Arguments: units, "
        "activation, use_bias, kernel_initializer, bias_initializer, kernel_regularizer, "
        "bias_regularizer, activity_regularizer, kernel_constraint, bias_constraint, lora_rank, "
        "lora_alpha, name, dtype, input_shape, trainable, quantization_config.",
    ),
    (
        lambda: kl.Conv2D(8, (3, 3, 3)),
        ValueError,
        "Conv2D: `kernel_size`: expected an integer or 2 of them, got (3, 3, 3).",
    ),
    (
        lambda: kl.Conv2D(8, None),
        TypeError,
        "Conv2D: `kernel_size`: expected a positive integer, got None (NoneType).",
    ),
    (
        lambda: kl.Conv2D(8, 3, padding="smae"),
        ValueError,
        "Conv2D: `padding`: expected one of 'valid', 'same', got 'smae'. Did you mean 'same'?",
    ),
    (
        lambda: kl.Conv2D(8, 3, padding="causal"),
        ValueError,
        "Conv2D: `padding`: expected one of 'valid', 'same', got 'causal'.",
    ),
    (
        lambda: kl.Conv2D(8, 3, data_format="channel_first"),
        ValueError,
        "Conv2D: `data_format`: expected one of 'channels_last', 'channels_first', got "
        "'channel_first'. Did you mean 'channels_first'?",
    ),
    (
        lambda: kl.Conv2D(8, 3, strides=2, dilation_rate=2, name="c"),
        ValueError,
        "Conv2D 'c': expected `strides` or `dilation_rate` of 1, got (2, 2) and (2, 2). "
        "Set one of them to 1.",
    ),
    (
        lambda: kl.Conv2D(8, 3, groups=3),
        ValueError,
        "Conv2D: expected `filters` to be a multiple of `groups`, got 8 filters in 3 groups.",
    ),
    (
        lambda: kl.MaxPooling2D(padding="full"),
        ValueError,
        "MaxPooling2D: `padding`: expected one of 'valid', 'same', got 'full'.",
    ),
    (
        lambda: kl.Dropout(20),
        ValueError,
        "Dropout: `rate`: expected a fraction from 0 to 1, got 20.",
    ),
    (
        lambda: kl.Dropout("half"),
        TypeError,
        "Dropout: `rate`: expected a fraction from 0 to 1, got 'half' (str).",
    ),
    (
        lambda: kl.GaussianDropout(1.0),
        ValueError,
        "GaussianDropout: expected `rate` below 1 (finite noise), got 1.0.",
    ),
    (
        lambda: kl.GaussianNoise(-1.0),
        ValueError,
        "GaussianNoise: `stddev`: expected a number of at least 0, got -1.0.",
    ),
    (
        lambda: kl.ReLU(max_value="6"),
        TypeError,
        "ReLU: `max_value`: expected a number of at least 0, got '6' (str).",
    ),
    (
        lambda: kl.ELU(alpha=None),
        TypeError,
        "ELU: `alpha`: expected a number, got None (NoneType).",
    ),
    (
        lambda: kl.Softmax(axis=()),
        ValueError,
        "Softmax: `axis`: expected one axis number or several different ones, got ().",
    ),
    (
        lambda: kl.Softmax(axis="last"),
        TypeError,
        "Softmax: `axis`: expected an axis number or a tuple of them, got 'last' (str).",
    ),
    (
        lambda: kl.PReLU(shared_axes=0),
        ValueError,
        "PReLU: `shared_axes`: expected axes counted from 1, behind the batch axis, got 0.",
    ),
    (
        lambda: kl.Reshape(12),
        TypeError,
        "Reshape: `target_shape`: expected a tuple of integers, got 12 (int). Write (12,).",
    ),
    (
        lambda: kl.Reshape((-1, 2, -1)),
        ValueError,
        "Reshape: `target_shape`: expected at most one -1, got (-1, 2, -1).",
    ),
    (
        lambda: kl.Permute((0, 1)),
        ValueError,
        "Permute: `dims`: expected each axis from 1 to 2 once, got (0, 1).",
    ),
    (
        lambda: kl.Permute(2),
        TypeError,
        "Permute: `dims`: expected a tuple of axis numbers from 1, got 2 (int).",
    ),
    (
        lambda: kl.Rescaling("1/255"),
        TypeError,
        "Rescaling: `scale`: expected a number or an array of them, got '1/255' (str).",
    ),
    (
        lambda: kl.Dot(axes=(1, 2, 3)),
        TypeError,
        "Dot: `axes`: expected an axis number or two of them, got (1, 2, 3) (tuple).",
    ),
    (
        lambda: kl.Dot(axes=0),
        ValueError,
        "Dot: `axes`: expected axes behind the batch axis, got 0.",
    ),
    (
        lambda: kl.Dense(3, trainable=0),
        TypeError,
        "Dense: `trainable`: expected True or False, got 0 (int).",
    ),
    (
        lambda: kl.Embedding(5, 3, weights=np.zeros((3, 5))),
        ValueError,
        "Embedding: expected `weights` of shape (input_dim, output_dim) = (5, 3), got array of "
        "shape (3, 5).",
    ),
    (
        lambda: kl.Input(3),
        TypeError,
        "InputLayer: `shape`: expected a tuple of sizes, got 3 (int). Write (3,).",
    ),
    (
        lambda: kl.Input(),
        ValueError,
        "InputLayer: expected `shape`, the shape of one example, got none. For 28 by 28 images "
        "write Input((28, 28)), for single numbers Input(()).",
    ),
    (
        lambda: kl.Input((3,), batch_shape=(None, 4)),
        ValueError,
        "InputLayer: expected either `shape` (and `batch_size`) or `batch_shape`, got shape=(3,), "
        "batch_size=None, batch_shape=(None, 4).",
    ),
]

USE: list[tuple[Callable[[], Any], str]] = [
    (
        lambda: use(kl.Dense(3), (4,)),
        "Dense: expected `inputs` [batch, ..., features], got shape (4,). "
        "Give each example a feature axis: x[:, None].",
    ),
    (
        lambda: use(kl.Dense(3, name="d"), (2, 4), again=(2, 5)),
        "Dense 'd': expected `inputs` with 4 features on the last axis, as when its weights were "
        "made, got shape (2, 5).",
    ),
    (
        lambda: use(kl.Conv2D(3, 3), (2, 28, 28)),
        "Conv2D: expected `inputs` [batch, height, width, channels], got shape (2, 28, 28). "
        "For data without channels add the axis: x[..., None].",
    ),
    (
        lambda: use(kl.Conv1D(3, 3, data_format="channels_first"), (2, 28)),
        "Conv1D: expected `inputs` [batch, channels, steps], got shape (2, 28). "
        "For data without channels add the axis: x[:, None].",
    ),
    (
        lambda: use(kl.Conv2D(3, (2, 9)), (2, 6, 6, 1)),
        "Conv2D: expected `kernel_size` to fit into the inputs' (6, 6), got a window of (2, 9). "
        "Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: use(kl.Conv2D(3, 3, dilation_rate=3), (2, 6, 6, 1)),
        "Conv2D: expected `kernel_size` to fit into the inputs' (6, 6), got a window of (7, 7). "
        "Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: use(kl.Conv2D(4, 3, groups=2), (2, 6, 6, 3)),
        "Conv2D: expected `inputs` with a multiple of 2 channels, one share for each of `groups`, "
        "got shape (2, 6, 6, 3).",
    ),
    (
        lambda: use(kl.Conv2D(4, 3), (2, 6, 6, 3), again=(2, 6, 6, 1)),
        "Conv2D: expected `inputs` with 3 channels, as when its weights were made, got shape "
        "(2, 6, 6, 1).",
    ),
    (
        lambda: use(kl.MaxPooling2D(), (2, 28, 28)),
        "MaxPooling2D: expected `inputs` [batch, height, width, channels], got shape (2, 28, 28).",
    ),
    (
        lambda: use(kl.AveragePooling2D(3), (2, 2, 8, 1)),
        "AveragePooling2D: expected `pool_size` to fit into the inputs' (2, 8), got a window of "
        "(3, 3). Make it smaller, or pad: padding='same'.",
    ),
    (
        lambda: use(kl.GlobalAveragePooling2D(), (2, 8)),
        "GlobalAveragePooling2D: expected `inputs` [batch, height, width, channels], got shape "
        "(2, 8).",
    ),
    (
        lambda: use(kl.Flatten(), ()),
        "Flatten: expected `inputs` [batch, ...], got shape ().",
    ),
    (
        lambda: use(kl.Reshape((2, 3)), (5, 7)),
        "Reshape: expected examples that fill `target_shape` (2, 3), got 7 entries each, from "
        "inputs of shape (5, 7).",
    ),
    (
        lambda: use(kl.Reshape((2, -1)), (5, 7)),
        "Reshape: expected examples that fill `target_shape` (2, -1), got 7 entries each, from "
        "inputs of shape (5, 7).",
    ),
    (
        lambda: use(kl.Permute((2, 1)), (5, 7)),
        "Permute: expected `inputs` [batch, axis 1, axis 2], got shape (5, 7).",
    ),
    (
        lambda: use(kl.RepeatVector(3), (5, 7, 2)),
        "RepeatVector: expected `inputs` [batch, features], got shape (5, 7, 2).",
    ),
    (
        lambda: use(kl.Rescaling([1.0, 2.0]), (5, 3)),
        "Rescaling: expected `scale` to broadcast along the last axes of inputs of shape (5, 3), "
        "got shape (2,).",
    ),
    (
        lambda: use(kl.Softmax(axis=2), (5, 3)),
        "Softmax: expected `axis` to name axes of the inputs, got 2 for inputs of shape (5, 3).",
    ),
    (
        lambda: use(kl.PReLU(shared_axes=(1, 2)), (5, 3)),
        "PReLU: expected `shared_axes` to name axes of the inputs, got (1, 2) for inputs of shape "
        "(5, 3).",
    ),
    (
        lambda: use(kl.BatchNormalization(axis=3), (5, 3)),
        "BatchNormalization: expected `axis` to name an axis of the inputs, got 3 for inputs of "
        "shape (5, 3).",
    ),
    (
        lambda: use(kl.BatchNormalization(), (5, 3), again=(5, 4)),
        "BatchNormalization: expected `inputs` with 3 features on axis -1, as when its weights "
        "were made, got shape (5, 4).",
    ),
    (
        lambda: use(kl.SimpleRNN(3), (5, 3)),
        "SimpleRNN: expected `inputs` [batch, time, features], got shape (5, 3). "
        "Give each example a time axis: x[:, None, :].",
    ),
    (
        lambda: use(kl.Add(), (5, 3)),
        "Add: expected two inputs or more, got 1. Give them in a list: layer([a, b]).",
    ),
    (
        lambda: use(kl.Add(), (5, 3), (5, 4)),
        "Add: expected inputs of one shape (or 1 on an axis), got [(5, 3), (5, 4)].",
    ),
    (
        lambda: use(kl.Subtract(), (5, 3), (5, 3), (5, 3)),
        "Subtract: expected two inputs, got 3. Give them in a list: layer([a, b]).",
    ),
    (
        lambda: use(kl.Concatenate(), (5, 3), (4, 3)),
        "Concatenate: expected inputs of one shape but for axis -1, got [(5, 3), (4, 3)].",
    ),
    (
        lambda: use(kl.Concatenate(axis=2), (5, 3), (5, 3)),
        "Concatenate: expected `axis` to name an axis of the inputs, got 2 for inputs of shape "
        "(5, 3).",
    ),
    (
        lambda: use(kl.Dot(axes=1), (5, 3), (5, 4)),
        "Dot: expected inputs of equal size on `axes` 1 and on the batch axis, got shapes "
        "[(5, 3), (5, 4)].",
    ),
    (
        lambda: use(kl.Dropout(0.5, noise_shape=(None, 1)), (5, 3, 2)),
        "Dropout: expected `noise_shape` with 3 entries, one per axis of inputs of shape (5, 3, 2) "
        "(its size, 1 or None), got (None, 1).",
    ),
    (
        lambda: use(kl.SpatialDropout1D(0.5), (5, 3)),
        "SpatialDropout1D: expected `inputs` [batch, steps, channels], got shape (5, 3).",
    ),
    (
        lambda: use(kl.InputLayer((28, 28)), (5, 28)),
        "InputLayer: expected `inputs` of shape (None, 28, 28), got (5, 28). "
        "None is an axis of any size; the first axis counts the examples.",
    ),
    (
        lambda: use(kl.InputLayer((3,), batch_size=4), (5, 2)),
        "InputLayer: expected `inputs` of shape (4, 3), got (5, 2). "
        "None is an axis of any size; the first axis counts the examples.",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), CONSTRUCTION)
def test_wrong_arguments(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message


@pytest.mark.parametrize(("call", "message"), USE)
def test_wrong_inputs(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert str(caught.value) == message


@pytest.mark.parametrize("layer", [kl.Dense(2), kl.Rescaling(1 / 255), kl.CategoryEncoding(3)])
def test_layers_on_arrays_of_words(layer: Any) -> None:
    with pytest.raises(TypeError) as caught:
        layer(np.array([["red"]]))
    assert str(caught.value) == (
        f"{type(layer).__name__}: expected numbers, got an array of shape (1, 1) and dtype <U3. "
        "Make ids of words: StringLookup, TextVectorization or Hashing."
    )


def test_misspelt_activation_suggests_the_nearest() -> None:
    with pytest.raises(ValueError) as caught:
        kl.Dense(3, activation="rleu")
    start = "Dense: `activation`: unknown activation 'rleu'. Did you mean 'relu'? Known: celu, elu,"
    assert str(caught.value).startswith(start)
