"""Wrong uses of several outputs, each with its whole message."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from tests.golden.outputs_cases import WA, YA, YB, X, functional
from tests.trainer.test_outputs import Heads

Y = [YA, YB]
GRAPH = functional(jkeras, "list")
NESTED = functional(jkeras, "nested")
ONE = functional(jkeras, "one")


def fit(y: Any, model: Any = GRAPH, /, loss: Any = "mse", **options: Any) -> None:
    model.compile("sgd", loss)
    model.fit(X, y, verbose=0, **options)


def nameless(**options: Any) -> None:
    model = jkeras.Trainer(Heads("list"), seed=0, name="heads")
    model.compile("sgd", **options)
    model.fit(X, Y, verbose=0)


WRONG: dict[str, tuple[Callable[[], Any], type[Exception], str]] = {
    "a misspelt name in loss": (
        lambda: GRAPH.compile("sgd", {"oa": "mse", "obb": "mse"}),
        ValueError,
        "compile: `loss`: no output is named 'obb'. Did you mean 'ob'? Outputs: oa, ob.",
    ),
    "too many losses": (
        lambda: GRAPH.compile("sgd", ["mse", "mae", "mse"]),
        ValueError,
        "compile: `loss`: expected one entry for each of the 2 outputs (oa, ob), got a list of 3. "
        'For example {"oa": "mse", "ob": "mse"}.',
    ),
    "two losses for a model with one output": (
        lambda: ONE.compile("sgd", ["mse", "mae"]),
        ValueError,
        "compile: `loss`: expected one entry, because the model has one output, got a list of 2.",
    ),
    "names where there are none": (
        lambda: nameless(loss={"oa": "mse"}),
        ValueError,
        "fit: `loss`: expected a list of 2, one for each output, because the outputs have no "
        "names, got the name 'oa'.",
    ),
    "losses in another structure": (
        lambda: NESTED.compile("sgd", {"p": ["mse"], "q": "mse"}),
        ValueError,
        "compile: `loss`: expected entries in the structure of the outputs, "
        "{'p': ['oa', 'ob'], 'q': 'oc'}, got {'p': [MeanSquaredError(name='mse')], 'q': "
        "MeanSquaredErr... (dict).",
    ),
    "one weight for two losses": (
        lambda: GRAPH.compile("sgd", "mse", loss_weights=0.5),
        ValueError,
        "compile: `loss_weights`: expected a list or dict of 2 numbers, one for each output, got "
        "0.5 (float).",
    ),
    "a list of one weight": (
        lambda: GRAPH.compile("sgd", "mse", loss_weights=[0.5]),
        ValueError,
        "compile: `loss_weights`: expected one entry for each of the 2 outputs (oa, ob), got a "
        'list of 1. For example {"oa": 1.0, "ob": 1.0}.',
    ),
    "a word as a weight": (
        lambda: GRAPH.compile("sgd", "mse", loss_weights={"oa": 1, "ob": "mae"}),
        TypeError,
        "compile: `loss_weights`: expected a finite number for each loss, got 'mae' (str).",
    ),
    "metrics for nobody": (
        lambda: GRAPH.compile("sgd", "mse", metrics=["mae"]),
        ValueError,
        "compile: `metrics`: expected one entry for each of the 2 outputs (oa, ob), got a list of "
        '1. For example {"oa": ["mae"], "ob": ["mae"]}.',
    ),
    "a misspelt name in metrics": (
        lambda: GRAPH.compile("sgd", "mse", weighted_metrics={"o_a": ["mae"]}),
        ValueError,
        "compile: `weighted_metrics`: no output is named 'o_a'. Did you mean 'oa'? "
        "Outputs: oa, ob.",
    ),
    "metrics for nobody without names": (
        lambda: nameless(loss="mse", metrics=["mae"]),
        ValueError,
        "fit: `metrics`: expected one entry for each of the 2 outputs, got a list of 1. "
        'For example [["mae"], ["mae"]].',
    ),
    "one array of targets": (
        lambda: fit(YA),
        ValueError,
        "fit: `y`: expected targets for each of the 2 outputs, as a list or dict, got an array of "
        "shape (20, 1) and dtype float32.",
    ),
    "too many targets": (
        lambda: fit([YA, YB, YB]),
        ValueError,
        "fit: `y`: expected one entry for each of the 2 outputs (oa, ob), got a list of 3.",
    ),
    "a misspelt name in targets": (
        lambda: fit({"oa": YA, "b": YB}),
        ValueError,
        "fit: `y`: no output is named 'b'. Did you mean 'ob'? Outputs: oa, ob.",
    ),
    "targets that are missing": (
        lambda: fit({"oa": YA}),
        ValueError,
        "fit: `y`: expected targets for the output 'ob', got none.",
    ),
    "targets of one output": (
        lambda: fit([YA, YB[:5]]),
        ValueError,
        "fit: expected the same number of examples everywhere, got: `x` has 20, `y` has 5 and 20.",
    ),
    "targets of another shape": (
        lambda: fit([YA, np.zeros((20, 3), "float32")]),
        ValueError,
        "fit: output 'ob': mean_squared_error: expected `y_true` of shape (20, 2) like the "
        "outputs, got shape (20, 3). Give the last layer 3 units, or pass targets with 2 columns.",
    ),
    "targets that are not finite": (
        lambda: fit({"oa": YA, "ob": YB * np.nan}),
        ValueError,
        "fit: `y['ob']`: expected finite numbers, got NaN in 20 of 20 examples, the first at "
        "index 0. Drop or fill them: np.nan_to_num(y['ob']).",
    ),
    "weights of values for all outputs": (
        lambda: fit(Y, sample_weight=np.ones((20, 2))),
        ValueError,
        "fit: `sample_weight`: expected one number an example where one array counts for all 2 "
        "outputs, got an array of shape (20, 2) and dtype float32. Give a list or dict with one "
        "array for each output.",
    ),
    "a misspelt name in weights": (
        lambda: fit(Y, sample_weight={"oa": WA, "obb": WA}),
        ValueError,
        "fit: `sample_weight`: no output is named 'obb'. Did you mean 'ob'? Outputs: oa, ob.",
    ),
    "weights of classes": (
        lambda: fit(Y, class_weight={0: 1.0}),
        ValueError,
        "fit: `class_weight`: expected a model with one output, got targets for 2. "
        "Use `sample_weight` with an array for each output instead.",
    ),
    "validation data without targets": (
        lambda: fit(Y, validation_data=(X, {"oa": YA})),
        ValueError,
        "fit: `validation_data`: `y`: expected targets for the output 'ob', got none.",
    ),
    "names before they are known": (
        lambda: _compiled_unbuilt().metrics_names,
        ValueError,
        "Trainer 'heads': `metrics_names` of several outputs are known when the shape of the "
        "inputs is. Call build((None, ...)) first, or fit it.",
    ),
}


def _compiled_unbuilt() -> jkeras.Trainer:
    model = jkeras.Trainer(Heads("list"), seed=0, name="heads")
    model.compile("sgd", ["mse", "mae"])
    return model


@pytest.mark.parametrize("name", WRONG)
def test_the_message_says_what_to_do(name: str) -> None:
    use, kind, message = WRONG[name]
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_a_refused_compilation_leaves_the_one_before() -> None:
    model = functional(jkeras, "list")
    model.compile("sgd", "mse")
    with pytest.raises(ValueError):
        model.compile("adam", ["mse"])
    assert model.metrics_names == ["loss", "oa_loss", "ob_loss"]
