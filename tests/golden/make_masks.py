"""Writes `masks.npz`: what Keras makes of masks: in chains, in single calls, in losses and metrics.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_masks.py

`chains`, `calls` and `evaluations` are JSON tables, in which a layer is [class, arguments]
(arguments that are such a pair, or a list of them, are layers too). Arrays are named
`case|what|number`.

- chains: the layers run one after the other on `inputs`: integers (0 is padding) or floats (steps
  of zeros are padding); `weights` in Keras's order, `cotangents`, `outputs`, `mask` of the outputs,
  if any, `carried` (the weights that are not trained, afterwards) and `d_weights`, the gradients of
  Σ cotangents · outputs.
- calls: one layer on `inputs`, each with or without a mask (`masks`, `masked` says whose).
- evaluations: a compiled model: `inputs`, `targets`, `sample_weight` (or none), the `results` of
  evaluate under their `names`, and the losses of three epochs of fit after it (`fit`).
"""

import json
import pathlib
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
from keras.src.backend import get_keras_mask, set_keras_mask
from make_recurrent import filled, made

TARGET = pathlib.Path(__file__).with_name("masks.npz")

IDS = np.array([[3, 1, 0, 0, 0], [2, 5, 6, 1, 0], [4, 4, 4, 4, 4]], np.int32)
TABLE = ["Embedding", {"input_dim": 7, "output_dim": 4, "mask_zero": True}]
SEQ = {"return_sequences": True}
MEAN = ["GlobalAveragePooling1D", {}]


def layer(name: str, **arguments: Any) -> list:
    """[class, arguments]."""
    return [name, arguments]


CHAINS: dict[str, list] = {
    "lstm": [TABLE, layer("LSTM", units=3)],
    "gru_dense_mean": [TABLE, layer("GRU", units=3, **SEQ), layer("Dense", units=2), MEAN],
    "backwards": [TABLE, layer("SimpleRNN", units=3, go_backwards=True, **SEQ)],
    "bidirectional": [
        TABLE,
        layer("Bidirectional", layer=layer("LSTM", units=2, **SEQ)),
        layer("TimeDistributed", layer=layer("Dense", units=2)),
        layer("GRU", units=2),
    ],
    "not_merged": [TABLE, layer("Bidirectional", layer=layer("GRU", units=2), merge_mode="sum")],
    "stacked_cells": [
        TABLE,
        layer("RNN", cell=[layer("LSTMCell", units=3), layer("GRUCell", units=2)], **SEQ),
        MEAN,
    ],
    "keeping": [
        TABLE,
        layer("Dropout", rate=0.5),
        layer("LayerNormalization"),
        layer("GroupNormalization", groups=2),
        layer("UnitNormalization"),
        layer("Activation", activation="tanh"),
        layer("PReLU"),
        layer("Rescaling", scale=2.0),
        layer("Identity"),
        MEAN,
    ],
    "losing": [TABLE, layer("Conv1D", filters=2, kernel_size=2), MEAN],
    "rms": [TABLE, layer("RMSNormalization"), MEAN],
    "batch_normalization": [TABLE, layer("BatchNormalization", momentum=0.7), MEAN],
    "masking": [
        layer("Masking"),
        layer("LSTM", units=3, **SEQ),
        layer("LSTM", units=2, zero_output_for_mask=True, **SEQ),
    ],
    "reversible": [
        layer("ReversibleEmbedding", input_dim=7, output_dim=4, mask_zero=True),
        layer("GRU", units=2),
    ],
}

PAIR, THREE = [(2, 4, 3), (2, 4, 3)], [(2, 4, 3)] * 3
BOTH, FIRST = [True, True], [True, False]
HEADS = layer("MultiHeadAttention", num_heads=2, key_dim=3)
SHARED = layer("GroupQueryAttention", head_dim=3, num_query_heads=2, num_key_value_heads=1)

