"""Models whose files are compared with Keras's, written so that both libraries read them.

`ROWS` has layers in a row over one input, `MODELS` the rest: functions from a library to a model.
Between them every layer that has weights occurs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ROWS: dict[str, tuple[tuple[int, ...], str]] = {
    "additive normalizations": ((4,), "L.Dense(3), L.LayerNormalization(), L.RMSNormalization()"),
    "batch normalization": ((4,), "L.BatchNormalization()"),
    "batch normalization without beta": ((4,), "L.BatchNormalization(center=False)"),
    "batch renormalization": ((4,), "L.BatchNormalization(renorm=True)"),
    "bidirectional gru": ((3, 2), "L.Bidirectional(L.GRU(2, return_sequences=True))"),
    "bidirectional pair": (
        (3, 2),
        "L.Bidirectional(L.LSTM(2), backward_layer=L.LSTM(2, go_backwards=True, name='back'))",
    ),
    "bidirectional stack": ((3, 2), "L.Bidirectional(L.RNN([L.LSTMCell(2), L.GRUCell(1)]))"),
    "conv1d": ((5, 2), "L.Conv1D(2, 2)"),
    "conv1d transpose": ((4, 2), "L.Conv1DTranspose(3, 2, strides=2)"),
    "conv2d": ((4, 4, 2), "L.Conv2D(2, 2, groups=2), L.Dropout(0.5), L.Flatten(), L.Dense(2)"),
    "conv2d transpose": ((3, 3, 2), "L.Conv2DTranspose(1, 2, strides=2, use_bias=False)"),
    "conv3d": ((3, 3, 3, 2), "L.Conv3D(2, 2)"),
    "conv3d transpose": ((2, 2, 2, 2), "L.Conv3DTranspose(1, 2)"),
    "conv lstm 1d": ((2, 4, 2), "L.ConvLSTM1D(2, 2, recurrent_dropout=0.5)"),
    "conv lstm 2d": ((2, 3, 3, 1), "L.ConvLSTM2D(1, 2, return_sequences=True)"),
    "conv lstm 3d": ((2, 3, 3, 3, 1), "L.ConvLSTM3D(1, 2)"),
    "dense": ((4,), "L.Dense(3)"),
    "dense named twice": ((4,), "L.Dense(3, name='dense_1'), L.Dense(3), L.Dense(2, name='a')"),
    "dense with a layer as activation": ((4,), "L.Dense(3, activation=L.LeakyReLU(0.1))"),
    "dense without bias": ((4,), "L.Dense(3, use_bias=False), L.Activation('relu')"),
    "depthwise conv1d": ((5, 2), "L.DepthwiseConv1D(2)"),
    "depthwise conv2d": ((4, 4, 2), "L.DepthwiseConv2D(2, depth_multiplier=2)"),
    "dropouts": (
        (4,),
        "L.GaussianNoise(0.1, seed=1), L.Dense(2), L.GaussianDropout(0.1), L.AlphaDropout(0.2)",
    ),
    "einsum dense": ((3, 2), "L.EinsumDense('abc,cd->abd', (None, 4), bias_axes='d')"),
    "frozen": ((4,), "L.Dense(2, trainable=False), L.BatchNormalization(trainable=False)"),
    "group normalization": ((4,), "L.GroupNormalization(2)"),
    "gru": ((3, 2), "L.GRU(2)"),
    "gru before reset": ((3, 2), "L.GRU(2, reset_after=False, dropout=0.5)"),
    "layer normalization": ((3, 4), "L.LayerNormalization((1, 2), center=False)"),
    "lstm": ((3, 2), "L.LSTM(2, dropout=0.1)"),
    "normalization": ((4,), "L.Normalization()"),
    "normalization with numbers": ((2,), "L.Normalization(mean=[1, 2], variance=[1, 4])"),
    "parametric relu": ((3, 2), "L.PReLU(shared_axes=(1,))"),
    "reversed rnn": ((3, 2), "L.SimpleRNN(2, go_backwards=True, use_bias=False)"),
    "rnn of a cell": ((3, 2), "L.RNN(L.SimpleRNNCell(2), return_sequences=True)"),
    "rnn of two equal cells": ((3, 2), "L.RNN([L.GRUCell(2), L.GRUCell(2)])"),
    "rnn stacked": ((3, 2), "L.RNN(L.StackedRNNCells([L.LSTMCell(2), L.SimpleRNNCell(3)]))"),
    "row in a row": ((4,), "K.Sequential([L.Dense(3), L.Dense(2)]), L.Dense(2)"),
    "row in a row in a row": ((4,), "K.Sequential([K.Sequential([L.Dense(3)]), L.Dense(2)])"),
    "separable conv1d": ((5, 2), "L.SeparableConv1D(3, 2)"),
    "separable conv2d": ((4, 4, 2), "L.SeparableConv2D(3, 2, depth_multiplier=2)"),
    "simple rnn": ((3, 2), "L.SimpleRNN(2)"),
    "spectral normalization": ((4,), "L.SpectralNormalization(L.Dense(3)), L.Dense(2)"),
    "spectral normalization of a convolution": ((5, 2), "L.SpectralNormalization(L.Conv1D(2, 2))"),
    "time distributed": ((3, 2), "L.TimeDistributed(L.Dense(3, activation='relu'))"),
    "time distributed row": (
        (3, 2),
        "L.TimeDistributed(K.Sequential([L.Dense(3), L.BatchNormalization()]))",
    ),
    "two of many": (
        (4,),
        "L.Dense(3), L.BatchNormalization(), L.Dense(3), L.BatchNormalization(), L.Dense(2)",
    ),
    "without weights": ((3, 2), "L.Flatten(), L.Rescaling(2.0)"),
}

MODELS: dict[str, Callable[[Any], Any]] = {}


def model(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Notes a function that makes a model."""
    MODELS[function.__name__.replace("_", " ")] = function
    return function


