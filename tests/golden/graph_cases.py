"""Functional models that Keras and jkeras build from the same lines, and what is asked of them.

Each function takes `k`, the library, and returns a model and a function that gives its inputs for a
number of examples. Weights and data come from NumPy's frozen `RandomState`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.golden.training_models import fill
from tests.golden.training_summaries import summary_text

Library = types.ModuleType
ROWS = 6


def data(*shapes: tuple[int, ...], seed: int = 3) -> list[np.ndarray]:
    """Arrays of normal numbers, `ROWS` examples each."""
    rng = np.random.RandomState(seed)
    return [rng.randn(ROWS, *shape).astype("float32") for shape in shapes]


def two_inputs(k: Library) -> Any:
    """Two inputs of different depth, joined."""
    wide, deep = k.Input((3,), name="wide"), k.Input((4,), name="deep")
    hidden = k.layers.Dense(5, activation="relu")(deep)
    hidden = k.layers.Dense(4, activation="tanh")(hidden)
    joined = k.layers.Concatenate()([wide, hidden])
    return k.Model([wide, deep], k.layers.Dense(1)(joined), name="two_inputs")


def two_outputs(k: Library) -> Any:
    """Two outputs in a dict."""
    inputs = k.Input((4,))
    body = k.layers.Dense(6, activation="relu")(inputs)
    outputs = {
        "value": k.layers.Dense(1, name="value")(body),
        "class": k.layers.Dense(3, activation="softmax", name="class")(body),
    }
    return k.Model(inputs, outputs, name="two_outputs")


def shared_layer(k: Library) -> Any:
    """One layer on two inputs, at two depths."""
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(4, activation="tanh")
    left, right = shared(a), shared(shared(b))
    merged = k.layers.Multiply()([left, right])
    return k.Model([a, b], k.layers.Dense(2)(merged), name="shared")


def residual(k: Library) -> Any:
    """Convolutions with a shortcut that has a layer of its own."""
    inputs = k.Input((6, 6, 2))
    shortcut = k.layers.Conv2D(4, 1, name="short")(inputs)
    body = k.layers.Conv2D(4, 3, padding="same")(inputs)
    body = k.layers.BatchNormalization()(body)
    body = k.layers.ReLU()(body)
    body = k.layers.Conv2D(4, 3, padding="same")(body)
    outputs = k.layers.Add()([shortcut, body])
    pooled = k.layers.GlobalAveragePooling2D()(outputs)
    return k.Model(inputs, k.layers.Dense(2)(pooled), name="residual")


def nested(k: Library) -> Any:
    """A model used twice within a model."""
    inputs = k.Input((4,), name="features")
    hidden = k.layers.Dense(5, activation="relu", name="first")(inputs)
    encoder = k.Model(inputs, k.layers.Dense(3, name="code")(hidden), name="encoder")
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    difference = k.layers.Subtract()([encoder(a), encoder(b)])
    return k.Model([a, b], k.layers.Dense(1)(difference), name="nested")


def sequential_inside(k: Library) -> Any:
    """A Sequential in a graph, behind another."""
    front = k.Sequential(
        [k.Input((4,)), k.layers.Dense(5, activation="relu"), k.layers.Dense(3)], name="front"
    )
    inputs = k.Input((4,), name="x")
    back = k.Sequential([k.layers.Dense(2, name="last")], name="back")
    return k.Model(inputs, back(front(inputs)), name="sequential_inside")


def operators(k: Library) -> Any:
    """Python's operators and functions of `ops` between layers."""
    a = k.Input((4,), name="a")
    hidden = k.layers.Dense(4)(a)
    mixed = (hidden * 2.0 + a) / 3.0 - a[:, :1]
    mixed = mixed**2 + k.ops.sin(hidden)
    flat = k.ops.concatenate([mixed, -abs(a)], axis=-1)
    outputs = k.layers.Dense(2)(flat) @ np.array([[1.0, 2.0], [0.5, -1.0]], "float32")
    return k.Model(a, outputs, name="operators")


def states(k: Library) -> Any:
    """An encoder's states are a decoder's first ones."""
    source, target = k.Input((5, 3), name="source"), k.Input((4, 2), name="target")
    _, h, c = k.layers.LSTM(4, return_state=True)(source)
    decoded = k.layers.LSTM(4, return_sequences=True)(target, initial_state=[h, c])
    return k.Model([source, target], k.layers.Dense(2)(decoded), name="states")


def attention(k: Library) -> Any:
    """Self-attention with a residual, called with names."""
    inputs = k.Input((5, 4))
    attended = k.layers.MultiHeadAttention(num_heads=2, key_dim=3)(query=inputs, value=inputs)
    added = k.layers.LayerNormalization()(inputs + attended)
    outputs = k.layers.Dense(1)(k.layers.Flatten()(added))
    return k.Model(inputs, outputs, name="attention")


CASES: dict[str, tuple[Callable[[Library], Any], list[tuple[int, ...]]]] = {
    "two_inputs": (two_inputs, [(3,), (4,)]),
    "two_outputs": (two_outputs, [(4,)]),
    "shared_layer": (shared_layer, [(4,), (4,)]),
    "residual": (residual, [(6, 6, 2)]),
    "nested": (nested, [(4,), (4,)]),
    "sequential_inside": (sequential_inside, [(4,)]),
    "operators": (operators, [(4,)]),
    "states": (states, [(5, 3), (4, 2)]),
    "attention": (attention, [(5, 4)]),
}


def names(model: Any) -> dict[str, Any]:
    """What a model calls its parts, and its summaries."""
    shown = {"summary": summary_text(model), "expanded": summary_text(model, expand_nested=True)}
    return {
        "layers": [layer.name for layer in model.layers],
        "outputs": list(model.output_names),
        "shapes": [list(weight.shape) for weight in model.get_weights()],
        **shown,
    }


def numbers(k: Library, model: Any, *shapes: tuple[int, ...]) -> dict[str, np.ndarray]:
    """Outputs for equal weights, and the weights after one step of SGD on a mean squared error."""
    model, x = fill(model), data(*shapes)
    given = x if len(x) > 1 else x[0]
    outputs = model(given)
    pairs = outputs.items() if isinstance(outputs, dict) else [("y", outputs)]
    found = {key: np.asarray(value) for key, value in pairs}
    targets = {key: np.zeros_like(value) for key, value in found.items()}
    model.compile(k.optimizers.SGD(0.1), "mse")
    model.train_on_batch(given, targets if isinstance(outputs, dict) else targets["y"])
    weights = {f"weight{i}": weight for i, weight in enumerate(model.get_weights())}
    return {**{f"output/{key}": value for key, value in found.items()}, **weights}
