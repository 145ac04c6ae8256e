"""Writes `layers.npz`: Keras's layers on random inputs: weights, outputs and gradients.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_layers.py

`cases` is a JSON table: for each case the layer, its arguments, and the names of its weights in
Keras's order (trained ones first). Arrays are named `case|phase|what|number`. Before any phase
(`given`): `inputs`, `weights`, `cotangents`. In the phases `evaluation` and `training`: `outputs`,
`carried` (the weights that are not trained, afterwards), and `d_inputs`, `d_weights`, the gradients
of Σ cotangents · outputs. Layers that draw random numbers, or for which training is nothing else,
have no training phase; integer inputs have no gradient.

Batch renormalization also trains from Keras's initial weights: the phase `steps` holds `inputs` and
what a training phase holds, stacked over STEPS steps in sequence; behind each the weights move by
-STEP_SIZE times their gradient. `trained` holds the outputs in evaluation for the last inputs.
"""

import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("layers.npz")

SEQUENCE, IMAGE, VOLUME = (2, 7, 4), (2, 6, 5, 4), (2, 4, 5, 6, 2)

# Shape, or shape and dtype, of each input; then the arguments of one case after the other.
CASES: list[tuple[str, list[Any], list[dict[str, Any]]]] = [
    (
        "Activation",
        [(3, 5)],
        [{"activation": "relu"}, {"activation": "tanh"}, {"activation": None}],
    ),
    ("ActivityRegularization", [(3, 5)], [{"l1": 0.1, "l2": 0.2}]),
    ("Add", [(2, 3, 4), (2, 3, 4)], [{}]),
    ("Add", [(2, 3, 4), (2, 1, 4), (2, 3, 1)], [{}]),
    ("Average", [(2, 3, 4), (2, 3, 4), (2, 1, 4)], [{}]),
    ("AveragePooling1D", [SEQUENCE], [{"pool_size": 2}, {"pool_size": 3, "padding": "same"}]),
    (
        "AveragePooling1D",
        [SEQUENCE],
        [{"pool_size": 2, "strides": 3, "data_format": "channels_first"}],
    ),
    ("AveragePooling2D", [IMAGE], [{"pool_size": 2}, {"pool_size": [2, 3], "strides": [1, 2]}]),
    ("AveragePooling2D", [IMAGE], [{"pool_size": 3, "strides": 2, "padding": "same"}]),
    # No uint8 images for AveragePooling: Keras adds them up in uint8, and overflows.
    (
        "AveragePooling2D",
        [IMAGE],
        [{"pool_size": 2, "padding": "same", "data_format": "channels_first"}],
    ),
    ("AveragePooling3D", [VOLUME], [{"pool_size": 2}, {"pool_size": 2, "padding": "same"}]),
    ("BatchNormalization", [(5, 4)], [{}, {"momentum": 0.8, "epsilon": 0.01, "scale": False}]),
    ("BatchNormalization", [IMAGE], [{}, {"axis": 1, "center": False}]),
    ("Concatenate", [(2, 3, 4), (2, 3, 2), (2, 3, 1)], [{}]),
    ("Concatenate", [(2, 3, 4), (2, 5, 4)], [{"axis": 1}]),
    ("Concatenate", [(2, 3, "uint8"), (2, 2, "uint8")], [{}]),
    ("Conv1D", [SEQUENCE], [{"filters": 3, "kernel_size": 3, "activation": "relu"}]),
    (
        "Conv1D",
        [SEQUENCE],
        [{"filters": 3, "kernel_size": 2, "padding": "causal", "dilation_rate": 2}],
    ),
    ("Conv1D", [SEQUENCE], [{"filters": 4, "kernel_size": 2, "strides": 2, "padding": "same"}]),
    ("Conv1D", [(2, 4, 7)], [{"filters": 4, "kernel_size": 2, "data_format": "channels_first"}]),
    ("Conv2D", [IMAGE], [{"filters": 3, "kernel_size": 3}, {"filters": 3, "kernel_size": [2, 3]}]),
    ("Conv2D", [IMAGE], [{"filters": 2, "kernel_size": 2, "strides": [2, 1], "padding": "same"}]),
    ("Conv2D", [IMAGE], [{"filters": 6, "kernel_size": 3, "groups": 2, "use_bias": False}]),
    (
        "Conv2D",
        [IMAGE],
        [{"filters": 2, "kernel_size": 2, "dilation_rate": 2, "activation": "tanh"}],
    ),
    ("Conv2D", [(2, 4, 6, 5)], [{"filters": 2, "kernel_size": 3, "data_format": "channels_first"}]),
    ("Conv2D", [(2, 5, 5, 1, "uint8")], [{"filters": 2, "kernel_size": 3}]),
    ("Conv3D", [VOLUME], [{"filters": 2, "kernel_size": 2}]),
    (
        "Conv3D",
        [VOLUME],
        [{"filters": 2, "kernel_size": [1, 2, 3], "strides": 2, "padding": "same"}],
    ),
    ("Dense", [(3, 5)], [{"units": 4}, {"units": 4, "activation": "softmax"}]),
    ("Dense", [(2, 3, 5)], [{"units": 4, "use_bias": False, "activation": "gelu"}]),
    ("Dot", [(2, 3, 4), (2, 5, 4)], [{"axes": 2}, {"axes": [2, -1], "normalize": True}]),
    ("Dot", [(3, 4), (3, 4)], [{"axes": -1}, {"axes": 1, "normalize": True}]),
    ("Dropout", [(3, 5)], [{"rate": 0.4}]),
    ("ELU", [(3, 5)], [{}, {"alpha": 0.5}]),
    ("Embedding", [(2, 3, "ids")], [{"input_dim": 7, "output_dim": 4}]),
    ("Embedding", [(2, "ids")], [{"input_dim": 7, "output_dim": 4}]),
    ("Flatten", [IMAGE], [{}, {"data_format": "channels_first"}]),
    ("Flatten", [(3,)], [{}]),
    ("Flatten", [(2, 3, 3, "uint8")], [{}]),
    ("GaussianDropout", [(3, 5)], [{"rate": 0.4}]),
    ("GaussianNoise", [(3, 5)], [{"stddev": 0.4}]),
    ("GlobalAveragePooling1D", [SEQUENCE], [{}, {"keepdims": True}]),
    ("GlobalAveragePooling2D", [IMAGE], [{}, {"data_format": "channels_first", "keepdims": True}]),
    ("GlobalAveragePooling2D", [(2, 4, 4, 3, "uint8")], [{}]),
    ("GlobalAveragePooling3D", [VOLUME], [{}]),
    ("GlobalMaxPooling1D", [SEQUENCE], [{}, {"data_format": "channels_first"}]),
    ("GlobalMaxPooling2D", [IMAGE], [{}, {"keepdims": True}]),
    ("GlobalMaxPooling2D", [(2, 4, 4, 3, "uint8")], [{}]),
    ("GlobalMaxPooling3D", [VOLUME], [{}]),
    ("LeakyReLU", [(3, 5)], [{}, {"negative_slope": 0.1}]),
    ("MaxPooling1D", [SEQUENCE], [{}, {"pool_size": 3, "strides": 2, "padding": "same"}]),
    ("MaxPooling2D", [IMAGE], [{}, {"pool_size": [3, 2], "strides": 1}, {"padding": "same"}]),
    ("MaxPooling2D", [IMAGE], [{"data_format": "channels_first", "pool_size": 3, "strides": 2}]),
    (
        "MaxPooling2D",
        [(2, 6, 6, 1, "ties")],
        [{}, {"pool_size": 3, "strides": 1, "padding": "same"}],
    ),
    ("MaxPooling2D", [(2, 4, 4, 3, "uint8")], [{}]),
    ("MaxPooling3D", [VOLUME], [{}, {"padding": "same", "pool_size": 3}]),
    ("Maximum", [(2, 3, 4), (2, 3, 4), (2, 1, 4)], [{}]),
    ("Minimum", [(2, 3, 4), (2, 3, 4), (2, 1, 4)], [{}]),
    ("Multiply", [(2, 3, 4), (2, 3, 4), (2, 1, 4)], [{}]),
    ("PReLU", [(3, 4, 5)], [{}, {"shared_axes": [1]}]),
    ("Permute", [(2, 3, 4, 5)], [{"dims": [3, 1, 2]}]),
    ("ReLU", [(3, 5)], [{}, {"max_value": 1.0, "negative_slope": 0.1, "threshold": 0.5}]),
    ("RepeatVector", [(2, 3)], [{"n": 4}]),
    (
        "Rescaling",
        [(2, 3)],
        [{"scale": 0.5}, {"scale": [1.0, 2.0, 3.0], "offset": [0.0, -1.0, 1.0]}],
    ),
    ("Rescaling", [(2, 3, "uint8")], [{"scale": 1 / 255, "offset": -0.5}]),
    ("Reshape", [(2, 3, 4)], [{"target_shape": [12]}, {"target_shape": [2, -1, 3]}]),
    ("Reshape", [(2, 6, "uint8")], [{"target_shape": [3, 2]}]),
    (
        "SimpleRNN",
        [SEQUENCE],
        [{"units": 3}, {"units": 3, "return_sequences": True, "unroll": True}],
    ),
    ("SimpleRNN", [SEQUENCE], [{"units": 3, "go_backwards": True, "return_sequences": True}]),
    ("SimpleRNN", [SEQUENCE], [{"units": 3, "return_state": True, "use_bias": False}]),
    ("Softmax", [(2, 3, 4)], [{}, {"axis": 1}, {"axis": [1, 2]}]),
    ("SpatialDropout1D", [SEQUENCE], [{"rate": 0.4}]),
    ("SpatialDropout2D", [IMAGE], [{"rate": 0.4}]),
    ("SpatialDropout3D", [VOLUME], [{"rate": 0.4}]),
    ("Subtract", [(2, 3, 4), (2, 1, 4)], [{}]),
    # A case's numbers are drawn by its position: new ones come last.
    (
        "BatchNormalization",
        [(5, 4)],
        [
            {"renorm": True},
            {
                "renorm": True,
                "renorm_clipping": {"rmax": 1.5, "rmin": 0.7, "dmax": 0.5},
                "renorm_momentum": 0.6,
                "momentum": 0.8,
                "scale": False,
            },
        ],
    ),
    (
        "BatchNormalization",
        [(3, 4, 2)],
        [
            {"renorm": True, "renorm_clipping": {"rmin": 0.9}, "axis": 1, "center": False},
            {"renorm": True, "renorm_momentum": 0.5, "scale": False, "center": False},
        ],
    ),
]

