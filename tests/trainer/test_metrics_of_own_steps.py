"""Metrics of models with a `compute_loss` or a `train_step` of their own, as Keras has them."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.core.variables import lenient

rng = np.random.default_rng(0)
X = rng.normal(size=(16, 5, 3)).astype("float32")
Y = rng.integers(0, 4, (16, 5))
WEIGHT = (rng.random((16, 5)) < 0.3).astype("float32")


class OwnLoss(jkeras.Model):
    """A loss that does not look at the weights."""

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, **_: Any
    ) -> Any:
        return ops.mean(jkeras.losses.sparse_categorical_crossentropy(y, y_pred))


def test_weighted_metrics_see_the_weights_of_each_value() -> None:
    inputs = jkeras.Input((5, 3))
    model = OwnLoss(inputs, layers.Dense(4, activation="softmax")(inputs))
    names = ["sparse_categorical_accuracy"]
    model.compile(jkeras.optimizers.SGD(0.0), metrics=names, weighted_metrics=[*names, "accuracy"])
    history = model.fit(X, Y, sample_weight=WEIGHT, batch_size=8, verbose=0).history
    right = model.predict(X, verbose=0).argmax(axis=-1) == Y
    weighted = (right * WEIGHT).sum() / WEIGHT.sum()
    expected = {
        "accuracy": weighted,
        "sparse_categorical_accuracy": right.mean(),
        "weighted_sparse_categorical_accuracy": weighted,
    }
    got = model.evaluate(X, Y, sample_weight=WEIGHT, verbose=0, return_dict=True)
    for name, value in expected.items():
        np.testing.assert_allclose([history[name][0], got[name]], value, rtol=1e-6, err_msg=name)


def test_metrics_of_several_outputs_see_their_targets() -> None:
    inputs = jkeras.Input((3,))
    outputs = {"a": layers.Dense(1, name="a")(inputs), "b": layers.Dense(2, name="b")(inputs)}

    class Both(jkeras.Model):
        def compute_loss(self, y: Any = None, y_pred: Any = None, **_: Any) -> Any:
            return sum(ops.mean(ops.square(y[name] - y_pred[name])) for name in y)

    model = Both(inputs, outputs)
    model.compile(jkeras.optimizers.SGD(0.0), metrics={"a": ["mae"], "b": ["mse"]})
    x, y = X[:, 0], {"a": X[:, 1, :1], "b": X[:, 2, :2]}
    logs = model.evaluate(x, y, verbose=0, return_dict=True)
    made = model.predict(x, verbose=0)
    np.testing.assert_allclose(logs["a_mae"], np.abs(made["a"] - y["a"]).mean(), rtol=1e-6)
    np.testing.assert_allclose(logs["b_mse"], np.square(made["b"] - y["b"]).mean(), rtol=1e-6)


class Trackers(jkeras.Model):
    """Two means whose names are not in the order of the alphabet."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = layers.Dense(2)
        self.zeta, self.alpha = jkeras.metrics.Mean("zeta"), jkeras.metrics.Mean("alpha")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def compute_loss(self, y_pred: Any = None, **_: Any) -> Any:
        self.zeta.update_state(26.0)
        self.alpha.update_state(1.0)
        return ops.mean(y_pred)


class OnlyTrackers(Trackers):
    @property
    def metrics(self) -> list[Any]:
        return [self.zeta, self.alpha]


def test_without_metrics_the_targets_need_not_be_those_of_the_outputs() -> None:
    inputs = jkeras.Input((3,))

    class Pairs(jkeras.Model):
        def compute_loss(self, y: Any = None, y_pred: Any = None, **_: Any) -> Any:
            return ops.mean(ops.square(y_pred[0] - y_pred[1])) + 0.0 * ops.sum(y)

    model = Pairs(inputs, [layers.Dense(2)(inputs), layers.Dense(2)(inputs)])
    model.compile("sgd")
    losses = model.fit(X[:, 0], np.ones(16, "float32"), epochs=3, verbose=0).history["loss"]
    assert losses[0] > losses[1] > losses[2]
    assert model.evaluate(X[:, 0], np.ones(16, "float32"), verbose=0) < losses[2]


@pytest.mark.parametrize("kind", [Trackers, OnlyTrackers])
def test_lists_of_logs_are_in_the_order_of_the_metrics(kind: Any) -> None:
    model, x, y = kind(), X[:, 0], X[:, 1, :2]
    model.compile("sgd", metrics=["mse", "mae"])
    values = model.evaluate(x, y, verbose=0)
    assert values[-2:] == [26.0, 1.0] and model.test_on_batch(x, y)[-2:] == [26.0, 1.0]
    if kind is OnlyTrackers:
        assert len(values) == 2 and model.metrics_names == ["zeta", "alpha"]
    else:
        apart = model.predict(x, verbose=0) - y
        np.testing.assert_allclose(values[1:3], [(apart**2).mean(), abs(apart).mean()], rtol=1e-5)
        assert model.metrics_names == ["loss", "mse", "mae", "zeta", "alpha"]


def test_a_pair_without_targets_is_two_inputs_where_the_steps_are_the_users() -> None:
    class Pair(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(1)
            self.mean = jkeras.metrics.Mean("apart")
            self.dense.build((None, 3))
            self.built = True

        @property
        def metrics(self) -> list[Any]:
            return [self.mean]

        def train_step(self, state: Any, data: Any) -> Any:
            first, rest, slots, own = state
            (a, b), _, _ = jkeras.utils.unpack_x_y_sample_weight(data)

            def loss_fn(weights: Any) -> Any:
                made = [self.dense.stateless_call(weights, [], x)[0] for x in (a, b)]
                return ops.mean(ops.square(made[0] - made[1]))

            with lenient():
                loss, grads = jax.value_and_grad(loss_fn)(first)
            first, slots = self.optimizer.stateless_apply(slots, grads, first)
            own = self.mean.stateless_update_state(own, loss)
            return {"apart": self.mean.stateless_result(own)}, (first, rest, slots, own)

    model = Pair()
    model.compile("sgd")
    apart = model.fit((X[:, 0], X[:, 1]), epochs=3, batch_size=8, verbose=0).history["apart"]
    assert apart[0] > apart[1] > apart[2]


def test_losses_of_layers_are_none_of_the_variables() -> None:
    class Penalty(layers.Layer):
        def call(self, inputs: Any) -> Any:
            self.add_loss(ops.mean(inputs))
            return inputs

    model = jkeras.Sequential([jkeras.Input((3,)), Penalty(), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X[:, 0], X[:, 1, :1], verbose=0)
    weights = [v.value for v in model.trainable_variables]
    assert model.non_trainable_variables == []
    outputs, rest, losses = model.stateless_call(weights, [], X[:, 0], return_losses=True)
    np.testing.assert_allclose(outputs, model.predict(X[:, 0], verbose=0), rtol=1e-6)
    assert rest == []
    np.testing.assert_allclose(sum(losses), X[:, 0].mean(), rtol=1e-5)


def test_a_layer_that_call_does_not_use_may_be_adapted() -> None:
    class Outside(jkeras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.normalizer, self.dense = layers.Normalization(), layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            return self.dense(inputs)

    model = Outside()
    model.normalizer.adapt(X[:, 0])
    inputs = np.asarray(model.normalizer(X[:, 0]))
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-6)
    model.compile("sgd", "mse")
    model.fit(inputs, X[:, 1, :1], verbose=0)
    assert len(model.weights) == 5  # as in Keras: the statistics, kernel and bias
