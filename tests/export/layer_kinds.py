"""Small networks around each kind of layer."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import jkeras
from jkeras import layers as L
from jkeras.layers import Input

VECTOR, SEQUENCE, IMAGE, VOLUME = (6,), (8, 4), (8, 10, 3), (4, 6, 6, 2)
OPEN_SEQUENCE = (None, 4)


def chain(shape: tuple[int | None, ...], *parts: Any, dtype: str = "float32") -> jkeras.Sequential:
    """A list of layers after one input."""
    return jkeras.Sequential([Input(shape, dtype=dtype), *parts], seed=0)


def joined(layer: Any, *shapes: tuple[int | None, ...]) -> jkeras.Model:
    """One layer that takes several inputs, between dense ones."""
    inputs = [Input(shape, name=f"part_{i}") for i, shape in enumerate(shapes)]
    outputs = layer([L.Dense(4, activation="tanh")(x) for x in inputs])
    return jkeras.Model(inputs, L.Dense(3)(outputs), seed=0)


def ids(length: int | None, *parts: Any) -> jkeras.Sequential:
    """A list of layers after token ids."""
    return chain((length,), *parts, dtype="int32")


def activations() -> jkeras.Model:
    """Every activation function by name, side by side."""
    x = Input((7,))
    names = (
        "relu relu6 elu selu celu gelu silu softplus softsign sigmoid hard_sigmoid hard_silu tanh "
        "hard_tanh exponential leaky_relu mish log_sigmoid log_softmax softmax tanh_shrink "
        "soft_shrink hard_shrink squareplus sparse_plus sparse_sigmoid linear"
    ).split()
    outputs = [L.Activation(name)(L.Dense(3)(x)) for name in names]
    return jkeras.Model(x, L.Concatenate()(outputs), seed=0)


def attention(layer: Any, length: int | None = 6) -> jkeras.Model:
    """Attention of a query to values, without a mask."""
    query, value = Input((5, 8), name="query"), Input((length, 8), name="value")
    return jkeras.Model([query, value], layer([query, value]), seed=0)


def multi_head(causal: bool, length: int | None = 6) -> jkeras.Model:
    x = Input((length, 8))
    outputs = L.MultiHeadAttention(2, 4)(x, x, use_causal_mask=causal)
    return jkeras.Model(x, outputs, seed=0)


def group_query() -> jkeras.Model:
    x = Input((6, 8))
    return jkeras.Model(x, L.GroupQueryAttention(4, 4, 2)(x, x), seed=0)


def states_given() -> jkeras.Model:
    """A recurrence that starts from an input and gives its states."""
    x, h, c = Input((6, 4)), Input((3,), name="h"), Input((3,), name="c")
    outputs, last_h, last_c = L.LSTM(3, return_sequences=True, return_state=True)(
        x, initial_state=[h, c]
    )
    return jkeras.Model([x, h, c], [outputs, last_h, last_c], seed=0)


def masked_attention() -> jkeras.Model:
    tokens = Input((7,), dtype="int32")
    x = L.Embedding(11, 8, mask_zero=True)(tokens)
    x = L.MultiHeadAttention(2, 4)(x, x)
    return jkeras.Model(tokens, L.GlobalAveragePooling1D()(x), seed=0)


def discretized() -> Any:
    return L.Discretization(bin_boundaries=[-1.0, 0.0, 0.5], output_mode="one_hot")


def normalized() -> Any:
    return L.Normalization(mean=np.arange(6.0), variance=np.arange(1.0, 7.0))


PARTS: dict[str, tuple[tuple[int | None, ...], Callable[[], list[Any]]]] = {
    "dense": (VECTOR, lambda: [L.Dense(8, "relu"), L.Dense(3, "softmax")]),
    "dense_on_sequences": (OPEN_SEQUENCE, lambda: [L.Dense(5, "gelu"), L.Dense(3)]),
    "einsum_dense": (
        SEQUENCE,
        lambda: [L.EinsumDense("abc,cde->abde", (None, 3, 2), bias_axes="e")],
    ),
    "elu_prelu_leaky_relu": (
        VECTOR,
        lambda: [L.ELU(0.5), L.Dense(4), L.PReLU(), L.Dense(4), L.LeakyReLU(), L.Softmax()],
    ),
    "relu_options": (VECTOR, lambda: [L.ReLU(1.5, negative_slope=0.1, threshold=0.2)]),
    "dropouts_and_noise": (
        SEQUENCE,
        lambda: [
            *(L.Dropout(0.5), L.GaussianNoise(0.1), L.GaussianDropout(0.5), L.AlphaDropout(0.5)),
            *(L.SpatialDropout1D(0.5), L.ActivityRegularization(0.1), L.Dense(2)),
        ],
    ),
    # Convolutions
    "conv1d_causal_dilated": (
        OPEN_SEQUENCE,
        lambda: [L.Conv1D(5, 3, padding="causal", dilation_rate=2, activation="relu")],
    ),
    "conv1d_strided": (SEQUENCE, lambda: [L.Conv1D(5, 3, strides=2, padding="same")]),
    "conv2d": (IMAGE, lambda: [L.Conv2D(5, 3, activation="relu"), L.Conv2D(4, (1, 3))]),
    "conv2d_same_strided": (IMAGE, lambda: [L.Conv2D(5, 3, 2, "same"), L.Conv2D(4, 2, 3, "same")]),
    "conv2d_groups_dilated": (
        (8, 10, 4),
        lambda: [L.Conv2D(6, 3, groups=2, padding="same", dilation_rate=2)],
    ),
    "conv2d_channels_first": (
        (3, 8, 10),
        lambda: [L.Conv2D(4, 3, data_format="channels_first", activation="relu")],
    ),
    "conv2d_open_size": (
        (None, None, 3),
        lambda: [L.Conv2D(4, 3, padding="same", activation="relu"), L.GlobalMaxPooling2D()],
    ),
    "conv3d": (VOLUME, lambda: [L.Conv3D(3, 2, padding="same"), L.Conv3D(2, (1, 3, 3), 2)]),
    "conv1d_transpose": (SEQUENCE, lambda: [L.Conv1DTranspose(3, 3, strides=2, padding="same")]),
    "conv2d_transpose": (IMAGE, lambda: [L.Conv2DTranspose(3, 3, strides=2, padding="same")]),
    "conv2d_transpose_valid": (
        IMAGE,
        lambda: [L.Conv2DTranspose(3, (2, 3), strides=(2, 3), activation="relu")],
    ),
    "conv3d_transpose": (VOLUME, lambda: [L.Conv3DTranspose(3, 2, strides=2)]),
    "depthwise_conv1d": (SEQUENCE, lambda: [L.DepthwiseConv1D(3, depth_multiplier=2)]),
    "depthwise_conv2d": (IMAGE, lambda: [L.DepthwiseConv2D(3, 2, "same", depth_multiplier=2)]),
    "separable_conv1d": (SEQUENCE, lambda: [L.SeparableConv1D(5, 3, padding="same")]),
    "separable_conv2d": (IMAGE, lambda: [L.SeparableConv2D(5, 3, activation="relu")]),
    # Pooling
    "pooling_1d": (
        SEQUENCE,
        lambda: [L.MaxPooling1D(2, 1, "same"), L.AveragePooling1D(3, 2, "same")],
    ),
    "pooling_2d": (
        IMAGE,
        lambda: [L.MaxPooling2D(3, 2, "same"), L.AveragePooling2D(2, 1, "same"), L.MaxPooling2D()],
    ),
    "pooling_3d": (VOLUME, lambda: [L.MaxPooling3D(2, 1), L.AveragePooling3D(2, padding="same")]),
    "global_average_pooling_1d": (OPEN_SEQUENCE, lambda: [L.GlobalAveragePooling1D(), L.Dense(2)]),
    "global_pooling_2d": (
        IMAGE,
        lambda: [L.Conv2D(4, 3), L.GlobalAveragePooling2D(keepdims=True), L.GlobalMaxPooling2D()],
    ),
    "global_pooling_3d": (VOLUME, lambda: [L.GlobalMaxPooling3D()]),
    "adaptive_pooling_1d": (
        SEQUENCE,
        lambda: [L.AdaptiveAveragePooling1D(5), L.AdaptiveMaxPooling1D(3)],
    ),
    "adaptive_pooling_2d": (
        IMAGE,
        lambda: [L.AdaptiveAveragePooling2D((5, 4)), L.AdaptiveMaxPooling2D((2, 3))],
    ),
    "adaptive_pooling_3d": (VOLUME, lambda: [L.AdaptiveMaxPooling3D(2)]),
    # Normalizations
    "batch_normalization": (IMAGE, lambda: [L.Conv2D(4, 3), L.BatchNormalization(), L.ReLU()]),
    "batch_normalization_axis": (SEQUENCE, lambda: [L.BatchNormalization(axis=1, scale=False)]),
    "layer_normalization": (OPEN_SEQUENCE, lambda: [L.LayerNormalization(), L.Dense(3)]),
    "layer_normalization_axes": (SEQUENCE, lambda: [L.LayerNormalization((1, 2))]),
    "group_normalization": (IMAGE, lambda: [L.Conv2D(6, 3), L.GroupNormalization(3)]),
    "rms_normalization": (SEQUENCE, lambda: [L.RMSNormalization()]),
    "unit_normalization": (SEQUENCE, lambda: [L.UnitNormalization()]),
    "spectral_normalization": (VECTOR, lambda: [L.SpectralNormalization(L.Dense(3))]),
    # Recurrences
    "simple_rnn": (OPEN_SEQUENCE, lambda: [L.SimpleRNN(5), L.Dense(2)]),
    "lstm": (OPEN_SEQUENCE, lambda: [L.LSTM(5, return_sequences=True), L.LSTM(3)]),
    "lstm_fixed_length": (SEQUENCE, lambda: [L.LSTM(5), L.Dense(2)]),
    "gru": (OPEN_SEQUENCE, lambda: [L.GRU(5, return_sequences=True), L.GRU(3, go_backwards=True)]),
    "gru_fixed_length": (SEQUENCE, lambda: [L.GRU(5), L.Dense(2)]),
    "gru_reset_before": (SEQUENCE, lambda: [L.GRU(5, reset_after=False, return_sequences=True)]),
    "lstm_unrolled": (SEQUENCE, lambda: [L.LSTM(4, unroll=True)]),
    "bidirectional": (
        SEQUENCE,
        lambda: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2))],
    ),
    "stacked_cells": (SEQUENCE, lambda: [L.RNN([L.LSTMCell(4), L.GRUCell(3), L.SimpleRNNCell(2)])]),
    "time_distributed": ((3, 6, 6, 2), lambda: [L.TimeDistributed(L.Conv2D(2, 3)), L.Flatten()]),
    "conv_lstm_1d": ((3, 6, 2), lambda: [L.ConvLSTM1D(2, 3, padding="same")]),
    "conv_lstm_2d": ((3, 6, 6, 2), lambda: [L.ConvLSTM2D(2, 3, return_sequences=True)]),
    "masking": (
        SEQUENCE,
        lambda: [L.Masking(), L.LSTM(4, return_sequences=True), L.GlobalAveragePooling1D()],
    ),
    # Shapes
    "reshapes": (
        SEQUENCE,
        lambda: [
            *(L.Permute((2, 1)), L.Flatten(), L.Dense(6), L.RepeatVector(3), L.Reshape((2, -1))),
            L.Dense(3),
        ],
    ),
    "crop_and_pad_1d": (SEQUENCE, lambda: [L.ZeroPadding1D((1, 2)), L.Cropping1D((2, 0))]),
    "crop_and_pad_2d": (IMAGE, lambda: [L.ZeroPadding2D(((1, 2), 3)), L.Cropping2D((1, (0, 2)))]),
    "crop_and_pad_3d": (VOLUME, lambda: [L.ZeroPadding3D(1), L.Cropping3D((1, 2, 0))]),
    "up_sampling_1d": (SEQUENCE, lambda: [L.UpSampling1D(3)]),
    "up_sampling_2d": (IMAGE, lambda: [L.UpSampling2D((2, 3)), L.Conv2D(2, 3)]),
    "up_sampling_2d_bilinear": (IMAGE, lambda: [L.UpSampling2D(2, interpolation="bilinear")]),
    "up_sampling_3d": (VOLUME, lambda: [L.UpSampling3D(2)]),
    # Preprocessing
    "rescaling_and_normalization": (
        VECTOR,
        lambda: [L.Rescaling(0.5, 0.1), normalized(), L.Dense(2)],
    ),
    "resizing_bilinear": (IMAGE, lambda: [L.Resizing(5, 7), L.Conv2D(2, 3)]),
    "resizing_nearest": (IMAGE, lambda: [L.Resizing(13, 9, interpolation="nearest")]),
    "resizing_cropped": (IMAGE, lambda: [L.Resizing(6, 6, crop_to_aspect_ratio=True)]),
    "center_crop": (IMAGE, lambda: [L.CenterCrop(6, 5), L.Flatten(), L.Dense(2)]),
    "discretization": (VECTOR, lambda: [discretized(), L.Flatten(), L.Dense(2)]),
    "lambda": (VECTOR, lambda: [L.Lambda(lambda x: jnp.sin(x) * 2 + jnp.cumsum(x, -1))]),
}

TOKENS: dict[str, Callable[[], list[Any]]] = {
    "embedding": lambda: [L.Embedding(9, 4), L.GlobalAveragePooling1D(), L.Dense(2)],
    "embedding_mask_lstm": lambda: [L.Embedding(9, 4, mask_zero=True), L.LSTM(5), L.Dense(2)],
    "embedding_mask_bidirectional": lambda: [
        *(L.Embedding(9, 4, mask_zero=True), L.Bidirectional(L.GRU(3, return_sequences=True))),
        *(L.GRU(4, return_sequences=True), L.GlobalAveragePooling1D()),
    ],
    "category_encoding": lambda: [L.CategoryEncoding(5, output_mode="multi_hot"), L.Dense(2)],
    "category_counts": lambda: [L.CategoryEncoding(5, output_mode="count"), L.Dense(2)],
}

OTHERS: dict[str, Callable[[], Any]] = {
    "activations": activations,
    "uint8_image": lambda: chain(
        (8, 8, 1), L.Rescaling(1 / 255), L.Conv2D(3, 3), L.Flatten(), L.Dense(4), dtype="uint8"
    ),
    "add": lambda: joined(L.Add(), (5,), (5,), (5,)),
    "subtract": lambda: joined(L.Subtract(), (5,), (5,)),
    "multiply": lambda: joined(L.Multiply(), (5,), (5,)),
    "average_maximum_minimum": lambda: joined(
        lambda parts: L.Average()([L.Maximum()(parts), L.Minimum()(parts)]), (5,), (5,)
    ),
    "concatenate_axis_1": lambda: joined(L.Concatenate(axis=1), (2, 3), (4, 3)),
    "dot": lambda: joined(L.Dot(axes=2, normalize=True), (3, 5), (2, 5)),
    "attention": lambda: attention(L.Attention(use_scale=True)),
    "attention_open_length": lambda: attention(L.Attention(), None),
    "additive_attention": lambda: attention(L.AdditiveAttention()),
    "multi_head_attention": lambda: multi_head(False, None),
    "multi_head_attention_causal": lambda: multi_head(True),
    "group_query_attention": group_query,
    "masked_attention": masked_attention,
    "lstm_states_given": states_given,
}

NETWORKS: dict[str, Callable[[], Any]] = {
    **{name: lambda s=shape, m=make: chain(s, *m()) for name, (shape, make) in PARTS.items()},
    **{name: functools.partial(lambda m: ids(7, *m()), make) for name, make in TOKENS.items()},
    **OTHERS,
}
