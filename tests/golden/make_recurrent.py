"""Writes `recurrent.npz`: Keras's recurrent layers: outputs, gradients, carried weights.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_recurrent.py

`cases` is a JSON table: for each case the `layer` as [class, arguments] (arguments that are such a
pair, or a list of them, are layers too), the shapes of its inputs (`shapes`: the sequence or the
step, then the initial states, flat), whether it is given a `mask`, and whether it is `training`.
Arrays are named `case|what|number`: `inputs`, `mask`, `weights` (in Keras's order, trained ones
first), `cotangents`, `outputs`, `carried` (the weights that are not trained, afterwards), and
`d_inputs` and `d_weights`, the gradients of Σ cotangents · outputs. A stateful layer is called
twice: `again` holds its outputs for the inputs doubled, and there are no gradients.
"""

import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("recurrent.npz")

SEQUENCE, H = (2, 5, 3), (2, 4)
ALL = {"return_sequences": True, "return_state": True}
LSTM, GRU = ["LSTM", {"units": 4}], ["GRU", {"units": 4, **ALL}]
CELLS = [["LSTMCell", {"units": 4}], ["GRUCell", {"units": 3}]]


def both(layer: list, **arguments: Any) -> list:
    """A Bidirectional around a layer."""
    return ["Bidirectional", {"layer": layer, **arguments}]


def each(layer: list) -> list:
    """A TimeDistributed around a layer."""
    return ["TimeDistributed", {"layer": layer}]


def gated(kind: str, states: int) -> list[tuple]:
    """The cases of SimpleRNN, LSTM and GRU: layer, shapes, with a mask."""
    plain = {"units": 4}
    initial = [H] * states
    return [
        ([kind, plain], [SEQUENCE], False),
        ([kind, plain | ALL], [SEQUENCE, *initial], False),
        ([kind, plain | ALL | {"go_backwards": True}], [SEQUENCE], True),
        ([kind, plain | {"zero_output_for_mask": True}], [SEQUENCE, *initial], True),
        (
            [kind, plain | {"zero_output_for_mask": True, "return_sequences": True}],
            [SEQUENCE],
            True,
        ),
        (
            [kind, plain | {"use_bias": False, "activation": "softsign", "unroll": True}],
            [SEQUENCE],
            False,
        ),
        ([kind, plain | {"stateful": True, "return_state": True}], [SEQUENCE], False),
    ]


# Layer, shapes of the inputs, whether there is a mask.
CASES: list[tuple[list, list[tuple[int, ...]], bool]] = [
    *gated("SimpleRNN", 1),
    *gated("LSTM", 2),
    *gated("GRU", 1),
    (["LSTM", {"units": 4, "recurrent_activation": "hard_sigmoid"}], [SEQUENCE], False),
    (["GRU", {"units": 4, "reset_after": False, **ALL}], [SEQUENCE, H], True),
    (["GRU", {"units": 4, "reset_after": False, "use_bias": False}], [SEQUENCE], False),
    (["SimpleRNNCell", {"units": 4}], [(2, 3), H], False),
    (["SimpleRNNCell", {"units": 4, "activation": "relu", "use_bias": False}], [(2, 3), H], False),
    (["LSTMCell", {"units": 4}], [(2, 3), H, H], False),
    (["LSTMCell", {"units": 4, "use_bias": False}], [(2, 3), H, H], False),
    (["GRUCell", {"units": 4}], [(2, 3), H], False),
    (["GRUCell", {"units": 4, "reset_after": False}], [(2, 3), H], False),
    (["StackedRNNCells", {"cells": CELLS}], [(2, 3), H, H, (2, 3)], False),
    (["RNN", {"cell": CELLS[0], **ALL}], [SEQUENCE, H, H], True),
    (["RNN", {"cell": CELLS, **ALL}], [SEQUENCE], False),
    (["RNN", {"cell": CELLS, **ALL, "go_backwards": True}], [SEQUENCE], True),
    *[(both(LSTM, merge_mode=mode), [SEQUENCE], False) for mode in ("sum", "mul", "ave", None)],
    (both(GRU), [SEQUENCE, H, H], True),
    (both(GRU, merge_mode=None), [SEQUENCE], False),
    (both(LSTM), [SEQUENCE], True),
    (
        both(LSTM, backward_layer=["LSTM", {"units": 3, "go_backwards": True}]),
        [SEQUENCE, H, H, (2, 3), (2, 3)],
        False,
    ),
    (both(["RNN", {"cell": CELLS[1], "return_sequences": True}]), [SEQUENCE], True),
    (each(["Dense", {"units": 4, "activation": "relu"}]), [SEQUENCE], False),
    (each(["Conv1D", {"filters": 2, "kernel_size": 2}]), [(2, 3, 5, 2)], False),
    (each(["BatchNormalization", {"momentum": 0.7}]), [SEQUENCE], False),
    (each(LSTM), [(2, 3, 5, 2)], False),
    (["ConvLSTM1D", {"filters": 2, "kernel_size": 3, "strides": 2}], [(2, 3, 8, 2)], False),
    (
        ["ConvLSTM1D", {"filters": 2, "kernel_size": 2, "data_format": "channels_first", **ALL}],
        [(2, 3, 2, 6), (2, 2, 5), (2, 2, 5)],
        False,
    ),
    (
        ["ConvLSTM2D", {"filters": 2, "kernel_size": [3, 2], "padding": "same", **ALL}],
        [(1, 3, 4, 5, 2)],
        False,
    ),
    (
        ["ConvLSTM2D", {"filters": 2, "kernel_size": 2, "dilation_rate": 2, "use_bias": False}],
        [(1, 3, 5, 5, 2)],
        False,
    ),
    (
        ["ConvLSTM2D", {"filters": 2, "kernel_size": 2, "data_format": "channels_first"}],
        [(1, 3, 2, 4, 5)],
        False,
    ),
    (
        ["ConvLSTM2D", {"filters": 2, "kernel_size": 2, "go_backwards": True}],
        [(1, 3, 4, 4, 1)],
        False,
    ),
    (["ConvLSTM3D", {"filters": 2, "kernel_size": 2}], [(1, 3, 3, 3, 4, 1)], False),
    (
        ["ConvLSTM3D", {"filters": 1, "kernel_size": 2, "padding": "same"}],
        [(1, 2, 3, 3, 2, 2)],
        False,
    ),
]


