"""Writes `ops.npz`: Keras's activations, initializers, regularizers, constraints on fixed inputs.

Run from the project's root: KERAS_BACKEND=jax python tests/golden/make_ops.py

Every entry is named `room|name|arguments as JSON|what`. `what` is `y` (the result on `matrix`),
`dx` (the gradient of Σ weights · y there), `edges` (the result on `edges`: kinks, zeros and large
numbers) or, for initializers and `fans`, the shape asked for.
"""

import json
import pathlib

import jax
import keras
import numpy as np

TARGET = pathlib.Path(__file__).with_name("ops.npz")

# Keras's sparsemax is missing on purpose: it is not the projection it is named after.
ACTIVATIONS = [
    ("celu", {}),
    ("celu", {"alpha": 0.5}),
    ("elu", {}),
    ("elu", {"alpha": 0.5}),
    ("exponential", {}),
    ("gelu", {}),
    ("gelu", {"approximate": True}),
    ("glu", {}),
    ("glu", {"axis": 0}),
    ("hard_shrink", {}),
    ("hard_shrink", {"threshold": 1.5}),
    ("hard_sigmoid", {}),
    ("hard_silu", {}),
    ("hard_swish", {}),
    ("hard_tanh", {}),
    ("leaky_relu", {}),
    ("leaky_relu", {"negative_slope": 0.01}),
    ("linear", {}),
    ("log_sigmoid", {}),
    ("log_softmax", {}),
    ("log_softmax", {"axis": 0}),
    ("log_softmax", {"axis": [0, 1]}),
    ("mish", {}),
    ("relu", {}),
    ("relu", {"negative_slope": 0.1}),
    ("relu", {"max_value": 1.0}),
    ("relu", {"max_value": 6}),
    ("relu", {"threshold": 0.5}),
    ("relu", {"threshold": -0.5}),
    ("relu", {"negative_slope": 0.1, "max_value": 1.0}),
    ("relu", {"negative_slope": 0.1, "max_value": 1.0, "threshold": 0.5}),
    ("relu6", {}),
    ("selu", {}),
    ("sigmoid", {}),
    ("silu", {}),
    ("soft_shrink", {}),
    ("soft_shrink", {"threshold": 1.5}),
    ("softmax", {}),
    ("softmax", {"axis": 0}),
    ("softmax", {"axis": [0, 1]}),
    ("softplus", {}),
    ("softsign", {}),
    ("sparse_plus", {}),
    ("sparse_sigmoid", {}),
    ("squareplus", {}),
    ("squareplus", {"b": 1}),
    ("swish", {}),
    ("tanh", {}),
    ("tanh_shrink", {}),
    ("threshold", {"threshold": 0.5, "default_value": -2.0}),
]

REGULARIZERS = [
    ("Regularizer", {}),
    ("L1", {}),
    ("L1", {"l1": 0.3}),
    ("L2", {}),
    ("L2", {"l2": 0.3}),
    ("L1L2", {}),
    ("L1L2", {"l1": 0.1}),
    ("L1L2", {"l1": 0.1, "l2": 0.2}),
    ("OrthogonalRegularizer", {}),
    ("OrthogonalRegularizer", {"factor": 2.0, "mode": "columns"}),
]

CONSTRAINTS = [
    ("Constraint", {}),
    ("MaxNorm", {}),
    ("MaxNorm", {"max_value": 4.5, "axis": 1}),
    ("MaxNorm", {"axis": [0, 1]}),
    ("NonNeg", {}),
    ("UnitNorm", {}),
    ("UnitNorm", {"axis": 1}),
    ("MinMaxNorm", {}),
    ("MinMaxNorm", {"min_value": 4.0, "max_value": 5.0}),
    ("MinMaxNorm", {"min_value": 4.0, "max_value": 5.0, "rate": 0.25, "axis": 1}),
]