@model
def embedding(K: Any) -> Any:
    L = K.layers
    return K.Sequential([K.Input((3,), dtype="int32"), L.Embedding(5, 2, mask_zero=True), L.GRU(2)])


@model
def reversible_embedding(K: Any) -> Any:
    ids, layer = K.Input((3,), dtype="int32"), K.layers.ReversibleEmbedding(5, 2, tie_weights=False)
    return K.Model(ids, layer(layer(ids), reverse=True))


@model
def multi_head_attention(K: Any) -> Any:
    x = K.Input((3, 4))
    return K.Model(x, K.layers.MultiHeadAttention(2, 3, value_dim=2, dropout=0.1)(x, x))


@model
def multi_head_attention_with_gate(K: Any) -> Any:
    x, y = K.Input((3, 4)), K.Input((2, 4))
    layer = K.layers.MultiHeadAttention(2, 2, use_gate=True, use_bias=False, output_shape=5)
    return K.Model([x, y], layer(x, y))


@model
def group_query_attention(K: Any) -> Any:
    x = K.Input((3, 4))
    L = K.layers
    return K.Model(x, L.Dense(2)(L.GroupQueryAttention(2, 4, 2, use_gate=True)(x, x)))


@model
def attention(K: Any) -> Any:
    x, y = K.Input((3, 4)), K.Input((2, 4))
    return K.Model([x, y], K.layers.Attention(use_scale=True, score_mode="concat")([x, y]))


@model
def additive_attention(K: Any) -> Any:
    x, y = K.Input((3, 4)), K.Input((2, 4))
    return K.Model([x, y], K.layers.AdditiveAttention()([x, y]))


@model
def several_inputs_and_outputs(K: Any) -> Any:
    L = K.layers
    x, y = K.Input((3,), name="x"), K.Input((2,), name="y")
    hidden = L.Concatenate()([L.Dense(4, activation="relu")(x), y])
    return K.Model({"x": x, "y": y}, [L.Dense(2, name="a")(hidden), L.Dense(1, name="b")(hidden)])


@model
def shared_layer(K: Any) -> Any:
    L = K.layers
    x, y, dense = K.Input((3,)), K.Input((3,)), L.Dense(2)
    return K.Model([x, y], L.Add()([dense(x), dense(y)]))


@model
def nested_models(K: Any) -> Any:
    L = K.layers
    i = K.Input((3,))
    inner = K.Model(i, L.BatchNormalization()(L.Dense(2)(i)), name="inner")
    row = K.Sequential([L.Dense(3), L.Dense(3)], name="row")
    x = K.Input((3,))
    return K.Model(x, L.Dense(1)(inner(row(x)) + inner(x)))


@model
def operators(K: Any) -> Any:
    L = K.layers
    x = K.Input((3,))
    return K.Model(x, K.ops.tanh(L.Dense(3)(x) * 2.0 + x))


@model
def residual_convolutions(K: Any) -> Any:
    L = K.layers
    x = K.Input((4, 4, 2))
    h = L.Conv2D(2, 3, padding="same")(x)
    h = L.Add()([x, L.ReLU()(L.BatchNormalization()(h))])
    return K.Model(x, L.Dense(2)(L.GlobalAveragePooling2D()(h)))


@model
def half_precision(K: Any) -> Any:
    L = K.layers
    return K.Sequential([K.Input((4,)), L.Dense(3, dtype="mixed_bfloat16"), L.Dense(2)])


