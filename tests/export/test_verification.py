"""A file that differs from its model is found, and the first layer that differs is named."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.export.inference import Inference
from jkeras.export.verification import Run, check, part_of
from jkeras.trainer.files.exporting import inference_of
from tests.export.networks import NETWORKS, with_random_weights


def of(model: Any) -> Inference:
    return inference_of(with_random_weights(model)._trainer_parts.state)


def run_of(inference: Inference) -> Run:
    return lambda arrays: inference(*arrays)


def spoiled(inference: Inference, name: str) -> Inference:
    """The model with other weights in the layer of a name, wherever it is."""

    def changed(path: Any, value: Any) -> Any:
        return value * 1.5 if any(getattr(p, "key", None) == name for p in path) else value

    return dataclasses.replace(
        inference, params=jax.tree_util.tree_map_with_path(changed, inference.params)
    )


def chain() -> Any:
    parts = [layers.Dense(5, activation="tanh"), layers.BatchNormalization(), layers.Dense(3)]
    return jkeras.Sequential([layers.Input((4,)), *parts, layers.Softmax()], name="model")


def nested() -> Any:
    inner = jkeras.Sequential([layers.Dense(5), layers.ReLU(), layers.Dense(4)], name="backbone")
    return jkeras.Sequential([layers.Input((4,)), inner, layers.Dense(2, name="head")])


def nested_in_graph() -> Any:
    x = layers.Input((4,))
    return jkeras.Model(x, layers.Dense(2, name="head")(nested().layers[0](x)))


def shared() -> Any:
    layer, x = layers.Dense(4), layers.Input((4,))
    return jkeras.Model(x, layers.Dense(2)(layer(layers.Dense(4, name="first")(layer(x)))))


CASES = {
    "chain": (chain, "dense_1", "Dense 'dense_1'"),
    "statistics": (chain, "batch_normalization", "BatchNormalization 'batch_normalization'"),
    "nested": (nested, "dense_1", "Dense 'dense_1' of Sequential 'backbone'"),
    "nested_in_graph": (nested_in_graph, "dense_1", "Dense 'dense_1' of Sequential 'backbone'"),
    "head": (nested_in_graph, "head", "Dense 'head'"),
    "shared": (shared, "dense", "Dense 'dense'"),
    "branches": (NETWORKS["u_net"], "conv2d_transpose_1", "Conv2DTranspose 'conv2d_transpose_1'"),
    "two_inputs": (NETWORKS["seq2seq"], "lstm_1", "LSTM 'lstm_1'"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_first_layer_that_differs_is_named(case: str) -> None:
    make, name, who = CASES[case]
    inference = of(make())
    check(inference, run_of(inference), who="Fake")

    def write(part: Inference) -> Run:
        return run_of(spoiled(part, name))

    with pytest.raises(ValueError) as error:
        check(inference, write(inference), who="Fake", find_layer=write)
    assert f"Fake: {inference.name!r}: expected a file that gives the model's" in str(error.value)
    assert f"The first layer that differs is {who}. Report it" in str(error.value)


def test_a_part_that_cannot_be_written_counts_as_one_that_differs() -> None:
    inference = of(chain())

    def write(part: Inference) -> Run:
        if "dense_1" in part.params:
            raise RuntimeError("no such operation")
        return run_of(part)

    with pytest.raises(ValueError, match=r"The first layer that differs is Dense 'dense_1'"):
        check(inference, lambda arrays: [arrays[0]], who="Fake", find_layer=write)


@pytest.mark.parametrize(
    ("change", "got"),
    [
        (lambda y: y + 1e-3, "numbers up to 0.5"),
        (lambda y: np.where(y > 0.2, np.nan, y), "NaN or infinity, or none, in"),
        (lambda y: y[:1], "shape (1, 3) instead of (3, 3) in output 'output' for inputs of shape"),
        (lambda y: y[..., None], "shape (1, 3, 1) instead of (1, 3)"),
    ],
)
def test_what_counts_as_a_difference(change: Any, got: str) -> None:
    inference = of(chain())
    with pytest.raises(ValueError) as error:
        check(inference, lambda arrays: [change(np.asarray(inference(*arrays)[0]))], who="Fake")
    assert got[:14] in str(error.value)
    check(inference, lambda arrays: [np.asarray(inference(*arrays)[0]) * 1.00005], who="Fake")


def test_missing_outputs_are_a_difference() -> None:
    inference = of(chain())
    with pytest.raises(
        ValueError, match=r"got 0 outputs instead of 1 for inputs of shape \(1, 4\)"
    ):
        check(inference, lambda arrays: [], who="Fake")


@pytest.mark.parametrize("name", ["mlp_mixer", "seq2seq_attention", "nested_sequential"])
def test_every_part_of_a_model_runs(name: str) -> None:
    inference = of(NETWORKS[name]())
    steps = len(inference.net.layers) if name == "nested_sequential" else 6
    for count in range(1, steps + 1):
        part = part_of(inference, count)
        arrays = part.example(part.sizes[0])
        for spec, output in zip(part.outputs, part(*arrays), strict=True):
            assert len(spec.shape) == output.ndim
