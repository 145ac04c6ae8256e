"""One device and eight give the same numbers: histories, evaluations, predictions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.distribution import (
    DataParallel,
    DeviceMesh,
    FullyShardedDataParallel,
    LayoutMap,
    ModelParallel,
)

RTOL = 1e-5
EXAMPLES = 150  # 4 batches of 32 and one of 22


def test_there_are_eight_devices() -> None:
    assert jax.device_count() == 8


def dense() -> jkeras.Sequential:
    return jkeras.Sequential(
        [
            jkeras.Input((12,)),
            layers.Dense(64, activation="relu"),
            layers.Dropout(0.3),
            layers.Dense(4),
        ],
        seed=1,
    )


def convolutional() -> jkeras.Sequential:
    return jkeras.Sequential(
        [
            jkeras.Input((8, 8, 3)),
            layers.Conv2D(16, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(4),
        ],
        seed=1,
    )


def recurrent() -> jkeras.Sequential:
    return jkeras.Sequential([jkeras.Input((10, 6)), layers.LSTM(16), layers.Dense(4)], seed=1)


def transformer() -> jkeras.Model:
    tokens = jkeras.Input((12,), dtype="int32")
    x = layers.Embedding(64, 32, name="words")(tokens)
    y = layers.LayerNormalization()(x)
    x = layers.Add()([x, layers.MultiHeadAttention(8, 4, name="attention")(y, y)])
    y = layers.Dense(64, activation="gelu", name="up")(layers.LayerNormalization()(x))
    x = layers.Add()([x, layers.Dense(32, name="down")(y)])
    outputs = layers.Dense(4, name="head")(layers.GlobalAveragePooling1D()(x))
    return jkeras.Model(tokens, outputs, seed=1)


def tensor_parallel() -> ModelParallel:
    layouts = LayoutMap(DeviceMesh((2, 4), ["batch", "model"]))
    layouts["words/embeddings"] = (None, "model")
    layouts["attention/(query|key|value)/kernel"] = (None, "model", None)
    layouts["attention/attention_output/kernel"] = ("model", None, None)
    layouts["up/kernel"] = (None, "model")
    layouts["up/bias"] = ("model",)
    layouts["down/kernel"] = ("model", None)
    return ModelParallel(layout_map=layouts, batch_dim_name="batch")


def sharded() -> FullyShardedDataParallel:
    return FullyShardedDataParallel(min_size=64)


CASES: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
    "dense, data": (dense, DataParallel),
    "dense, fsdp": (dense, sharded),
    "convolutional, data": (convolutional, DataParallel),
    "convolutional, fsdp": (convolutional, sharded),
    "recurrent, data": (recurrent, DataParallel),
    "recurrent, fsdp": (recurrent, sharded),
    "transformer, data": (transformer, DataParallel),
    "transformer, tensor parallel": (transformer, tensor_parallel),
}


def data_for(model: Any) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    (spec,) = model.inputs
    shape = (EXAMPLES, *spec.shape[1:])
    if "int" in str(spec.dtype):
        x = rng.integers(0, 64, shape).astype("int32")
    else:
        x = rng.normal(size=shape).astype("float32")
    return x, rng.integers(0, 4, EXAMPLES)


def run(make: Callable[[], Any], distribution: Any) -> tuple[Any, list[np.ndarray]]:
    """Every number of ten epochs of 50 steps in all, an evaluation and a prediction."""
    model = make()
    x, y = data_for(model)
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss, metrics=["accuracy"], distribution=distribution)
    history = model.fit(x, y, epochs=10, validation_split=0.1, verbose=0).history
    numbers = [np.asarray(values) for _, values in sorted(history.items())]
    numbers.append(np.asarray(model.evaluate(x, y, verbose=0)))
    numbers.append(model.predict(x, verbose=0))
    return model, numbers


@pytest.mark.parametrize("case", CASES)
def test_numbers_are_those_of_one_device(case: str) -> None:
    make, distribution = CASES[case]
    _, expected = run(make, None)
    model, found = run(make, distribution())
    for one, eight in zip(expected, found, strict=True):
        np.testing.assert_allclose(eight, one, rtol=RTOL, atol=RTOL * np.abs(one).max())
    kernel = model.weights[0].value
    assert len(kernel.sharding.device_set) == 8