CALLS: list[tuple[list, list, list[bool]]] = [
    *[
        (layer(name), shapes, masked)
        for name in ("Add", "Average", "Maximum", "Minimum", "Multiply")
        for shapes, masked in [(PAIR, BOTH), (PAIR, FIRST), (THREE, [False, True, True])]
    ],
    (layer("Subtract"), PAIR, BOTH),
    *[
        (layer("Concatenate", axis=axis), shapes, masked)
        for axis in (-1, 1)
        for shapes, masked in [(PAIR, BOTH), (PAIR, FIRST), (THREE, [True] * 3)]
    ],
    (layer("Dot", axes=2), PAIR, BOTH),
    (layer("Attention", use_scale=True), [(2, 4, 3), (2, 5, 3)], BOTH),
    (layer("Attention"), [(2, 4, 3), (2, 5, 3), (2, 5, 3)], [False, True, True]),
    (layer("AdditiveAttention"), [(2, 4, 3), (2, 5, 3)], FIRST),
    (HEADS, [(2, 4, 3), (2, 5, 3)], BOTH),
    (HEADS, [(2, 4, 3), (2, 5, 3)], [False, True]),
    (HEADS, [(2, 4, 3), (2, 5, 3), (2, 5, 3)], [False, True, True]),
    (SHARED, [(2, 4, 3), (2, 5, 3)], [False, True]),
    (
        layer("LSTM", units=3, return_state=True, **SEQ),
        [(2, 4, 3), (2, 3), (2, 3)],
        [True, False, False],
    ),
    (layer("Softmax"), [(2, 4)], [True]),
]

DENSE = layer("Dense", units=1, activation="sigmoid")
STEPS = [TABLE, layer("GRU", units=3, **SEQ)]

# Layers, loss, metrics (both plain and weighted), targets: "steps" has one for each step.
EVALUATIONS: dict[str, tuple[list, str, list[str], str, bool]] = {
    "steps": ([*STEPS, layer("Dense", units=2)], "mse", ["mae"], "numbers", False),
    "weighted": ([*STEPS, layer("Dense", units=2)], "mae", ["mse"], "numbers", True),
    "classes": (
        [*STEPS, layer("Dense", units=3, activation="softmax")],
        "sparse_categorical_crossentropy",
        ["accuracy"],
        "classes",
        False,
    ),
    "binary": ([*STEPS, DENSE], "binary_crossentropy", ["accuracy"], "binary", True),
    "pooled": ([TABLE, layer("LSTM", units=2), DENSE], "mse", ["mae"], "one", False),
}


def built(layers: list, inputs: np.ndarray, rng: np.random.Generator) -> tuple[Any, list]:
    """Keras's Sequential with random weights, and these."""
    model = keras.Sequential([made(spec) for spec in layers])
    model.build((None, *inputs.shape[1:]))
    return model, filled(model, rng)


def chain(layers: list, seed: int) -> dict[str, list]:
    """The arrays of a chain, while training."""
    rng = np.random.default_rng(seed)
    floats = layers[0][0] == "Masking"
    inputs = rng.normal(size=(*IDS.shape, 2)).astype("float32") if floats else IDS
    inputs = np.where(IDS[..., None] == 0, 0, inputs).astype("float32") if floats else inputs
    model, weights = built(layers, inputs, rng)
    training = any(spec[0] == "BatchNormalization" for spec in layers)
    variables = [variable.value for variable in model.trainable_variables]
    others = [variable.value for variable in model.non_trainable_variables]
    seeds = {i for i, v in enumerate(model.non_trainable_variables) if "seed" in v.path}
    outputs, carried = model.stateless_call(variables, others, inputs, training=training)
    cotangents = rng.normal(size=outputs.shape).astype("float32")

    def scalar(variables: list) -> jax.Array:
        made, _ = model.stateless_call(variables, others, inputs, training=training)
        return jnp.sum(made * cotangents)

    mask = get_keras_mask(model(inputs, training=training))
    return {
        "inputs": [inputs],
        "weights": weights,
        "cotangents": [cotangents],
        "outputs": [outputs],
        "mask": [] if mask is None else [mask],
        "carried": [value for i, value in enumerate(carried) if i not in seeds],
        "d_weights": jax.grad(scalar)(variables),
    }


