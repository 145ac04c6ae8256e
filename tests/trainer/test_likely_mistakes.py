"""Warnings, once a model, of what trains without an error and is hardly ever meant."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, losses, ops
from jkeras import layers as L

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
CLASSES = np.arange(8) % 3
IMAGES = np.ones((8, 3, 8, 8), "float32")


class Nan(L.Layer):
    """Makes NaN of everything."""

    def call(self, inputs: Any) -> Any:
        return ops.log(inputs * 0 - 1)


def images(**options: Any) -> Sequential:
    return Sequential([L.Conv2D(2, 3, **options), L.GlobalAveragePooling2D(), L.Dense(1)])


def frozen() -> Sequential:
    model = Sequential([Input((4,)), L.Dense(1)])
    model.trainable = False
    return model


def graph() -> Model:
    x = Input((4,))
    return Model(x, L.Dense(3)(L.Dense(2, "relu")(x)))


def mixing(layer: L.Layer) -> Sequential:
    return Sequential([layer, L.Flatten(), L.Dense(1)])


def mixing_graph() -> Model:
    x = Input((3, 8, 8))
    return Model(x, mixing(L.CutMix(name="mix"))(x))


SPARSE, MSE = "sparse_categorical_crossentropy", "mse"
Case = tuple[Callable[[], Model], np.ndarray, np.ndarray, Any]
MISTAKES: dict[str, tuple[Case, str]] = {
    "logits": (
        (lambda: Sequential([L.Dense(3)]), X, CLASSES, SPARSE),
        "expects probabilities, and the last layer, Dense 'dense', has the activation 'linear'",
    ),
    "logits of a graph": ((graph, X, CLASSES, SPARSE), "SparseCategoricalCrossentropy(from_logits"),
    "logits of a row in a row": (
        (lambda: Sequential([Sequential([L.Dense(1)])]), X, CLASSES > 0, "binary_crossentropy"),
        "jkeras.losses.BinaryCrossentropy(from_logits=True).",
    ),
    "channels first": ((images, IMAGES, X[:, :1], MSE), "np.moveaxis(x, 1, -1)"),
    "one target, three outputs": (
        (lambda: Sequential([L.Dense(3)]), X, X[:, :1], MSE),
        "targets of shape (None, 1) with outputs of shape (None, 3)",
    ),
    "three targets, one output": (
        (lambda: Sequential([L.Dense(1)]), X, X[:, :3], "mae"),
        "targets of shape (None, 3) with outputs of shape (None, 1)",
    ),
    "everything frozen": ((frozen, X, X[:, :1], MSE), "all weights are frozen"),
    "images mixed alone": (
        (lambda: mixing(L.MixUp(name="mix")), IMAGES, X[:, :1], MSE),
        "MixUp 'mix' mixes the images of a batch, and the labels of `y` stay as they are. Mix both "
        'before the model, in the data set: MixUp()({"images": x, "labels": y}, training=True), '
        "with one-hot labels.",
    ),
    "images mixed alone in a model in a graph": (
        (lambda: mixing_graph(), IMAGES, X[:, :1], MSE),
        "CutMix 'mix' mixes the images of a batch, and the labels of `y` stay as they are.",
    ),
    "a loss that is NaN": (
        (lambda: Sequential([L.Dense(1), Nan()]), X, X[:, :1], MSE),
        "fit: epoch 1: the loss is NaN. compile(check_nans='stop') names the layer",
    ),
}
FINE: dict[str, Case] = {
    "softmax": (lambda: Sequential([L.Dense(3, "softmax")]), X, CLASSES, SPARSE),
    "a layer Softmax": (lambda: Sequential([L.Dense(3), L.Softmax()]), X, CLASSES, SPARSE),
    "from logits": (
        lambda: Sequential([L.Dense(3)]),
        X,
        CLASSES,
        losses.SparseCategoricalCrossentropy(from_logits=True),
    ),
    "channels first on purpose": (
        lambda: images(data_format="channels_first"),
        IMAGES,
        X[:, :1],
        MSE,
    ),
    "one axis less": (lambda: Sequential([L.Dense(1)]), X, X[:, 0], MSE),
    "nothing to train": (
        lambda: Sequential([L.GlobalAveragePooling1D()]),
        X[..., None],
        X[:, :1],
        MSE,
    ),
}


def warned(case: Case) -> list[warnings.WarningMessage]:
    model_fn, x, y, loss = case
    model = model_fn()
    model.compile("sgd", loss)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(x, y, epochs=2, verbose=0)
        model.fit(x, y, verbose=0)
        model.train_on_batch(x[:4], y[:4])
    return caught


@pytest.mark.parametrize("name", MISTAKES)
def test_a_likely_mistake_is_said_once(name: str) -> None:
    case, message = MISTAKES[name]
    (warning,) = (given for given in warned(case) if message in str(given.message))
    assert warning.filename == __file__


@pytest.mark.parametrize("name", FINE)
def test_what_is_meant_is_not_warned_of(name: str) -> None:
    assert warned(FINE[name]) == []


def test_images_that_are_mixed_with_their_labels_are_fine() -> None:
    image, label = Input((6, 6, 1)), Input((4,))
    mixed = L.MixUp()({"images": image, "labels": label})
    outputs = L.Dense(4)(L.Flatten()(mixed["images"])) - mixed["labels"]
    model = Model([image, label], outputs)
    model.compile("sgd", "mse")
    x, y = np.ones((4, 6, 6, 1), "float32"), np.eye(4, dtype="float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit([x, y], np.zeros((4, 4)), verbose=0)


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_losses_under_names_are_compared_with_their_own_outputs(names: tuple[str, str]) -> None:
    x, (first, second) = Input((4,)), names
    outputs = {first: L.Dense(1, "sigmoid")(x), second: L.Dense(1)(x)}
    model = Model(x, outputs)
    model.compile("sgd", {first: "binary_crossentropy", second: "mse"})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X, dict.fromkeys(names, np.ones((8, 1))), verbose=0)
    model = Model(x, outputs)
    model.compile("sgd", {first: "mse", second: "binary_crossentropy"})
    with pytest.warns(UserWarning, match="expects probabilities"):
        model.fit(X, dict.fromkeys(names, np.ones((8, 1))), verbose=0)


def test_policies_for_nan_replace_the_warning() -> None:
    model = Sequential([L.Dense(1), Nan()])
    model.compile("sgd", "mse", check_nans="ignore")
    model.fit(X, X[:, :1], verbose=0)
    assert jkeras.ops.isnan(model.evaluate(X, X[:, :1], verbose=0))


def test_jax_s_switch_for_nan_names_the_layer() -> None:
    import jax

    model = Sequential([L.Dense(1), Nan(name="bad")])
    model.compile("sgd", "mse")
    with jax.debug_nans(True):
        with pytest.raises(FloatingPointError, match="epoch 1, batch 0: the outputs of Nan 'bad'"):
            model.fit(X, X[:, :1], verbose=0)
        with pytest.raises(FloatingPointError, match="the outputs of Nan 'bad' are NaN"):
            model.train_on_batch(X, X[:, :1])
        with pytest.raises(FloatingPointError, match=r"^Nan 'bad_1', called on inputs"):
            Nan(name="bad_1")(X)
