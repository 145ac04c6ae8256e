"""The models in Keras's words, once for jkeras and for Keras.

`MODELS[name](joiner, depth)` returns the shape of one example and the steps in order. A step is a
layer, or what `joiner.residual` and `joiner.self_attention` return: the two things that a plain
list of layers cannot say. Keras draws them with its functional API; jkeras has layers for them in
`jkeras_blocks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Body = tuple[tuple[int, ...], list[Any]]


class KerasJoiner:
    """Puts steps together with Keras's functional API."""

    def __init__(self, keras: Any) -> None:
        self._keras = keras
        self.layers = keras.layers

    def residual(self, main: Sequence[Any], shortcut: Sequence[Any] = ()) -> Any:
        """The sum of two ways from the same inputs."""
        return lambda x: self.layers.Add()([_run(main, x), _run(shortcut, x)])

    def self_attention(self, heads: int, size: int) -> Any:
        """Attention of a sequence to itself, `size` numbers a head."""
        attend = self.layers.MultiHeadAttention(heads, size)
        return lambda x: attend(x, x)

    def model(self, shape: tuple[int, ...], body: Sequence[Any]) -> Any:
        """The model that runs the steps."""
        inputs = self._keras.Input(shape)
        return self._keras.Model(inputs, _run(body, inputs))


class JkerasJoiner:
    """Puts steps together as layers in a row, since here layers of layers are layers."""

    def __init__(self, jkeras: Any) -> None:
        self._jkeras = jkeras
        self.layers = jkeras.layers

    def residual(self, main: Sequence[Any], shortcut: Sequence[Any] = ()) -> Any:
        """The sum of two ways from the same inputs."""
        from jkeras_blocks import Residual

        chain = self._jkeras.models.Chain
        return Residual(chain(list(main)), chain(list(shortcut)))

    def self_attention(self, heads: int, size: int) -> Any:
        """Attention of a sequence to itself, `size` numbers a head."""
        from jkeras_blocks import Twice

        attend = self.layers.MultiHeadAttention(heads, size)
        return self._jkeras.models.Chain([Twice(), attend])

    def model(self, shape: tuple[int, ...], body: Sequence[Any]) -> Any:
        """The model that runs the steps."""
        return self._jkeras.Sequential([self._jkeras.Input(shape), *body])


Joiner = KerasJoiner | JkerasJoiner


def mlp(joiner: Joiner, depth: int) -> Body:
    """784-128-10."""
    layers = joiner.layers
    return (28, 28), [layers.Flatten(), layers.Dense(128, activation="relu"), _classes(layers)]


def cnn(joiner: Joiner, depth: int) -> Body:
    """Two rounds of convolution and pooling, then dropout."""
    layers = joiner.layers
    return (28, 28, 1), [
        layers.Conv2D(32, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(64, 3, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Flatten(),
        layers.Dropout(0.5),
        _classes(layers),
    ]


def lstm(joiner: Joiner, depth: int) -> Body:
    """The rows from top to bottom."""
    return (28, 28), [joiner.layers.LSTM(128), _classes(joiner.layers)]


def gru(joiner: Joiner, depth: int) -> Body:
    """The rows from top to bottom."""
    return (28, 28), [joiner.layers.GRU(128), _classes(joiner.layers)]


def resnet(joiner: Joiner, depth: int) -> Body:
    """A stem and three residual blocks of 16, 32 and 64 channels."""
    layers = joiner.layers
    body = _residual_blocks(joiner, 16, ((16, 1), (32, 2), (64, 2)))
    return (28, 28, 1), [*body, layers.GlobalAveragePooling2D(), _classes(layers)]


def transformer(joiner: Joiner, depth: int) -> Body:
    """Each row is a token; the flattened end tells them apart."""
    layers = joiner.layers
    body = [layers.Dense(64)]
    for _ in range(2):
        attention = [layers.LayerNormalization(), joiner.self_attention(4, 16)]
        dense = [layers.Dense(128, activation="relu"), layers.Dense(64)]
        body += [joiner.residual(attention)]
        body += [joiner.residual([layers.LayerNormalization(), *dense])]
    return (28, 28), [*body, layers.LayerNormalization(), layers.Flatten(), _classes(layers)]


def deep(joiner: Joiner, depth: int) -> Body:
    """`depth` convolutions over tiny images."""
    layers = joiner.layers
    body = [layers.Conv2D(16, 3, padding="same", activation="relu") for _ in range(depth)]
    return (8, 8, 1), [*body, layers.GlobalAveragePooling2D(), _classes(layers)]


def small_dense(joiner: Joiner, depth: int) -> Body:
    """20-64-64-1."""
    dense = joiner.layers.Dense
    return (20,), [dense(64, activation="relu"), dense(64, activation="relu"), dense(1)]


def small_residual(joiner: Joiner, depth: int) -> Body:
    """A stem of 8 channels, a block, one that doubles them, and `depth` more: six convolutions, and
    two for each of these.
    """
    layers = joiner.layers
    body = _residual_blocks(joiner, 8, ((8, 1), (16, 2), *[(16, 1)] * depth))
    return (8, 8, 1), [*body, layers.GlobalAveragePooling2D(), _classes(layers)]


MODELS: dict[str, Callable[[Joiner, int], Body]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lstm": lstm,
    "gru": gru,
    "resnet": resnet,
    "transformer": transformer,
    "deep": deep,
}
SMALL_MODELS: dict[str, Callable[[Joiner, int], Body]] = {
    "dense": small_dense,
    "residual": small_residual,
}
"""Models whose single calls are measured, by `calls.py`."""


def _classes(layers: Any) -> Any:
    return layers.Dense(10, activation="softmax")


def _conv_norm(layers: Any, filters: int, size: int, strides: int = 1) -> list[Any]:
    conv = layers.Conv2D(filters, size, strides=strides, padding="same", use_bias=False)
    return [conv, layers.BatchNormalization()]


def _residual_blocks(joiner: Joiner, stem: int, blocks: Sequence[tuple[int, int]]) -> list[Any]:
    """A stem of so many channels, then blocks of two convolutions by channels and strides."""
    layers = joiner.layers
    body = [*_conv_norm(layers, stem, 3), layers.ReLU()]
    for filters, strides in blocks:
        main = [*_conv_norm(layers, filters, 3, strides), layers.ReLU()]
        main += _conv_norm(layers, filters, 3)
        shortcut = _conv_norm(layers, filters, 1, strides) if strides > 1 else []
        body += [joiner.residual(main, shortcut), layers.ReLU()]
    return body


def _run(steps: Sequence[Any], x: Any) -> Any:
    for step in steps:
        x = step(x)
    return x
