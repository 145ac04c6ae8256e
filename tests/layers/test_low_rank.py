"""LoRA: what is trained, what a file holds, and that Keras reads and writes the same."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers

# Keras's own reading of its variables, by NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Keras mixes dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _model(**kwargs: Any) -> jkeras.Sequential:
    jkeras.utils.set_random_seed(0)
    return jkeras.Sequential(
        [
            jkeras.Input((3,), dtype="int32"),
            layers.Embedding(7, 4, **kwargs),
            layers.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d", **kwargs),
            layers.Flatten(),
            layers.Dense(2, **kwargs),
        ]
    )


IDS = np.random.default_rng(0).integers(0, 7, (8, 3))
Y = np.random.default_rng(1).normal(size=(8, 2)).astype("float32")
NAMES = ["lora_embeddings", "lora_kernel", "lora_kernel"]


def _adapted(model: jkeras.Sequential) -> list[Any]:
    return [layer for layer in model.layers if hasattr(layer, "enable_lora")]


def test_enabling_changes_no_output_and_what_is_trained() -> None:
    model = _model()
    model.compile("adam", "mse")
    model.fit(IDS, Y, verbose=0)
    before = model.predict(IDS, verbose=0)
    kernels = [layer.weights[0].numpy() for layer in _adapted(model)]
    for layer in _adapted(model):
        layer.enable_lora(2, lora_alpha=3)
    assert np.array_equal(model.predict(IDS, verbose=0), before)
    names = [weight.name for weight in model.trainable_weights]
    assert names == [
        "lora_embeddings_a", "lora_embeddings_b", "bias", "lora_kernel_a", "lora_kernel_b",
        "bias", "lora_kernel_a", "lora_kernel_b",
    ]  # fmt: skip
    assert [weight.name for weight in model.layers[3].weights][:2] == ["kernel", "bias"]
    model.fit(IDS, Y, epochs=2, verbose=0)
    after = model.predict(IDS, verbose=0)
    assert not np.allclose(after, before)
    for layer, kernel in zip(_adapted(model), kernels, strict=True):
        assert np.array_equal(layer.weights[0].numpy(), kernel)
        values = {weight.name: weight.numpy() for weight in layer.weights}
        assert np.abs(values[layer.lora_names[1]]).max() > 0


def test_all_models_with_the_layer_and_copies_have_it() -> None:
    model = _model()
    dense = model.layers[-1]
    front = jkeras.Sequential([jkeras.Input((15,)), dense])
    x = np.ones((1, 15), "float32")
    before = front.predict(x, verbose=0)
    dense.enable_lora(1)
    model.compile("sgd", "mse")
    model.fit(IDS, Y, epochs=3, verbose=0)
    assert len(front.weights) == 4 and not np.allclose(front.predict(x, verbose=0), before)
    copy = pickle.loads(pickle.dumps(dense))
    assert copy.lora_rank == 1 and model.layers[-1].lora_enabled
    assert jkeras.models.clone_model(model).layers[-1].lora_rank == 1


@pytest.mark.parametrize("ending", ["keras", "weights.h5"])
def test_files_in_both_directions(tmp_path: Any, ending: str) -> None:
    model = _model(lora_rank=2, lora_alpha=4)
    model.compile("sgd", "mse")
    model.fit(IDS, Y, epochs=3, verbose=0)
    ours, theirs = tmp_path / f"ours.{ending}", tmp_path / f"theirs.{ending}"
    expected = model.predict(IDS, verbose=0)
    if ending == "keras":
        model.save(ours)
        read = keras.saving.load_model(ours, compile=False)
        assert read.layers[-1].lora_rank == 2 and read.layers[-1].lora_enabled
    else:
        model.save_weights(ours)
        read = keras.saving.deserialize_keras_object(
            keras.saving.serialize_keras_object(_keras_model())
        )
        read.load_weights(ours)
    np.testing.assert_allclose(read.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)
    adapted = [layer for layer in read.layers if hasattr(layer, "enable_lora")]
    for layer, name in zip(adapted, NAMES, strict=True):  # trained in Keras
        if not layer.lora_enabled:
            layer.enable_lora(2)
        getattr(layer, f"{name}_a").assign(np.ones(getattr(layer, f"{name}_a").shape))
        getattr(layer, f"{name}_b").assign(np.full(getattr(layer, f"{name}_b").shape, 0.1))
    expected = read.predict(IDS, verbose=0)
    if ending == "keras":
        read.save(theirs)
        back = jkeras.saving.load_model(theirs)
    else:
        read.save_weights(theirs)
        back = _model(lora_rank=3)
        back.load_weights(theirs)
    np.testing.assert_allclose(back.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)
    back.compile("sgd", "mse")
    back.fit(IDS, Y, epochs=2, verbose=0)  # no gradient is zero
    assert not np.allclose(back.predict(IDS, verbose=0), expected)


def _keras_model() -> Any:
    return keras.Sequential(
        [
            keras.Input((3,), dtype="int32"),
            keras.layers.Embedding(7, 4),
            keras.layers.EinsumDense("abc,cd->abd", (3, 5), bias_axes="d"),
            keras.layers.Flatten(),
            keras.layers.Dense(2),
        ]
    )


def test_the_regularizer_is_that_of_the_thin_weights() -> None:
    layer = layers.Dense(2, kernel_regularizer="l2")
    layer.build((None, 3))
    layer.enable_lora(1)
    a, b = (weight.numpy() for weight in layer.trainable_weights[1:])
    expected = 0.01 * (np.sum(a**2) + np.sum(b**2))
    np.testing.assert_allclose(sum(map(float, layer.losses)), expected, rtol=1e-6)


def test_wrong_use_is_refused() -> None:
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match=r"expected a layer with weights.*Build it first"):
        layer.enable_lora(2)
    layer.build((None, 3))
    who = f"Dense {layer.name!r}" if layer.name else "Dense"
    for rank in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError) as caught:
            layer.enable_lora(rank)
        told = f"{who}: enable_lora: `rank`: expected a positive integer, got {rank!r}"
        assert str(caught.value).startswith(told)
    for alpha in (0, -1, float("nan")):
        with pytest.raises(ValueError) as caught:
            layer.enable_lora(2, lora_alpha=alpha)
        told = f"{who}: enable_lora: `lora_alpha`: expected a finite number above 0, got {alpha}."
        assert str(caught.value) == told
    layer.enable_lora(2)
    with pytest.raises(ValueError, match="expected a layer without LoRA, got one of rank 2"):
        layer.enable_lora(2)
    with pytest.raises(ValueError, match="`kernel_constraint`"):
        layers.Dense(2, kernel_constraint="non_neg", lora_rank=2)
