"""Models made with Keras, trained in our loop: Keras's own losses, and back into Keras."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import jax
import keras
import numpy as np
import pytest
from keras import layers as k

import jkeras
from jkeras.models import as_layer, write_back

RNG = np.random.default_rng(0)
X = RNG.normal(size=(160, 6)).astype("float32")
Y = RNG.integers(0, 3, 160)
IDS = RNG.integers(0, 5, (160, 5))
IDS[:, 3:] = 0
# Keras's own reading of its variables, by NumPy 2.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Keras mixes dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def regularized() -> Any:
    x = keras.Input((6,))
    options = {"kernel_regularizer": "l2", "activity_regularizer": keras.regularizers.L2(1e-3)}
    h = k.BatchNormalization()(k.Dense(8, "relu", **options)(x))
    return keras.Model(x, k.Dense(3)(k.Dropout(0.4, seed=1)(h)))


def masked() -> Any:
    recurrent = k.LSTM(4, return_sequences=True)
    return keras.Sequential([k.Embedding(5, 3, mask_zero=True), recurrent, k.Dense(2)])


def two_inputs() -> Any:
    a, b = keras.Input((6,), name="a"), keras.Input((6,), name="b")
    return keras.Model({"a": a, "b": b}, k.Dense(3)(k.Concatenate()([a, b])))


def two_outputs() -> Any:
    x = keras.Input((6,))
    return keras.Model(x, {"p": k.Dense(3, name="p")(x), "q": k.Dense(3, name="q")(x)})


@keras.saving.register_keras_serializable()
class Own(keras.Model):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden, self.out = k.Dense(5), k.Dense(3)
        self.drop = k.Dropout(0.3, seed=3)
        self.frozen = k.Dense(5, trainable=False)

    def call(self, x: Any, training: bool | None = None) -> Any:
        hidden = self.frozen(self.hidden(x))
        self.add_loss(keras.ops.mean(hidden**2) * 0.1)
        return self.out(self.drop(hidden, training=training))


def ids_loss(library: Any) -> Any:
    return library.losses.SparseCategoricalCrossentropy(from_logits=True)


def both_losses(library: Any) -> Any:
    return {"p": ids_loss(library), "q": ids_loss(library)}


def squares(library: Any) -> Any:
    return library.losses.MeanSquaredError()


CASES: dict[str, tuple[Callable[[], Any], Any, Any, Any]] = {
    "regularized": (regularized, X, Y, ids_loss),
    "masked": (masked, IDS, RNG.normal(size=(160, 5, 2)).astype("float32"), squares),
    "two inputs": (two_inputs, {"a": X, "b": X + 1}, Y, ids_loss),
    "two outputs": (two_outputs, X, {"p": Y, "q": Y[::-1]}, both_losses),
    "a class": (Own, X, Y, ids_loss),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_outputs_and_statistics_are_those_of_keras(name: str) -> None:
    """50 steps; dropout, too, draws as Keras does."""
    make, x, y, loss = CASES[name]
    ours, theirs = make(), make()
    for model in (ours, theirs):
        model(jax.tree.map(lambda leaf: leaf[:2], x))
    theirs.set_weights(ours.get_weights())
    first = ours.get_weights()
    options: dict[str, Any] = {"batch_size": 32, "epochs": 10, "shuffle": False, "verbose": 0}
    theirs.compile(keras.optimizers.Adam(0.01), loss(keras))
    expected = theirs.fit(x, y, **options).history
    trainer = jkeras.Trainer(ours)
    trainer.compile(jkeras.optimizers.Adam(0.01), loss(jkeras))
    history = trainer.fit(x, y, **options).history
    np.testing.assert_allclose(history["loss"], expected["loss"], rtol=1e-6)
    np.testing.assert_allclose(
        trainer.evaluate(x, y, verbose=0), theirs.evaluate(x, y, verbose=0), rtol=1e-5
    )
    outputs = trainer.predict(x, verbose=0)
    jax.tree.map(
        lambda mine, keras_: np.testing.assert_allclose(mine, keras_, rtol=1e-4, atol=2e-5),
        outputs,
        theirs.predict(x, verbose=0),
    )
    for kept, weight in zip(first, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(kept, weight)  # until they are written back
    assert write_back(trainer) is ours
    for mine, weight in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(mine, weight, rtol=1e-4, atol=2e-5)
    jax.tree.map(np.testing.assert_array_equal, ours.predict(x, verbose=0), outputs)


def test_values_lie_under_keras_paths() -> None:
    model = regularized()
    trainer = jkeras.Trainer(model)
    trainer.build((None, 6))
    names = {weight.path for weight in trainer.weights}
    assert {weight.path for weight in model.weights} <= names
    assert trainer.count_params() == model.count_params() + 2  # with the seed of the dropout


def test_a_keras_model_is_a_layer_among_others_and_travels(tmp_path: Any) -> None:
    x = jkeras.Input((6,))
    inner = regularized()
    model = jkeras.Model(x, jkeras.layers.Dense(3)(as_layer(inner, name="inner")(x)))
    model.compile("adam", ids_loss(jkeras))
    model.fit(X, Y, verbose=0)
    own = jkeras.Trainer(Own())  # the names of its layers are new where it is read
    own.build((None, 6))
    again = pickle.loads(pickle.dumps(own))
    np.testing.assert_array_equal(again.predict(X, verbose=0), own.predict(X, verbose=0))
    whole = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    history = model.fit(X, Y, verbose=0).history
    assert all(other.fit(X, Y, verbose=0).history == history for other in whole)
    kernel = model.params["inner"][inner.layers[1].name]["kernel"]
    np.testing.assert_array_equal(write_back(model).layers[1].kernel.numpy(), kernel)
    model.save_weights(tmp_path / "all.safetensors")
    whole[0].load_weights(tmp_path / "all.safetensors")


def test_layers_are_built_for_the_inputs_that_come() -> None:
    dense = k.Dense(4, "relu")
    model = jkeras.Sequential([dense, k.Dropout(0.1), jkeras.layers.Dense(3)])
    model.compile("adam", ids_loss(jkeras))
    model.fit(X, Y, verbose=0)
    assert dense.kernel.shape == (6, 4)
    written = write_back(model)
    np.testing.assert_array_equal(written[0].kernel, model.get_weights()[0])
    attention = as_layer(k.MultiHeadAttention(1, 2))
    x = jkeras.Input((5, 6))
    assert jkeras.Model(x, attention(x, x)).output_shape == (None, 5, 6)


def test_a_frozen_keras_model_stays_as_it_is() -> None:
    x = jkeras.Input((6,))
    layer = as_layer(regularized(), trainable=False, name="inner")
    model = jkeras.Model(x, jkeras.layers.Dense(3)(layer(x)))
    model.compile("adam", ids_loss(jkeras))
    model.build()
    before = jax.tree.map(np.array, (model.params["inner"], model.state["inner"]))
    model.fit(X, Y, verbose=0)
    after = (model.params["inner"], model.state["inner"])
    for part, now in zip(before, after, strict=True):
        part.pop("activity_loss", None), now.pop("activity_loss", None)
        jax.tree.map(np.testing.assert_array_equal, part, dict(now))


def test_errors_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    trainer = jkeras.Trainer(regularized())
    trainer.build((None, 6))
    trained: dict[str, Callable[[], Any]] = {
        "Keras saves its models itself: jkeras.models.write_back(model).save(": lambda: (
            trainer.save(tmp_path / "model.keras")
        ),
        "write_back: expected a model with a layer made by Keras": lambda: write_back(
            jkeras.Sequential([jkeras.Input((2,)), jkeras.layers.Dense(1)])
        ),
        "expected a model or layer, got the class Dense": lambda: as_layer(k.Dense),
        "Functional, called on": lambda: jkeras.Trainer(regularized()).predict(X[:, :4], verbose=0),
    }
    for text, act in trained.items():
        with pytest.raises(ValueError) as caught:
            act()
        assert text in str(caught.value)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(ValueError) as caught:
        as_layer(k.Dense(3))
    assert str(caught.value) == (
        "Keras: `module`: expected Keras on its JAX backend, got 'torch'. Set KERAS_BACKEND=jax in "
        "the environment before Keras is imported."
    )
