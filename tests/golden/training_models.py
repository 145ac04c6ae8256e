"""Networks, data and weights that Keras and jkeras get alike, and 200 steps of training.

Each function takes `k`, the library: `keras` or `jkeras`. The same lines run with both, which is
the claim under test: a script changes its import line. Nothing random is left: data and weights
come from NumPy's frozen `RandomState`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

Library = types.ModuleType

CLASSES = 5
SPARSE = "sparse_categorical_crossentropy"

# -- data and weights


def table(rows: int, width: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Features `[rows, width]` and class ids `[rows]` that depend on them."""
    rng = np.random.RandomState(seed)
    x = rng.randn(rows, width).astype("float32")
    scores = x[:, :CLASSES] + 0.5 * rng.randn(rows, CLASSES)
    return x, scores.argmax(1).astype("int32")


def images(rows: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Images `[rows, 12, 12, 1]` whose class is the brightest column block, and their class ids."""
    rng = np.random.RandomState(seed)
    x, y = 0.5 * rng.rand(rows, 12, 12, 1), rng.randint(0, CLASSES, rows)
    for image, label in zip(x, y, strict=True):
        image[:, 2 * label : 2 * label + 2] += 0.5
    return x.astype("float32"), y.astype("int32")


def fill(model: Any, seed: int = 1) -> Any:
    """Gives a built model the same kernels each time; vectors (biases, moving means) stay."""
    rng = np.random.RandomState(seed)
    weights = []
    for weight in model.get_weights():
        limit = np.sqrt(3.0 / np.prod(weight.shape[:-1]))
        drawn = rng.uniform(-limit, limit, weight.shape).astype("float32")
        weights.append(drawn if weight.ndim > 1 else weight)
    model.set_weights(weights)
    return model


# -- models


def mlp(k: Library, last: int = CLASSES, activation: str = "softmax", **options: Any) -> Any:
    """20-16-`last`; options go to the hidden layer."""
    hidden = k.layers.Dense(16, activation="relu", **options)
    layers = [k.Input((20,)), hidden, k.layers.Dense(last, activation=activation)]
    return fill(k.Sequential(layers, name="model"))


def big_mlp(k: Library) -> Any:
    """784-128-10, the network of the MNIST script."""
    layers = [k.layers.Dense(128, activation="relu"), k.layers.Dense(10, activation="softmax")]
    return fill(k.Sequential([k.Input((784,)), *layers], name="model"))


def cnn(k: Library) -> Any:
    """A small convolution network for `images`."""
    layers = [
        k.Input((12, 12, 1)),
        k.layers.Conv2D(4, 3, activation="relu"),
        k.layers.MaxPooling2D(),
        k.layers.Flatten(),
        k.layers.Dense(CLASSES, activation="softmax"),
    ]
    return fill(k.Sequential(layers, name="model"))


def normalized(k: Library) -> Any:
    """A network with BatchNormalization, whose statistics a padded batch would spoil."""
    layers = [
        k.Input((20,)),
        k.layers.Dense(16, use_bias=False),
        k.layers.BatchNormalization(momentum=0.8),
        k.layers.ReLU(),
        k.layers.Dense(CLASSES, activation="softmax"),
    ]
    return fill(k.Sequential(layers, name="model"))


def compiled(k: Library, model: Any = None, **options: Any) -> Any:
    """A model (`mlp` when left out) compiled for sparse classes and Adam, unless options differ."""
    model = mlp(k) if model is None else model
    defaults = {"optimizer": k.optimizers.Adam(0.01), "loss": SPARSE}
    model.compile(**(defaults | options))
    return model


# -- 200 steps of training: the loss of every batch

NETS: dict[str, tuple[Callable[[Library], Any], Callable[[int], tuple[np.ndarray, np.ndarray]]]] = {
    "mlp": (mlp, table),
    "cnn": (cnn, images),
    "big_mlp": (big_mlp, lambda rows: table(rows, width=784)),
}

OPTIMIZERS: dict[str, Callable[[Library], Any]] = {
    "sgd": lambda k: k.optimizers.SGD(0.05),
    "nesterov": lambda k: k.optimizers.SGD(0.02, momentum=0.9, nesterov=True),
    "rmsprop": lambda k: k.optimizers.RMSprop(),
    "adam": lambda k: k.optimizers.Adam(),
    "adamw": lambda k: k.optimizers.AdamW(),
}

STEPS, BATCH = 200, 8


def curve(k: Library, net: str, optimizer: str) -> np.ndarray:
    """The loss of each of 200 batches of 8, no batch seen twice: `[200]` float32."""
    make_model, make_data = NETS[net]
    model = make_model(k)
    model.compile(optimizer=OPTIMIZERS[optimizer](k), loss=SPARSE)
    x, y = make_data(STEPS * BATCH)
    starts = range(0, len(x), BATCH)
    losses = [model.train_on_batch(x[i : i + BATCH], y[i : i + BATCH]) for i in starts]
    return np.asarray(losses, "float32").reshape(STEPS)