STEPS, STEP_SIZE = 4, 0.1

RANDOM = ("Dropout", "GaussianDropout", "GaussianNoise", "SpatialDropout")


def draw(rng: np.random.Generator, spec: tuple) -> np.ndarray:
    """An input: its shape, and behind it a dtype, "ids" (0 to 6) or "ties" (many zeros)."""
    kind = spec[-1] if isinstance(spec[-1], str) else "float32"
    shape = [size for size in spec if not isinstance(size, str)]
    if kind == "ids":
        return rng.integers(0, 7, shape).astype("int32")
    if kind == "uint8":
        return rng.integers(0, 256, shape).astype("uint8")
    values = rng.normal(size=shape).astype("float32")
    return np.maximum(values, 0) if kind == "ties" else values


def with_weights(layer: Any, inputs: list[np.ndarray], rng: np.random.Generator) -> None:
    """Builds a layer and fills its weights with random numbers; variances are positive."""
    layer(inputs if len(inputs) > 1 else inputs[0])
    values = []
    for weight in layer.trainable_weights + kept_weights(layer):
        value = rng.normal(size=weight.shape).astype("float32") / 2
        positive = weight.name.endswith(("variance", "stddev"))
        values.append(np.abs(value) + 0.5 if positive else value)
        weight.assign(values[-1])


