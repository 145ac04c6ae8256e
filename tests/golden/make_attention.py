"""Writes `attention.npz`: Keras's attention layers and EinsumDense on random inputs.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_attention.py

`cases` is a JSON table: for each case the layer, its arguments, the options of the call, and the
names of its weights in Keras's order. Arrays are named `case|phase|what|number`. Before any phase
(`given`): `inputs`, `weights`, `cotangents`, and each mask under its own name. In the phase
`evaluation`, and `training` for the layers that train otherwise: `outputs`, `carried` (the weights
that are not trained, afterwards), and `d_inputs`, `d_weights`, the gradients of
Σ cotangents · outputs.
"""

import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("attention.npz")

PAIR, TRIPLE = [(2, 3, 5), (2, 4, 5)], [(2, 3, 5), (2, 4, 6), (2, 4, 5)]
SELF, PLANE = [(2, 4, 6)], [(2, 3, 4, 5), (2, 3, 2, 5)]
BOTH = {"return_attention_scores": True}
CAUSAL = {"use_causal_mask": True}
HEADS = {"num_heads": 2, "key_dim": 3}
GROUPS = {"head_dim": 3, "num_query_heads": 4, "num_key_value_heads": 2}

# Layer, shapes of the inputs, arguments, options of the call; a mask is given by its shape.
CASES: list[tuple[str, list[tuple[int, ...]], dict[str, Any], dict[str, Any]]] = [
    ("Attention", PAIR, {}, {}),
    ("Attention", TRIPLE, {"use_scale": True}, BOTH),
    ("Attention", TRIPLE, {"score_mode": "concat"}, CAUSAL),
    ("Attention", PAIR, {"score_mode": "concat", "use_scale": True}, BOTH | CAUSAL),
    ("Attention", PAIR, {}, {"query_mask": (2, 3), "value_mask": (2, 4), **BOTH}),
    ("Attention", PAIR, {"use_scale": True}, {"value_mask": (2, 4), **CAUSAL}),
    ("AdditiveAttention", PAIR, {}, {}),
    ("AdditiveAttention", TRIPLE, {"use_scale": False}, BOTH),
    ("AdditiveAttention", PAIR, {}, {"query_mask": (2, 3), "value_mask": (2, 4), **CAUSAL}),
    ("MultiHeadAttention", SELF * 2, HEADS, {}),
    ("MultiHeadAttention", SELF * 2, HEADS, CAUSAL),
    ("MultiHeadAttention", TRIPLE, HEADS | {"use_bias": False}, {"attention_mask": (2, 3, 4)}),
    ("MultiHeadAttention", PAIR, HEADS | {"output_shape": 4}, {"value_mask": (2, 4)}),
    ("MultiHeadAttention", TRIPLE, HEADS | {"value_dim": 2}, BOTH | {"key_mask": (2, 4)}),
    ("MultiHeadAttention", PAIR, HEADS | {"output_shape": [2, 3], "use_gate": True}, BOTH),
    ("MultiHeadAttention", SELF * 2, HEADS | {"sliding_window": 2}, CAUSAL),
    ("MultiHeadAttention", SELF * 2, HEADS | {"sliding_window": 2, "dropout": 0.5}, BOTH),
    ("MultiHeadAttention", PAIR, HEADS, {"attention_mask": (3, 4), **BOTH}),
    ("MultiHeadAttention", PAIR, HEADS, {"attention_mask": (2, 2, 3, 4), **CAUSAL}),
    ("MultiHeadAttention", PAIR, HEADS, {"attention_mask": "nothing for the first"}),
    ("MultiHeadAttention", PAIR, HEADS, {"attention_mask": "nothing for the first", **BOTH}),
    ("MultiHeadAttention", PAIR, HEADS | {"dropout": 0.5, "use_gate": True}, CAUSAL),
    ("MultiHeadAttention", PLANE[:1] * 2, HEADS, BOTH),
    ("MultiHeadAttention", PLANE, HEADS | {"attention_axes": 2}, BOTH),
    ("MultiHeadAttention", PLANE, HEADS | {"attention_axes": [2]}, {"attention_mask": (2, 4, 2)}),
    ("MultiHeadAttention", PLANE[:1] * 2, HEADS | {"attention_axes": [2, 1]}, BOTH),
    (
        "MultiHeadAttention",
        [(2, 4, 3, 5), (2, 4, 3, 5)],
        HEADS | {"attention_axes": -3, "output_shape": 2},
        CAUSAL,
    ),
    ("GroupQueryAttention", SELF * 2, GROUPS, {}),
    ("GroupQueryAttention", TRIPLE, GROUPS | {"use_bias": False}, {"attention_mask": (2, 3, 4)}),
    ("GroupQueryAttention", PAIR, GROUPS | {"use_gate": True}, BOTH | CAUSAL),
    ("GroupQueryAttention", PAIR, GROUPS | {"num_key_value_heads": 1}, {"value_mask": (2, 4)}),
    ("GroupQueryAttention", SELF * 2, GROUPS | {"sliding_window": 2}, CAUSAL),
    ("GroupQueryAttention", SELF * 2, GROUPS | {"dropout": 0.5}, {"attention_mask": (2, 4, 4)}),
    ("EinsumDense", [(3, 5)], {"equation": "ab,bc->ac", "output_shape": 4, "bias_axes": "c"}, {}),
    (
        "EinsumDense",
        [(2, 3, 5)],
        {
            "equation": "abc,cd->abd",
            "output_shape": [3, 4],
            "bias_axes": "bd",
            "activation": "relu",
        },
        {},
    ),
    (
        "EinsumDense",
        [(2, 3, 5)],
        {"equation": "abc,cde->abde", "output_shape": [3, 2, 4], "bias_axes": "de"},
        {},
    ),
    (
        "EinsumDense",
        [(2, 3, 4, 5)],
        {"equation": "abcd,cde->abe", "output_shape": [3, 2], "bias_axes": "e"},
        {},
    ),
    (
        "EinsumDense",
        [(2, 3, 4)],
        {"equation": "abc,dbe->adec", "output_shape": [3, 2, 4], "bias_axes": "d"},
        {},
    ),
    ("EinsumDense", [(2, 3, 4)], {"equation": "abc,cb->ab", "output_shape": [3]}, {}),
    (
        "EinsumDense",
        [(2, 3, 4, 5)],
        {"equation": "...x,xy->...y", "output_shape": 2, "bias_axes": "y"},
        {},
    ),
    (
        "EinsumDense",
        [(2, 3, 4, 5)],
        {"equation": "ab...,bc->ac...", "output_shape": 2, "bias_axes": "c"},
        {},
    ),
    ("EinsumDense", [(2, 3, 4)], {"equation": "ab...,b->ab...", "output_shape": 3}, {}),
]