@model
def own_layer(K: Any) -> Any:
    @K.saving.register_keras_serializable("files")
    class Block(K.layers.Layer):
        def __init__(self, units: int = 2, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.wide = K.layers.Dense(4)
            self._narrow = K.layers.Dense(units)
            self.norms = [K.layers.LayerNormalization(), K.layers.LayerNormalization()]

        def build(self, input_shape: Any) -> None:
            self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")
            self.seen = self.add_weight(shape=(), initializer="zeros", name="seen", trainable=False)
            self.wide.build(input_shape)
            self._narrow.build((*input_shape[:-1], 4))
            for norm in self.norms:
                norm.build((*input_shape[:-1], 4))

        def call(self, x: Any) -> Any:
            h = self.norms[1](self.norms[0](self.wide(x)))
            return self._narrow(h) * self.gain + self.seen

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    return K.Sequential([K.Input((3,)), Block(2), K.layers.Dense(1), Block(1)])


@model
def own_model(K: Any) -> Any:
    @K.saving.register_keras_serializable("files")
    class Net(K.Model):
        def __init__(self, units: int = 2, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.units = units
            self.tail = K.layers.Dense(units)
            self.blocks = [K.layers.Dense(3), [K.layers.Dense(3)]]
            self._hidden = K.layers.BatchNormalization()
            self.branch = {"a": K.layers.Dense(3), "b": K.layers.Dropout(0.5)}
            self.row = K.Sequential([K.layers.Dense(3), K.layers.Dense(3)])

        def call(self, x: Any, training: bool = False) -> Any:
            h = self.blocks[1][0](self.blocks[0](x))
            h = self._hidden(self.branch["a"](h), training=training)
            return self.tail(self.row(self.branch["b"](h, training=training)))

        def get_config(self) -> Any:
            return {**super().get_config(), "units": self.units}

    made = Net(2)
    made(np.ones((1, 4), np.float32))
    return made


def fragments(K: Any) -> dict[str, Callable[[], Any]]:
    """Every model, as a function that makes it."""

    def row(shape: tuple[int, ...], layers: str) -> Any:
        listed = eval(f"[{layers}]", {"L": K.layers, "K": K})
        return K.Sequential([K.Input(shape), *listed])

    rows = {n: lambda case=case: row(*case) for n, case in ROWS.items()}
    return rows | {name: lambda make=make: make(K) for name, make in MODELS.items()}


def inputs_of(specs: list[tuple[tuple[int, ...], str]]) -> list[np.ndarray]:
    """Two examples for each input: numbers that differ from place to place."""
    found = []
    for number, (shape, dtype) in enumerate(specs):
        places = np.arange(2 * int(np.prod(shape))).reshape(2, *shape) + 7 * number
        whole = np.issubdtype(np.dtype(dtype), np.integer)
        found.append(places % 5 if whole else np.sin(1.7 * places + 0.3))
    return [array.astype("int32" if whole_of(array) else "float32") for array in found]


def whole_of(array: np.ndarray) -> bool:
    """Whether an array has whole numbers."""
    return bool(np.issubdtype(array.dtype, np.integer))


# -- training that goes on

EPOCHS = 3

OPTIMIZERS: dict[str, Callable[[Any], Any]] = {
    "Adadelta": lambda K: K.optimizers.Adadelta(0.5),
    "Adafactor": lambda K: K.optimizers.Adafactor(0.05),
    "Adagrad": lambda K: K.optimizers.Adagrad(0.05),
    "Adam": lambda K: K.optimizers.Adam(0.05, amsgrad=True),
    "Adam that averages": lambda K: K.optimizers.Adam(
        0.05, use_ema=True, gradient_accumulation_steps=2
    ),
    "AdamW": lambda K: K.optimizers.AdamW(0.05, global_clipnorm=0.5),
    "Adamax": lambda K: K.optimizers.Adamax(0.05),
    "Ftrl": lambda K: K.optimizers.Ftrl(0.05),
    "Lamb": lambda K: K.optimizers.Lamb(0.05),
    "Lion": lambda K: K.optimizers.Lion(0.01),
    "LossScaleOptimizer": lambda K: K.optimizers.LossScaleOptimizer(K.optimizers.Adam(0.05)),
    "Muon": lambda K: K.optimizers.Muon(0.05),
    "Nadam": lambda K: K.optimizers.Nadam(0.05),
    "RMSprop": lambda K: K.optimizers.RMSprop(0.01, momentum=0.5, centered=True),
    "SGD": lambda K: K.optimizers.SGD(0.05, momentum=0.9),
    "SGD on a schedule": lambda K: K.optimizers.SGD(
        K.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9
    ),
    "ScheduleFreeAdamW": lambda K: K.optimizers.ScheduleFreeAdamW(0.05),
}


def small(K: Any) -> Any:
    """A model with two layers."""
    return K.Sequential([K.Input((3,)), K.layers.Dense(4, activation="tanh"), K.layers.Dense(2)])


def data() -> tuple[np.ndarray, np.ndarray]:
    """Four examples."""
    places = np.arange(12).reshape(4, 3)
    x = np.sin(places).astype("float32")
    return x, np.cos(places[:, :2]).astype("float32")