def kept_weights(layer: Any) -> list:
    """The weights that are not trained, without the seeds of random layers."""
    return [weight for weight in layer.non_trainable_weights if "seed" not in weight.path]


def run(layer: Any, inputs: list[np.ndarray], training: bool) -> dict[str, list]:
    """Outputs, weights carried and gradients of one layer in one phase."""
    trained = [weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]
    moving = [i for i, x in enumerate(inputs) if x.dtype == "float32"]

    def call(trained: list, floats: list) -> tuple[list, list]:
        values = [jnp.asarray(x) for x in inputs]
        for position, value in zip(moving, floats, strict=True):
            values[position] = value
        argument = values if len(values) > 1 else values[0]
        kwargs = {"training": training} if layer._call_has_training_arg else {}
        outputs, carried = layer.stateless_call(trained, others, argument, **kwargs)
        return jax.tree.leaves(outputs), carried

    floats = [jnp.asarray(inputs[i]) for i in moving]
    outputs, carried = call(trained, floats)
    rng = np.random.default_rng(1)
    weights = [rng.normal(size=y.shape).astype("float32") for y in outputs]

    def scalar(trained: list, floats: list) -> jax.Array:
        outputs, _ = call(trained, floats)
        return sum(jnp.sum(y * w) for y, w in zip(outputs, weights, strict=True))

    d_weights, d_inputs = [], []
    if all(jnp.issubdtype(y.dtype, jnp.floating) for y in outputs):
        d_weights, d_inputs = jax.grad(scalar, argnums=(0, 1))(trained, floats)
    found = {
        "outputs": outputs,
        "d_inputs": d_inputs,
        "d_weights": d_weights,
        "cotangents": weights,
    }
    if kept_weights(layer):
        found["carried"] = carried
    return found


