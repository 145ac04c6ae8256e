"""Layers in a model's attributes that its `call` does not call have their weights in the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops

X = np.random.default_rng(0).normal(2, 3, size=(16, 4)).astype("float32")
Y = X[:, :2]
NAMES = ["mean", "variance", "count", "kernel", "bias", "kernel", "bias"]


class Beside(jkeras.Model):
    """Its loss uses two layers beside `call`."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = layers.Normalization()
        self.inside = layers.Dense(2, kernel_initializer="ones")
        self.beside = layers.Dense(2, kernel_initializer="ones")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.inside(x)

    def sample(self, x: Any) -> Any:
        return self.beside(self.norm(x))


class InLoss(Beside):
    def compute_loss(self, x: Any, y: Any, y_pred: Any, **kwargs: Any) -> Any:
        return ops.mean((y_pred - self.sample(x)) ** 2)


class InStep(Beside):
    def train_step(self, state: Any, data: Any) -> Any:
        first, second, slots, own = state

        def loss_fn(weights: Any, others: Any) -> Any:
            y_pred, others = self.stateless_call(weights, others, data[0], training=True)
            return ops.mean((y_pred - self.sample(data[0])) ** 2), others

        grad_fn = jax.value_and_grad(loss_fn, has_aux=True)
        (loss, second), grads = grad_fn(first, second)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        return {"loss": loss}, (first, second, slots, own)


class InTest(Beside):
    def test_step(self, state: Any, data: Any) -> Any:
        return {"loss": ops.mean(self.sample(data[0]) ** 2)}, state


def fitted(model: Any, *, epochs: int = 2, **kwargs: Any) -> list[float]:
    model.compile(jkeras.optimizers.SGD(0.01), "mse")
    history = model.fit(X, Y, batch_size=8, epochs=epochs, shuffle=False, verbose=0, **kwargs)
    return [float(loss) for loss in history.history["loss"]]


def of_one_call() -> tuple[list[float], list[np.ndarray]]:
    """Losses and weights of the same training, where `call` calls all layers."""

    class Whole(Beside):
        def call(self, x: Any, training: bool = False) -> Any:
            return self.inside(x) - self.sample(x)

    model = Whole()
    model.norm.adapt(X)
    model.compile(jkeras.optimizers.SGD(0.01), "mse")
    history = model.fit(X, 0 * Y, batch_size=8, epochs=2, shuffle=False, verbose=0)
    return history.history["loss"], model.get_weights()


def adapted_before(model: Any) -> None:
    model.norm.adapt(X)


def built_before(model: Any) -> None:
    model.norm.adapt(X)
    model.beside.build((None, 4))


def called_after(model: Any) -> None:
    model(X)
    model.norm.adapt(X)
    model.sample(X)


def built_before_adapted_after(model: Any) -> None:
    model.norm.build((None, 4))
    model.beside(X)
    model(X)
    model.norm.adapt(X)


@pytest.mark.parametrize(
    "prepare", [adapted_before, built_before, called_after, built_before_adapted_after]
)
def test_a_loss_trains_layers_beside_the_call_whenever_they_are_built(prepare: Any) -> None:
    losses, weights = of_one_call()
    model = InLoss()
    prepare(model)
    np.testing.assert_allclose(fitted(model), losses, rtol=1e-5)
    assert [weight.name for weight in model.weights] == NAMES
    assert len(model.trainable_weights) == 4 == len(model.optimizer.variables) + 2
    for got, wanted in zip(model.get_weights(), weights, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5)


def test_a_step_may_be_the_first_to_call_a_layer() -> None:
    model = InStep()
    model.norm.adapt(X)
    losses = fitted(model)
    assert losses[1] < losses[0] and [weight.name for weight in model.weights] == NAMES
    assert np.isfinite(losses).all() and model.evaluate(X, Y, verbose=0) > 0


def test_an_evaluation_may_be_the_first_to_call_a_layer() -> None:
    model = InTest()
    model.norm.adapt(X)
    model.compile("sgd", "mse")
    found = model.evaluate(X, Y, batch_size=16, verbose=0)
    assert [weight.name for weight in model.weights] == NAMES
    np.testing.assert_allclose(found, np.mean(np.asarray(model.sample(X)) ** 2), rtol=1e-5)
    model.beside.set_weights([0 * weight for weight in model.beside.get_weights()])
    assert model.evaluate(X, Y, batch_size=16, verbose=0) == 0


def test_weights_beside_the_call_are_saved_and_loaded(tmp_path: Path) -> None:
    first, second = Beside(), Beside()
    for model, data in ((first, X), (second, 2 * X)):
        fitted(model, epochs=1)
        model.norm.adapt(data)
        model.sample(X)
    first.beside.set_weights([weight + 1 for weight in first.beside.get_weights()])
    assert not np.allclose(first.sample(X), second.sample(X))
    first.save_weights(tmp_path / "beside.weights.h5")
    second.load_weights(tmp_path / "beside.weights.h5")
    np.testing.assert_array_equal(first.sample(X), second.sample(X))
    assert first.count_params() == second.count_params() == 9 + 10 + 10


def test_a_layer_that_joins_after_a_fit_leaves_the_optimizer_as_it_is() -> None:
    losses = []
    for joins in (False, True):
        model = Beside()
        model.compile(jkeras.optimizers.Adam(0.01), "mse")
        for _ in range(2):
            options: dict[str, Any] = {"batch_size": 8, "shuffle": False, "verbose": 0}
            losses += model.fit(X, Y, epochs=2, **options).history["loss"]
            if joins:
                model.norm.adapt(X)
                model.sample(X)
        assert len(model.weights) == (7 if joins else 2)
    assert losses[:4] == losses[4:]


def test_a_layer_that_a_callback_is_the_first_to_call_joins_after_the_fit() -> None:
    model, counts = Beside(), []
    model.norm.adapt(X)

    class Sampler(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.sample(X)
            self.model.evaluate(X, Y, verbose=0)
            counts.append(len(self.model.weights))

    fitted(model, epochs=3, callbacks=[Sampler()])
    assert counts == [5, 5, 5] and [weight.name for weight in model.weights] == NAMES
    fitted(model, epochs=1)


def test_a_layer_in_two_attributes_has_one_set_of_weights() -> None:
    model = Beside()
    model(X)
    model.again = model.inside
    model.beside.build((None, 4))
    assert [weight.name for weight in model.weights] == ["kernel", "bias"] * 2


def test_a_predict_step_has_the_values_of_now() -> None:
    class OwnPredict(Beside):
        def predict_step(self, state: Any, data: Any) -> Any:
            return self.inside(self.norm(data)), state[1]

    model = OwnPredict()
    model.norm.adapt(X)
    model.build((None, 4))
    first = model.predict(X, verbose=0)
    model.inside.set_weights([2 * weight for weight in model.inside.get_weights()])
    np.testing.assert_allclose(model.predict(X, verbose=0), 2 * first, rtol=1e-6)
    model.norm.adapt(X + 1)
    np.testing.assert_allclose(model.predict(X + 1, verbose=0), 2 * first, rtol=1e-4, atol=1e-5)
