"""Writes what Keras prints: progress lines and summaries, with the inputs that led to them.

Run in an environment with Keras (`pip install keras==3.15.1`), from the project's root:

    KERAS_BACKEND=jax python tests/golden/make_display.py

It writes `progress.json` (constructor arguments, calls with their times, everything that was
written) and `summary.json` (rows, sizes and text of models) into `tests/golden/display/`.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
from pathlib import Path
from typing import Any
from unittest import mock

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ["COLUMNS"] = "80"

import keras
from keras import layers
from keras.src.utils import summary_utils

FOLDER = Path(__file__).parent / "display"

PAIRS = [("accuracy", 0.9702), ("loss", 0.1031)]

# name, constructor arguments, calls: (seconds since the start, method, step, values, finalize)
PROGRESS: list[tuple[str, dict[str, Any], list[tuple[float, str, int, Any, bool | None]]]] = [
    (
        "an epoch of MNIST, step by step at first",
        {"target": 1875},
        [
            (0.6, "update", 1, [("accuracy", 0.125), ("loss", 2.34567)], None),
            (0.62, "update", 2, [("accuracy", 0.25), ("loss", 2.3)], None),
            (0.7, "update", 60, [("accuracy", 0.5), ("loss", 1.5)], None),
            (1.5, "update", 900, [("accuracy", 0.8), ("loss", 0.7)], None),
            (2.4, "update", 1875, PAIRS, True),
        ],
    ),
    (
        "jumps of many steps",
        {"target": 1875, "stateless_metrics": []},
        [
            (0.5, "update", 64, [("loss", 1.0)], False),
            (1.0, "update", 1000, [("loss", 0.5)], False),
            (2.0, "update", 1875, [("loss", 0.25), ("val_loss", 0.125)], True),
        ],
    ),
    (
        "hours, minutes, and a line that gets shorter",
        {"target": 100},
        [
            (90.0, "update", 1, [("loss", 12345.678)], None),
            (180.0, "update", 2, [("loss", 0.5)], None),
            (181.0, "update", 50, [("loss", 0.5)], None),
            (182.0, "update", 99, None, None),
            (3700.5, "update", 100, [("loss", 0.5)], None),
        ],
    ),
    (
        "no target",
        {"target": None},
        [
            (0.1, "update", 1, [("loss", 0.5)], None),
            (2.6, "update", 12, [("loss", 0.25)], None),
            (3.0, "update", 13, [("loss", 0.125)], True),
        ],
    ),
    (
        "numbers small, negative, zero, whole",
        {"target": 3},
        [
            (0.5, "update", 1, [("a", 1e-3), ("b", -0.5), ("c", 0.0), ("d", -1e-5)], None),
            (1.5, "update", 3, [("e", 1e6), ("f", 0.0011), ("g", 12), ("h", -12.0)], None),
        ],
    ),
    (
        "short line",
        {"target": 1875, "verbose": 2},
        [
            (0.5, "update", 1, [("loss", 2.0)], None),
            (2.0, "update", 1875, [*PAIRS, ("lr", 1e-4), ("reward", -3.5)], True),
        ],
    ),
    (
        "short line without a target",
        {"target": None, "verbose": 2},
        [(0.5, "update", 1, [("loss", 2.0)], True)],
    ),
    ("silent", {"target": 2, "verbose": 0}, [(0.5, "update", 2, [("loss", 2.0)], None)]),
    (
        "add, averages, some as given, another unit and width",
        {"target": 10, "width": 7, "stateful_metrics": ["count"], "unit_name": "sample"},
        [
            (1e-4, "add", 2, [("loss", 4.0), ("count", 2.0)], None),
            (0.4, "add", 3, [("loss", 1.0), ("count", 5.0)], None),
            (0.9, "add", 4, [("loss", 0.25), ("count", 9.0)], None),
            (1.4, "add", 1, [("count", 10.0)], None),
        ],
    ),
    (
        "redrawn at most every half second",
        {"target": 4, "interval": 0.5, "stateless_metrics": ["loss"]},
        [
            (0.1, "update", 1, [("loss", 4.0), ("accuracy", 0.25)], None),
            (0.59, "update", 2, [("loss", 2.0), ("accuracy", 0.5)], None),
            (0.61, "update", 3, [("loss", 0.5), ("accuracy", 0.75)], None),
            (0.62, "update", 4, [("loss", 0.5), ("accuracy", 1.0)], None),
        ],
    ),
    (
        "goes on after a last line",
        {"target": 10},
        [
            (0.5, "update", 5, [("loss", 4.0), ("accuracy", 0.5)], True),
            (1.0, "update", 6, [("loss", 2.0), ("accuracy", 1.0)], None),
            (1.5, "update", 10, [("loss", 1.0)], None),
        ],
    ),
    ("target of zero", {"target": 0}, [(0.5, "update", 0, [("loss", 2.0)], None)]),
    (
        "beyond the target, times in microseconds",
        {"target": 10},
        [(2e-4, "update", 1, [], None), (1e-3, "update", 12, [], None)],
    ),
]


class Terminal(io.StringIO):
    """A text buffer that claims to be a terminal."""

    def isatty(self) -> bool:
        return True


def progress_output(arguments: dict[str, Any], calls: list[Any]) -> str:
    """Everything Keras writes to a terminal for these calls."""
    stream, start = Terminal(), 1e6
    with contextlib.redirect_stdout(stream), mock.patch("time.time") as clock:
        clock.return_value = start
        bar = keras.utils.Progbar(**arguments)
        for seconds, method, steps, values, finalize in calls:
            clock.return_value = start + seconds
            given = {"finalize": finalize} if method == "update" else {}
            getattr(bar, method)(steps, values, **given)
    return stream.getvalue()


def long_names() -> keras.Sequential:
    """Names that break, and names and counts that are cut."""
    long = "a_very_long_layer_name_that_does_not_fit_in_its_column"
    return keras.Sequential(
        [
            keras.Input((784,)),
            layers.Dense(128, name=long),
            layers.Dense(100_000, name="the widest of all layers in this model"),
            layers.Dense(10, name="logits_of_the_digit"),
        ],
        name="wide",
    )


def small(*, name: str = "sequential", built: bool = True) -> keras.Sequential:
    """The network of the README."""
    body = [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(10)]
    return keras.Sequential([keras.Input((28, 28)), *body] if built else body, name=name)


def convolutional() -> keras.Sequential:
    """State that is not trained, a layer without weights, one layer frozen."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Dropout(0.5),
            layers.GlobalAveragePooling2D(),
            layers.Dense(10, trainable=False),
        ],
        name="cnn",
    )


