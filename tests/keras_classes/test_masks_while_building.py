"""Layers whose `call` needs a mask, while their shapes are found, and the masks of symbols.

The numbers are sums of embeddings of ones over the steps that are real, as Keras 3.15.1 has them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

IDS = np.array([[3, 1, 0, 0], [2, 0, 0, 0]])


def real(mask: Any) -> Any:
    return ops.expand_dims(ops.cast(mask, "float32"), -1)


class Sum(layers.Layer):
    """The sum over the real steps."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return ops.sum(inputs * real(mask), axis=1)


class Doubled(layers.Layer):
    """Passes the mask on."""

    def __init__(self) -> None:
        super().__init__()
        self.supports_masking = True

    def call(self, inputs: Any) -> Any:
        return 2.0 * inputs


class Projected(layers.Layer):
    """Has weights, and a layer inside that needs the mask."""

    def __init__(self) -> None:
        super().__init__()
        self.dense, self.sum = layers.Dense(2, kernel_initializer="ones"), Sum()

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return self.sum(self.dense(inputs), mask=mask) + 0.0 * ops.sum(real(mask))


class Both(layers.Layer):
    """Two inputs, each with its mask."""

    def call(self, inputs: Any, mask: Any = None) -> Any:
        return sum(ops.sum(x * real(m), axis=1) for x, m in zip(inputs, mask, strict=True))


def embedding(**kwargs: Any) -> layers.Embedding:
    return layers.Embedding(6, 3, embeddings_initializer="ones", **{"mask_zero": True, **kwargs})


def functional(outputs_fn: Callable[[Any], Any]) -> jkeras.Model:
    inputs = jkeras.Input((4,), dtype="int32")
    return jkeras.Model(inputs, outputs_fn(inputs))


class Written(jkeras.Model):
    """The same in a model with `call`."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = [embedding(), Doubled(), Sum()]

    def call(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


MODELS: dict[str, tuple[Callable[[], Any], float]] = {
    "directly": (lambda: functional(lambda i: Sum()(embedding()(i))), 1.0),
    "through a layer": (lambda: functional(lambda i: Sum()(Doubled()(embedding()(i)))), 2.0),
    "with weights": (lambda: functional(lambda i: Projected()(embedding()(i))), 3.0),
    "of two inputs": (
        lambda: functional(lambda i: Both()([embedding()(i), Doubled()(embedding()(i))])),
        3.0,
    ),
    "in a row": (lambda: jkeras.Sequential([embedding(), Doubled(), Sum()]), 2.0),
    "in a row behind an input": (
        lambda: jkeras.Sequential([jkeras.Input((4,), dtype="int32"), embedding(), Sum()]),
        1.0,
    ),
    "behind a model": (
        lambda: functional(lambda i: Sum()(jkeras.Sequential([embedding(), Doubled()])(i))),
        2.0,
    ),
    "in a model with call": (Written, 2.0),
    "of a symbol": (
        lambda: functional(
            lambda i: (lambda x: Sum()(embedding(mask_zero=False)(i), mask=x._keras_mask))(
                embedding()(i)
            )
        ),
        1.0,
    ),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.filterwarnings("ignore:.*does not support masking:UserWarning")
@pytest.mark.filterwarnings("ignore:.*before the model was built:UserWarning")
def test_a_layer_gets_its_mask(name: str) -> None:
    make, factor = MODELS[name]
    outputs = make().predict(IDS, verbose=0)
    np.testing.assert_allclose(outputs[:, 0], [2 * factor, factor], rtol=1e-6)


def test_a_symbol_has_the_shape_of_its_mask() -> None:
    inputs = jkeras.Input((4,), dtype="int32")
    x = embedding()(inputs)
    steps = layers.Dropout(0.1)(layers.LSTM(2, return_sequences=True)(Doubled()(x)))
    assert inputs._keras_mask is None
    assert layers.GlobalAveragePooling1D()(x)._keras_mask is None
    for symbol in (x, steps):
        assert (symbol._keras_mask.shape, symbol._keras_mask.dtype) == ((None, 4), "bool")


def test_without_a_mask_the_error_of_call_stays() -> None:
    model = jkeras.Sequential([jkeras.Input((4, 3)), Sum()])
    with pytest.raises(AttributeError, match="'NoneType' object has no attribute 'astype'"):
        model.predict(np.ones((2, 4, 3)), verbose=0)