INITIALIZERS = [
    ("Zeros", {}, (2, 3)),
    ("Ones", {}, (2, 3)),
    ("Constant", {"value": 0.5}, (2, 3)),
    ("Constant", {"value": [1.0, 2.0, 3.0]}, (2, 3)),
    ("Identity", {}, (3, 4)),
    ("Identity", {"gain": 2.0}, (4, 2)),
    ("STFT", {}, (8, 1, 5)),
    ("STFT", {"side": "imag", "window": None}, (6, 1, 5)),
    ("STFT", {"window": "hamming", "scaling": "spectrum", "periodic": True}, (8, 1, 5)),
    ("STFT", {"window": [1.0, 2.0, 2.0, 1.0], "scaling": None}, (4, 1, 3)),
    ("RandomNormal", {"seed": 0}, (24, 32)),
    ("RandomNormal", {"mean": 1.0, "stddev": 0.5, "seed": 1}, (24, 32)),
    ("RandomUniform", {"seed": 2}, (24, 32)),
    ("RandomUniform", {"minval": 1.0, "maxval": 3.0, "seed": 3}, (24, 32)),
    ("TruncatedNormal", {"seed": 4}, (24, 32)),
    ("TruncatedNormal", {"mean": -1.0, "stddev": 2.0, "seed": 5}, (24, 32)),
    ("VarianceScaling", {"seed": 6}, (24, 32)),
    ("VarianceScaling", {"scale": 3.0, "mode": "fan_out", "seed": 7}, (24, 32)),
    ("VarianceScaling", {"distribution": "untruncated_normal", "seed": 8}, (24, 32)),
    ("VarianceScaling", {"distribution": "NORMAL", "mode": "fan_avg", "seed": 9}, (24, 32)),
    ("VarianceScaling", {"input_axes": [1], "output_axes": [0, 2], "seed": 10}, (4, 24, 8)),
    ("GlorotUniform", {"seed": 11}, (3, 3, 8, 16)),
    ("GlorotNormal", {"seed": 12}, (24, 32)),
    ("LecunUniform", {"seed": 13}, (3, 3, 8, 16)),
    ("LecunNormal", {"seed": 14}, (24, 32)),
    ("HeUniform", {"seed": 15}, (512,)),
    ("HeNormal", {"seed": 16}, (3, 3, 8, 16)),
    ("Orthogonal", {"seed": 17}, (32, 24)),
    ("Orthogonal", {"gain": 2.0, "seed": 18}, (16, 32)),
    ("Orthogonal", {"seed": 2**32 - 1}, (2, 4, 8)),
]

FAN_SHAPES = [(), (7,), (3, 5), (4, 3, 5), (3, 3, 8, 16), (2, 3, 4, 5, 6), (0, 4)]


def entry(room: str, name: str, arguments: dict, what: str) -> str:
    """The name of one array in the file."""
    return f"{room}|{name}|{json.dumps(arguments)}|{what}"


def tuples(arguments: dict) -> dict:
    """JSON's lists as the tuples that Keras's axis arguments are."""
    return {k: tuple(v) if "ax" in k and isinstance(v, list) else v for k, v in arguments.items()}


def inputs() -> dict[str, np.ndarray]:
    """What the functions are evaluated on; no entry of `matrix` sits on a kink."""
    draw = np.random.default_rng(0)
    kinks = [0, 0.5, 1, 1.5, 3, 6, 20, 100]
    edges = np.array([kinks, [-k for k in kinks]], np.float32)
    matrix = (3 * draw.standard_normal((4, 6))).astype(np.float32)
    return {"matrix": matrix, "weights": draw.random((4, 6)).astype(np.float32), "edges": edges}


def activation_values(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Results and gradients of every activation."""
    found = {}
    for name, arguments in ACTIVATIONS:
        function = getattr(keras.activations, name)

        def call(x, function=function, arguments=arguments):
            return function(x, **tuples(arguments))

        def weighed(x, call=call):
            y = call(x)
            return (given["weights"][: y.shape[0], : y.shape[1]] * y).sum()

        matrix = jax.numpy.asarray(given["matrix"])
        found[entry("activations", name, arguments, "y")] = call(matrix)
        found[entry("activations", name, arguments, "dx")] = jax.grad(weighed)(matrix)
        found[entry("activations", name, arguments, "edges")] = call(
            jax.numpy.asarray(given["edges"])
        )
    return found


def rule_values(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Results and gradients of every regularizer and constraint."""
    found, matrix = {}, jax.numpy.asarray(given["matrix"])
    for room, cases in (("regularizers", REGULARIZERS), ("constraints", CONSTRAINTS)):
        for name, arguments in cases:
            rule = getattr(getattr(keras, room), name)(**tuples(arguments))

            def weighed(x, rule=rule):
                return jax.numpy.sum(given["weights"] * rule(x))

            found[entry(room, name, arguments, "y")] = np.asarray(rule(matrix), np.float32)
            found[entry(room, name, arguments, "dx")] = jax.grad(weighed)(matrix)
    return found


def initializer_values() -> dict[str, np.ndarray]:
    """Draws of every initializer, and the fans of some shapes."""
    from keras.src.initializers.random_initializers import compute_fans

    found = {}
    for shape in FAN_SHAPES:
        found[entry("fans", "fans", {}, json.dumps(shape))] = np.array(compute_fans(shape))
    for name, arguments, shape in INITIALIZERS:
        initializer = getattr(keras.initializers, name)(**tuples(arguments))
        what = json.dumps(shape)
        found[entry("initializers", name, arguments, what)] = initializer(shape, dtype="float32")
    return found


def main() -> None:
    """Writes the file."""
    given = inputs()
    values = activation_values(given) | rule_values(given) | initializer_values()
    version = np.array(keras.__version__)
    np.savez_compressed(TARGET, keras_version=version, **given, **values)
    print(f"{TARGET.name}: {len(values)} arrays, {TARGET.stat().st_size} bytes, Keras {version}")


if __name__ == "__main__":
    main()