def is_layer(value: Any) -> bool:
    """Whether an argument is [class, arguments]."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict)


def made(value: Any) -> Any:
    """Keras's layer for [class, arguments], and any other argument as it is."""
    if is_layer(value):
        arguments = {name: made(item) for name, item in value[1].items()}
        return getattr(keras.layers, value[0])(**arguments)
    return [made(item) for item in value] if isinstance(value, list) else value


def call(layer: Any, inputs: list, mask: Any, training: bool) -> list:
    """The outputs of a layer that has its weights."""
    first, *states = inputs
    name = type(layer).__name__
    if name == "StackedRNNCells":
        return layer(first, [states[:2], states[2:]])
    if name.endswith("Cell"):
        return layer(first, states)
    told = {"initial_state": states} if states else {}
    told |= {"mask": jnp.asarray(mask)} if mask is not None else {}
    return layer(first, training=training, **told)


def filled(layer: Any, rng: np.random.Generator) -> list[np.ndarray]:
    """Gives a layer random weights; those that are not trained (variances) are positive."""
    values = [rng.normal(size=w.shape).astype("float32") / 2 for w in layer.trainable_weights]
    values += [
        rng.random(size=w.shape).astype("float32") + 0.5 for w in layer.non_trainable_weights
    ]
    layer.set_weights(values)
    return values


def differentiated(layer: Any, inputs: list, mask: Any, training: bool) -> dict[str, list]:
    """Outputs, carried weights and gradients."""
    trained = [weight.value for weight in layer.trainable_weights]
    others = [weight.value for weight in layer.non_trainable_weights]
    weights = [*layer.trainable_weights, *layer.non_trainable_weights]

    def run(trained: list, inputs: list) -> tuple[list, list]:
        pairs = list(zip(weights, [*trained, *others], strict=True))
        with keras.StatelessScope(state_mapping=pairs) as scope:
            outputs = jax.tree.leaves(call(layer, inputs, mask, training))
        kept = [scope.get_current_value(weight) for weight in layer.non_trainable_weights]
        return outputs, kept

    outputs, carried = run(trained, inputs)
    rng = np.random.default_rng(1)
    cotangents = [rng.normal(size=y.shape).astype("float32") for y in outputs]

    def scalar(trained: list, inputs: list) -> jax.Array:
        pairs = zip(run(trained, inputs)[0], cotangents, strict=True)
        return sum(jnp.sum(y * c) for y, c in pairs)

    d_weights, d_inputs = jax.grad(scalar, argnums=(0, 1))(trained, inputs)
    return {
        "outputs": outputs,
        "carried": carried,
        "cotangents": cotangents,
        "d_weights": d_weights,
        "d_inputs": d_inputs,
    }


def case(spec: list, shapes: list, masked: bool, seed: int) -> tuple[dict, dict[str, list]]:
    """The row of the table and the arrays of one case."""
    rng = np.random.default_rng(seed)
    inputs = [jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in shapes]
    mask = rng.random(shapes[0][:2]) < 0.6 if masked else None
    layer = made(spec)
    call(layer, inputs, mask, False)
    training = "BatchNormalization" in json.dumps(spec)
    arrays = {"inputs": inputs, "weights": filled(layer, rng)}
    if masked:
        arrays["mask"] = [mask]
    if getattr(layer, "stateful", False):
        layer.reset_state()
        arrays["outputs"] = jax.tree.leaves(call(layer, inputs, mask, False))
        arrays["again"] = jax.tree.leaves(call(layer, [2 * x for x in inputs], mask, False))
    else:
        arrays |= differentiated(layer, inputs, mask, training)
    names = [weight.name for weight in [*layer.trainable_weights, *layer.non_trainable_weights]]
    return {"layer": spec, "weights": names, "training": training}, arrays


def main() -> None:
    """Writes every case."""
    table: dict[str, dict] = {}
    flat: dict[str, np.ndarray] = {}
    for spec, shapes, masked in CASES:
        name = f"{spec[0]}-{sum(row['layer'][0] == spec[0] for row in table.values())}"
        table[name], arrays = case(spec, shapes, masked, len(table))
        for what, values in arrays.items():
            flat.update({f"{name}|{what}|{i}": np.asarray(v) for i, v in enumerate(values)})
    np.savez_compressed(TARGET, keras=keras.__version__, cases=json.dumps(table), **flat)
    print(f"{TARGET.name}: {len(table)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