TRAINS_OTHERWISE = ("BatchNormalization", "SpectralNormalization")


def mask(rng: np.random.Generator, shape: Any) -> np.ndarray:
    """A mask that hides a third, but never the first key."""
    if isinstance(shape, str):
        return np.arange(2)[:, None, None] >= np.ones((2, 3, 4), int)
    drawn = rng.uniform(size=shape) < 2 / 3
    drawn[..., 0] = True
    return drawn


def with_layer(arguments: dict) -> dict:
    """The arguments, with the layer that a wrapper wraps made from its name and arguments."""
    if "layer" not in arguments:
        return arguments
    name, inner = arguments["layer"]
    return arguments | {"layer": getattr(keras.layers, name)(**inner)}


def called(kind: str, inputs: list, masks: dict, options: dict) -> tuple[list, dict]:
    """The arguments with which Keras calls the layer."""
    if kind in ("Attention", "AdditiveAttention"):
        pair = [masks.get("query_mask"), masks.get("value_mask")]
        return [list(inputs)], {**({"mask": pair} if masks else {}), **options}
    return list(inputs), {**masks, **options}


def kept_weights(layer: Any) -> list:
    """The weights that are not trained, without the seeds of random layers."""
    return [weight for weight in layer.non_trainable_weights if "seed" not in weight.path]


