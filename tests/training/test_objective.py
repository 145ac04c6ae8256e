"""The objective by itself: several outputs as pure functions, and masks as Keras has them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential, layers, losses, metrics
from jkeras.core.batch import Batch
from jkeras.models import Chain
from jkeras.models.graph import Graph
from jkeras.training import make_init, make_train_step
from jkeras.training.loss_specs import EMPTY_COMPILE_SPEC
from jkeras.training.objective import Objective, objective_of
from jkeras.training.steps import make_objective

X = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
YA, YB = X[:, :1], X[:, :2] * 2


class Two(layers.Layer):
    """Two outputs with names: the first column, scaled, and the first two."""

    output_names = ("a", "b")

    def init(self, key: Any, inputs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return {"scale": jnp.float32(2)}, {}

    def apply(
        self, params: Any, state: Any, inputs: Any, *, key: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        return (params["scale"] * inputs[:, :1], params["scale"] * inputs[:, :2]), state


class Masked(Two):
    """The same with masks: rows whose first number is negative do not count."""

    makes_masks = True

    def apply_with_mask(self, params: Any, state: Any, inputs: Any, **told: Any) -> Any:
        told.pop("rows", None)
        outputs, state = self.apply(params, state, inputs, **told)
        return outputs, state, (inputs[:, 0] >= 0, None)


OPTIONS: dict[str, Any] = {
    "loss": {"a": "mse", "b": "mae"},
    "loss_weights": {"a": 0.5, "b": 3.0},
    "metrics": [["mae"], None],
}


def test_a_pure_step_takes_several_outputs() -> None:
    state = make_init(Two(), optimizer="sgd", **OPTIONS)(jax.random.key(0), X)
    assert list(state.sums) == ["loss", "a_loss", "b_loss", "a_mae"]
    step = jax.jit(make_train_step(Two(), optimizer="sgd", **OPTIONS))
    state, logs = step(state, (X, {"a": YA, "b": YB}))
    a, b = np.mean((2 * X[:, 0] - YA[:, 0]) ** 2), 0.0
    expected = {"loss": 0.5 * a + 3 * b, "a_loss": a, "b_loss": b}
    assert {name: float(logs[name]) for name in expected} == pytest.approx(expected, rel=1e-6)
    assert jax.tree.structure(step(state, (X, [YA, YB]))[0]) == jax.tree.structure(state)


def test_the_gradient_is_of_the_weighted_sum() -> None:
    made = make_objective(Two(), **OPTIONS)
    params, state = made.net.init(None, X)
    batch = Batch(X, (YA, YB * 0))
    grads = jax.grad(lambda p: made.value(p, state, batch, None, True)[0])(params)
    expected = 0.5 * np.mean(2 * X[:, 0] * (2 * X[:, 0] - YA[:, 0])) + 3 * np.mean(abs(X[:, :2]))
    np.testing.assert_allclose(grads["scale"], expected, rtol=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_masks_are_those_of_keras(weighted: bool, padded: bool) -> None:
    made = make_objective(Masked(), loss="mse", weighted_metrics=[["mae"], ["mae"]])
    weight = np.linspace(0.5, 2, 6).astype(np.float32) if weighted else np.ones(6, np.float32)
    rows = np.arange(6) < (4 if padded else 6)
    batch = Batch(X, (YA, YB * 0), weight if weighted else None, rows if padded else None)
    params, state = made.net.init(None, X)
    loss, found = made.value(params, state, batch, None, False)
    resolved = made.resolved_for(found.outputs)
    logs = resolved.logs(resolved.sums(loss, found, batch))
    counts, real = ((X[:, 0] >= 0) & rows).astype(np.float32), rows.astype(np.float32)
    error, large = X[:, 0], 2 * abs(X[:, :2])  # both targets are known
    expected = {
        "a_loss": np.sum(weight * counts * error**2) / counts.sum(),
        "b_loss": np.sum(weight * real * (large**2).mean(1)) / real.sum(),
        "a_mae": np.sum(weight * counts * abs(error)) / np.sum(weight * counts),
        "b_mae": np.sum(weight * real * large.mean(1)) / np.sum(weight * real),
    }
    expected["loss"] = expected["a_loss"] + expected["b_loss"]
    assert {name: float(value) for name, value in logs.items()} == pytest.approx(expected, rel=1e-5)


def test_a_mask_of_steps_goes_with_weights_of_examples() -> None:
    y, mask = jnp.zeros((2, 3, 1)), jnp.array([[True, True, False], [True, False, False]])
    outputs, weight = jnp.arange(6.0).reshape(2, 3, 1), jnp.array([1.0, 2.0])
    loss = losses.MeanAbsoluteError()
    assert float(loss(y, outputs, weight, mask=mask)) == pytest.approx((0 + 1 + 2 * 3) / 3)
    rows = jnp.array([True, False])
    assert float(loss(y, outputs, weight, valid=rows, mask=mask)) == pytest.approx(1 / 2)
    with pytest.raises(ValueError) as caught:
        loss(y, outputs, mask=mask[:, :2])
    assert str(caught.value) == (
        "expected `mask` with one number an example, shape (2,), or one for each of the values, "
        "shape (2, 3), got shape (2, 2)."
    )


def test_only_means_know_masks() -> None:
    made = make_objective(Masked(), metrics=[["mae", metrics.Precision(), "mse"], []])
    batch = Batch(X, ((YA > 0).astype(np.float32), None))
    outputs = Two().apply({"scale": jnp.float32(1)}, {}, X)[0]
    found = made.value({"scale": jnp.float32(1)}, {}, batch, None, False)[1]
    sums = made.resolved_for(outputs).sums(jnp.float32(0), found, batch)
    assert float(sums["a_mae"]["count"]) == (X[:, 0] >= 0).sum() < 6
    assert float(sums["a_mse"]["count"]) == float(sums["a_mae"]["count"])
    ignored = metrics.Precision().update(metrics.Precision().init(), batch.y[0], outputs[0])
    np.testing.assert_array_equal(*(jax.tree.leaves(s)[0] for s in (sums["a_precision"], ignored)))


def test_the_structure_comes_from_a_model_that_has_it() -> None:
    x = layers.Input((3,))
    dense = layers.Dense(1, name="a"), layers.Dense(1, name="b")
    net = Graph(x, [layer(x) for layer in dense])
    assert make_objective(net, loss="mse").names == ["loss", "a_loss", "b_loss"]
    assert objective_of(Chain([]), EMPTY_COMPILE_SPEC).output_structure is None
    with pytest.raises(ValueError, match="got a list of 3"):
        make_objective(net, loss=["mse"] * 3)


def test_what_is_for_several_waits_for_the_outputs() -> None:
    made = make_objective(Two(), **OPTIONS)
    assert made.output_structure is None and list(made.zeros()) == ["loss"]
    assert isinstance(made.resolved_for((0.0, 0.0)), Objective)
    assert made.resolved_for((0.0, 0.0)).names == ["loss", "a_loss", "b_loss", "a_mae"]


class OneNumber(losses.Loss):
    """A loss of a user's class that gives one number for a batch, and asks for no reduction."""

    def __init__(self) -> None:
        super().__init__(reduction=None)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.sum(jnp.square(y_true - y_pred)) / 3


@pytest.mark.parametrize("loss", [OneNumber(), losses.MeanSquaredError(reduction=None)])
def test_a_model_trains_on_the_mean_of_a_loss_without_reduction(loss: Any) -> None:
    y = np.concatenate([YA, YA, YA])[:17]  # the last batch has a row less
    x = np.concatenate([X, X, X])[:17]
    model = Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", loss, metrics=["mse"])
    first = model.evaluate(x, y, batch_size=6, verbose=0)
    per_row = ((x.sum(axis=1, keepdims=True) - y) ** 2)[:, 0]
    batches = [per_row[i : i + 6] for i in (0, 6, 12)]
    means = [b.sum() / 3 if isinstance(loss, OneNumber) else b.mean() for b in batches]
    expected = np.average(means, weights=[6, 6, 5])
    np.testing.assert_allclose(first, [expected, per_row.mean()], rtol=1e-5)
    model.fit(x, y, batch_size=6, verbose=0)
    assert model.evaluate(x, y, batch_size=6, verbose=0)[0] < expected
    assert model.get_compile_config()["loss"]["config"]["reduction"] is None
