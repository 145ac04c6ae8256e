"""Writes `preprocessing.npz`: Keras's layers that prepare data, on random inputs.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_preprocessing.py

`cases` is a JSON table: for each case the layer, its arguments, and how `adapt` is called: not at
all (None), with one "array", or with a list of "batches". Arrays are named `case|what|number`:
`data`, what it is adapted to; `inputs`; `weights`, in Keras's order; `outputs`; and, where outputs
are floats and inputs too, `cotangents` and `d_inputs`, the gradient of Σ cotangents · outputs.
Keras's `adapt` asks whether data are TensorFlow's, and so fails where that is missing; the script
answers in its place that none are.
"""

import json
import pathlib
import types
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src.layers.preprocessing import discretization, normalization
from make_layers import draw

NO_TENSORFLOW = types.SimpleNamespace(
    data=types.SimpleNamespace(Dataset=()), is_tensor=lambda value: False
)
discretization.tf = normalization.tf = NO_TENSORFLOW

TARGET = pathlib.Path(__file__).with_name("preprocessing.npz")
IMAGE, FIRST = (2, 5, 6, 2), {"data_format": "channels_first"}
BYTES = (1, 5, 4, 1, "uint8")

# The layer, its arguments, what it is adapted to (one shape: an array; several: batches), inputs.
CASES: list[tuple[str, dict[str, Any], list[tuple], list[tuple]]] = [
    ("Normalization", {}, [(9, 3)], [(4, 3)]),
    ("Normalization", {}, [(4, 3), (2, 3), (5, 3)], [(4, 3)]),
    ("Normalization", {"axis": None}, [(9, 3)], [(4, 3)]),
    ("Normalization", {"axis": None}, [(9,)], [(4,)]),
    ("Normalization", {"axis": [1, -1]}, [(5, 2, 4, 3)], [(2, 2, 4, 3)]),
    ("Normalization", {"axis": 1, "invert": True}, [(3, 2, 4), (6, 2, 4)], [(2, 2, 4)]),
    ("Normalization", {}, [(6, 3, "uint8")], [(4, 3, "uint8")]),
    ("Normalization", {"mean": 3.0, "variance": 2.0}, [], [(4, 3)]),
    ("Normalization", {"mean": [1.0, 0.0, -1.0], "variance": [4.0, 0.0, 0.5]}, [], [(4, 3)]),
    (
        "Normalization",
        {"axis": [1, 2], "mean": [1.0, 2.0], "variance": [4.0, 3.0], "invert": True},
        [],
        [(4, 3, 2)],
    ),
    ("Discretization", {"bin_boundaries": [-1.0, 0.0, 0.5]}, [], [(3, 4)]),
    *[
        ("Discretization", {"bin_boundaries": [-0.5, 0.5], "output_mode": mode}, [], [shape])
        for mode, shape in (
            ("one_hot", (3, 4)),
            ("one_hot", (3, 1)),
            ("one_hot", (3,)),
            ("multi_hot", (3, 4)),
            ("count", (3, 4)),
            ("count", (2, 3, 4)),
        )
    ],
    ("Discretization", {"num_bins": 4}, [(50, 3)], [(3, 4)]),
    ("Discretization", {"num_bins": 7, "epsilon": 0.1}, [(90, 2), (31, 2), (4, 2)], [(3, 4)]),
    ("Discretization", {"num_bins": 6, "output_mode": "one_hot"}, [(4,)], [(3, 2)]),
    *[
        ("CategoryEncoding", {"num_tokens": 7, "output_mode": mode}, [], [shape])
        for mode in ("one_hot", "multi_hot", "count")
        for shape in ((3, 4, "ids"), (3, 1, "ids"), (4, "ids"), (2, 3, 2, "ids"))
    ],
    ("CategoryEncoding", {"num_tokens": 7, "output_mode": "count"}, [], [(3, 4, "ids"), (3, 4)]),
    ("Resizing", {"height": 3, "width": 8}, [], [IMAGE]),
    ("Resizing", {"height": 2, "width": 3, "antialias": True}, [], [IMAGE]),
    ("Resizing", {"height": 4, "width": 3, **FIRST}, [], [(2, 2, 5, 6)]),
    *[
        ("Resizing", {"height": 7, "width": 4, "interpolation": method}, [], [IMAGE])
        for method in ("nearest", "bicubic", "lanczos3", "lanczos5")
    ],
    *[
        ("Resizing", {"height": height, "width": 4, f"{fit}_to_aspect_ratio": True}, [], [IMAGE])
        for fit in ("crop", "pad")
        for height in (2, 7)
    ],
    (
        "Resizing",
        {"height": 4, "width": 4, "pad_to_aspect_ratio": True, "fill_value": 2.5, **FIRST},
        [],
        [(1, 2, 3, 7)],
    ),
    ("Resizing", {"height": 3, "width": 6}, [], [BYTES]),
    ("Resizing", {"height": 3, "width": 6, "interpolation": "bicubic"}, [], [BYTES]),
    ("Resizing", {"height": 3, "width": 6, "interpolation": "nearest"}, [], [BYTES]),
    ("CenterCrop", {"height": 2, "width": 3}, [], [IMAGE]),
    ("CenterCrop", {"height": 4, "width": 3, **FIRST}, [], [(2, 2, 5, 6)]),
    ("CenterCrop", {"height": 7, "width": 4}, [], [IMAGE]),
    ("CenterCrop", {"height": 2, "width": 2}, [], [BYTES]),
]


def run(layer: Any, inputs: list[np.ndarray]) -> dict[str, list]:
    """The outputs, and the gradient where there is one."""
    weights = {"count_weights": inputs[1]} if len(inputs) == 2 else {}

    def call(x: jax.Array) -> jax.Array:
        return layer(x, **weights)

    x = jnp.asarray(inputs[0])
    outputs = call(x)
    if outputs.dtype != x.dtype or x.dtype != jnp.float32:
        return {"outputs": [outputs]}
    cotangents = np.random.default_rng(1).normal(size=outputs.shape).astype("float32")
    slope = jax.grad(lambda x: jnp.sum(call(x) * cotangents))(x)
    return {"outputs": [outputs], "cotangents": [cotangents], "d_inputs": [slope]}


def main() -> None:
    """Writes every case."""
    table: dict[str, dict] = {}
    flat: dict[str, np.ndarray] = {}
    for kind, arguments, fits, specs in CASES:
        rng = np.random.default_rng(len(table))
        data, inputs = ([draw(rng, spec) for spec in group] for group in (fits, specs))
        data = [batch * 3 + 1 if batch.dtype == "float32" else batch for batch in data]
        layer = getattr(keras.layers, kind)(**arguments)
        if data:
            layer.adapt(data[0] if len(data) == 1 else data)
        found = run(layer, inputs) | {"data": data, "inputs": inputs}
        found["weights"] = [weight.value for weight in layer.weights]
        name = f"{kind}-{sum(row['layer'] == kind for row in table.values())}"
        table[name] = {"layer": kind, "arguments": arguments}
        table[name]["adapt"] = {0: None, 1: "array"}.get(len(data), "batches")
        table[name]["weights"] = [weight.name for weight in layer.weights]
        for what, values in found.items():
            flat |= {f"{name}|{what}|{i}": np.asarray(value) for i, value in enumerate(values)}
    np.savez_compressed(TARGET, keras=keras.__version__, cases=json.dumps(table), **flat)
    print(f"{TARGET.name}: {len(table)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