def steps(layer: Any, inputs: np.ndarray, rng: np.random.Generator) -> dict[str, list]:
    """Arrays, named `phase|what`, of a few training steps in sequence, each on other inputs."""
    layer.build(inputs.shape)
    history: list[dict[str, list]] = []
    for step in range(STEPS):
        # Ever wider and further up, so that bounds of the corrections are met from both sides.
        x = (inputs + rng.normal(size=inputs.shape) + step - 1) * 0.6 * (step + 1)
        found = {"inputs": [x.astype("float32")]}
        found |= run(layer, found["inputs"], training=True)
        for weight, slope in zip(layer.trainable_weights, found["d_weights"], strict=True):
            weight.assign(weight - STEP_SIZE * slope)
        for weight, value in zip(layer.non_trainable_weights, found["carried"], strict=True):
            weight.assign(value)
        history.append(found)
    arrays = {"trained|outputs": run(layer, history[-1]["inputs"], training=False)["outputs"]}
    for what in ("inputs", "outputs", "carried", "d_inputs", "d_weights"):
        columns = zip(*(found[what] for found in history), strict=True)
        arrays[f"steps|{what}"] = [np.stack(column) for column in columns]
    return arrays


def case(kind: str, specs: list, arguments: dict, seed: int) -> tuple[dict, dict[str, list]]:
    """The row of the table and the arrays, named `phase|what`, of one case."""
    rng = np.random.default_rng(seed)
    inputs = [draw(rng, spec) for spec in specs]
    layer = getattr(keras.layers, kind)(**arguments)
    with_weights(layer, inputs, rng)
    weights = layer.trainable_weights + kept_weights(layer)
    row = {"layer": kind, "arguments": arguments, "weights": [weight.name for weight in weights]}
    arrays = {"given|inputs": inputs, "given|weights": [np.asarray(w.value) for w in weights]}
    differs = layer._call_has_training_arg and not kind.startswith(RANDOM)
    for phase in ("evaluation", "training") if differs else ("evaluation",):
        found = run(layer, inputs, phase == "training")
        arrays["given|cotangents"] = found.pop("cotangents")
        arrays.update({f"{phase}|{what}": values for what, values in found.items()})
    if arguments.get("renorm"):
        arrays |= steps(getattr(keras.layers, kind)(**arguments), inputs[0], rng)
    return row, arrays


def main() -> None:
    """Writes every case."""
    table: dict[str, dict] = {}
    flat: dict[str, np.ndarray] = {}
    for kind, specs, configs in CASES:
        for arguments in configs:
            name = f"{kind}-{sum(row['layer'] == kind for row in table.values())}"
            table[name], arrays = case(kind, specs, arguments, len(table))
            for what, values in arrays.items():
                flat.update({f"{name}|{what}|{i}": np.asarray(v) for i, v in enumerate(values)})
    np.savez_compressed(TARGET, keras=keras.__version__, cases=json.dumps(table), **flat)
    print(f"{TARGET.name}: {len(table)} cases, {TARGET.stat().st_size} bytes")


if __name__ == "__main__":
    main()