def fill(layer: Any, rng: np.random.Generator) -> list:
    """Gives the weights random numbers; variances are positive."""
    weights = layer.trainable_weights + kept_weights(layer)
    for weight in weights:
        value = rng.normal(size=weight.shape).astype("float32") / 2
        weight.assign(np.abs(value) + 0.5 if weight.name.endswith("variance") else value)
    return weights


def run(layer: Any, kind: str, given: dict, options: dict, training: bool) -> dict[str, list]:
    """Outputs, weights carried and gradients of one layer in one phase."""
    trained = [weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]
    phase = {"training": training} if layer._call_has_training_arg else {}

    def call(trained: list, inputs: list) -> tuple[list, list]:
        args, kwargs = called(kind, inputs, given["masks"], options)
        outputs, carried = layer.stateless_call(trained, others, *args, **kwargs, **phase)
        return jax.tree.leaves(outputs), carried

    inputs = [jnp.asarray(x) for x in given["inputs"]]
    outputs, carried = jax.jit(call)(trained, inputs)
    rng = np.random.default_rng(1)
    cotangents = [rng.normal(size=y.shape).astype("float32") for y in outputs]

    def scalar(trained: list, inputs: list) -> jax.Array:
        outputs, _ = call(trained, inputs)
        return sum(jnp.sum(y * w) for y, w in zip(outputs, cotangents, strict=True))

    d_weights, d_inputs = jax.jit(jax.grad(scalar, argnums=(0, 1)))(trained, inputs)
    found = {"outputs": outputs, "d_inputs": d_inputs, "d_weights": d_weights}
    found["cotangents"] = cotangents
    if kept_weights(layer):
        found["carried"] = carried
    return found


def case(kind: str, shapes: list, arguments: dict, call: dict, seed: int) -> tuple[dict, dict]:
    """The row of the table and the arrays, named `phase|what`, of one case."""
    rng = np.random.default_rng(seed)
    inputs = [rng.normal(size=shape).astype("float32") for shape in shapes]
    masks = {name: mask(rng, value) for name, value in call.items() if value is not True}
    options = {name: value for name, value in call.items() if name not in masks}
    layer = getattr(keras.layers, kind)(**with_layer(arguments))
    args, kwargs = called(kind, inputs, masks, options)
    layer(*args, **kwargs)
    weights = fill(layer, rng)
    paths = [weight.path.split("/", 1)[-1] for weight in weights]
    row = {"layer": kind, "arguments": arguments, "options": options, "weights": paths}
    arrays = {"given|inputs": inputs, "given|weights": [np.asarray(w.value) for w in weights]}
    arrays |= {f"given|{name}": [value] for name, value in masks.items()}
    given = {"inputs": inputs, "masks": masks}
    for phase in ("evaluation", "training") if kind in TRAINS_OTHERWISE else ("evaluation",):
        found = run(layer, kind, given, options, phase == "training")
        arrays["given|cotangents"] = found.pop("cotangents")
        arrays |= {f"{phase}|{what}": values for what, values in found.items()}
    return row, arrays


def write(target: pathlib.Path, cases: list) -> None:
    """Writes a file with all cases."""
    table: dict[str, dict] = {}
    flat: dict[str, np.ndarray] = {}
    for kind, shapes, arguments, call in cases:
        name = f"{kind}-{sum(row['layer'] == kind for row in table.values())}"
        table[name], arrays = case(kind, shapes, arguments, call, len(table))
        for what, values in arrays.items():
            flat.update({f"{name}|{what}|{i}": np.asarray(v) for i, v in enumerate(values)})
    np.savez_compressed(target, keras=keras.__version__, cases=json.dumps(table), **flat)
    print(f"{target.name}: {len(table)} cases, {target.stat().st_size} bytes")


if __name__ == "__main__":
    write(TARGET, CASES)