def call(spec: list, shapes: list, masked: list[bool], seed: int) -> dict[str, list]:
    """The arrays of one call."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=shape).astype("float32") for shape in shapes]
    masks = [rng.random(shape[:2]) < 0.6 for shape in shapes]
    layer = made(spec)
    arrays = [jnp.asarray(x) for x in inputs]
    run = {
        "LSTM": lambda xs: layer(xs[0], initial_state=xs[1:]),
        "MultiHeadAttention": lambda xs: layer(*xs),
        "GroupQueryAttention": lambda xs: layer(*xs),
    }.get(spec[0], lambda xs: layer(xs if len(xs) > 1 else xs[0]))
    run(arrays)
    weights = filled(layer, rng)
    for x, mask, has in zip(arrays, masks, masked, strict=True):
        if has:
            set_keras_mask(x, jnp.asarray(mask))
    outputs = jax.tree.leaves(run(arrays))
    mask = get_keras_mask(outputs[0])
    return {
        "inputs": inputs,
        "masks": masks,
        "weights": weights,
        "outputs": outputs,
        "mask": [] if mask is None else [mask],
    }


def targets_of(kind: str, units: int, rng: np.random.Generator) -> np.ndarray:
    """Targets for six examples of five steps."""
    if kind == "one":
        return rng.normal(size=(6, 1)).astype("float32")
    if kind == "numbers":
        return rng.normal(size=(6, 5, units)).astype("float32")
    return rng.integers(0, 3 if kind == "classes" else 2, (6, 5, 1)).astype("float32")


def evaluation(row: tuple, seed: int) -> dict[str, list]:
    """The arrays of one evaluation: six examples in batches of four."""
    layers, loss, metrics, kind, weighted = row
    rng = np.random.default_rng(seed)
    inputs = np.concatenate([IDS, IDS[::-1] % 4])
    model, weights = built(layers, inputs, rng)
    model.compile(keras.optimizers.SGD(0.1), loss, metrics=metrics, weighted_metrics=metrics)
    y = targets_of(kind, layers[-1][1]["units"], rng)
    sample = rng.random(6 if kind == "one" else (6, 5)).astype("float32") if weighted else None
    told = {"batch_size": 4, "verbose": 0, "sample_weight": sample}
    results = model.evaluate(inputs, y, return_dict=True, **told)
    history = model.fit(inputs, y, epochs=3, shuffle=False, **told).history
    return {
        "inputs": [inputs],
        "targets": [y],
        "sample_weight": [] if sample is None else [sample],
        "weights": weights,
        "names": [np.asarray(sorted(results))],
        "results": [np.asarray([results[name] for name in sorted(results)])],
        "fit": [np.asarray(history["loss"])],
    }


def main() -> None:
    """Writes every case."""
    warnings.simplefilter("ignore")  # lost masks are what some cases are about
    cases = {name: chain(layers, i) for i, (name, layers) in enumerate(CHAINS.items())}
    table: dict[str, dict] = {}
    for i, (spec, shapes, masked) in enumerate(CALLS):
        name = f"{spec[0]}-{sum(row['layer'][0] == spec[0] for row in table.values())}"
        table[name] = {"layer": spec, "masked": masked}
        cases[name] = call(spec, shapes, masked, 100 + i)
    for i, (name, row) in enumerate(EVALUATIONS.items()):
        cases[f"evaluate_{name}"] = evaluation(row, 200 + i)
    flat = {
        f"{name}|{what}|{i}": np.asarray(value)
        for name, arrays in cases.items()
        for what, values in arrays.items()
        for i, value in enumerate(values)
    }
    tables = {"chains": CHAINS, "calls": table, "evaluations": EVALUATIONS}
    written = {name: json.dumps(content) for name, content in tables.items()}
    np.savez_compressed(TARGET, keras=keras.__version__, **written, **flat)
    print(f"{TARGET.name}: {len(cases)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