def several_outputs() -> keras.Model:
    """A chain with a layer that returns three tensors."""
    inputs = keras.Input((7, 3), name="sentence")
    hidden, *_ = layers.LSTM(4, return_state=True)(inputs)
    return keras.Model(inputs, layers.Flatten()(hidden), name="states")


def scalars() -> keras.Sequential:
    """A layer whose output is one number for each example."""
    return keras.Sequential([keras.Input((1,)), layers.Reshape(())], name="scalars")


def compiled(model: keras.Model, optimizer: str) -> keras.Model:
    """The model with its optimizer's variables made, as after `fit`."""
    model.compile(optimizer, "mse")
    model.optimizer.build(model.trainable_variables)
    return model


# name, model, arguments of summary
def summary_cases() -> list[tuple[str, keras.Model, dict[str, Any]]]:
    """The models to show."""
    keras.utils.clear_session()
    return [
        ("built", small(), {}),
        (
            "not built",
            keras.Sequential([layers.Flatten(), layers.Dropout(0.1), layers.Dense(3)]),
            {},
        ),
        ("no layers", keras.Sequential(name="empty"), {}),
        ("fitted with sgd", compiled(small(name="fitted"), "sgd"), {}),
        ("fitted with adam", compiled(small(name="adam"), "adam"), {}),
        ("convolutional", convolutional(), {}),
        ("trainable shown", convolutional(), {"show_trainable": True}),
        ("long names, big counts", compiled(long_names(), "adam"), {}),
        ("narrow", long_names(), {"line_length": 48}),
        ("narrow, trainable shown", long_names(), {"line_length": 60, "show_trainable": True}),
        ("other positions", small(), {"line_length": 70, "positions": [0.3, 0.7, 1.0]}),
        ("part of the layers", convolutional(), {"layer_range": ["conv", "max"]}),
        ("part of the layers, reversed", convolutional(), {"layer_range": ["drop.*", "batch"]}),
        ("several outputs", several_outputs(), {}),
        ("one number an example", scalars(), {}),
    ]


def row_of(layer: keras.layers.Layer) -> dict[str, Any]:
    """The facts of one layer; shapes as Python literals, to tell lists from tuples."""
    if layer._inbound_nodes:
        outputs = layer._inbound_nodes[-1].output_tensors
        shape: Any = keras.tree.map_structure(lambda tensor: tuple(tensor.shape), outputs)
        shape = shape[0] if len(outputs) == 1 else shape
    else:
        shape = None
    return {
        "name": layer.name,
        "kind": type(layer).__name__,
        "output_shape": repr(shape),
        "parameters": layer.count_params() if layer.built else None,
        "trainable": layer.trainable if layer.weights else None,
    }


def size_of(weights: list[Any]) -> list[int]:
    """Count and bytes."""
    return [summary_utils.count_params(weights), int(summary_utils.weight_memory_size(weights))]


def summary_case(name: str, model: keras.Model, arguments: dict[str, Any]) -> dict[str, Any]:
    """Inputs and text of one summary."""
    pieces: list[str] = []
    model.summary(print_fn=pieces.append, **arguments)
    optimizer = getattr(model, "optimizer", None)
    shown = model.layers if isinstance(model, keras.Sequential) else model.operations
    return {
        "name": name,
        "model": model.name,
        "rows": [row_of(layer) for layer in shown],
        "trainable": size_of(model.trainable_weights),
        "non_trainable": size_of(model.non_trainable_weights),
        "optimizer": size_of(optimizer.variables) if optimizer else None,
        "arguments": arguments,
        "text": "".join(pieces).splitlines(),
    }


def write(name: str, cases: list[dict[str, Any]]) -> None:
    """One file of cases, with the version they come from."""
    content = {"keras": keras.__version__, "script": "tests/golden/make_display.py", "cases": cases}
    text = json.dumps(content, indent=1, ensure_ascii=False)
    (FOLDER / name).write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Writes both files."""
    FOLDER.mkdir(exist_ok=True)
    progress = [
        {"name": name, "arguments": arguments, "calls": calls}
        | {"output": progress_output(arguments, calls)}
        for name, arguments, calls in PROGRESS
    ]
    write("progress.json", progress)
    write("summary.json", [summary_case(*case) for case in summary_cases()])


if __name__ == "__main__":
    main()
