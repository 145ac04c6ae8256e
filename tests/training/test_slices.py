"""A batch in slices gives what the whole batch gives: loss, outputs, gradients."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential, layers, losses
from jkeras.core.batch import Batch
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step, slices
from jkeras.training.objective import Objective
from jkeras.training.steps import make_objective

ROWS, CLASSES = 24, 3


def net(*more: layers.Layer, **options: Any) -> Chain:
    first = layers.Conv2D(4, 3, activation="tanh", **options)
    return Chain([first, *more, layers.Flatten(), layers.Dense(CLASSES)])


def batch(count: int = ROWS, /, **options: Any) -> Batch:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(count, 6, 6, 2)).astype(np.float32)
    return Batch(jnp.asarray(x), jnp.asarray(rng.integers(0, CLASSES, count)), **options)


def objective(loss: Any = "sparse_categorical_crossentropy", *more: layers.Layer) -> Objective:
    return make_objective(net(*more), loss=loss)


def sparse(reduction: str | None = "sum_over_batch_size", **options: Any) -> losses.Loss:
    return losses.SparseCategoricalCrossentropy(True, reduction=reduction, **options)


@pytest.fixture
def small_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that holds eight of the images above, and slices that may be as small."""
    monkeypatch.setattr(slices, "CACHE_BYTES", 8 * 4 * (64 + 64 + CLASSES))
    monkeypatch.setattr(slices, "FEWEST", 8)


def both(made: Objective, data: Batch) -> list[Any]:
    """Loss, outputs and gradients: of the whole batch, and of slices of six."""
    params, state = made.net.init(jax.random.key(1), *data.inputs)
    arguments = (params, state, data, jax.random.key(2), True)
    whole = jax.value_and_grad(made.value, has_aux=True)(*arguments)
    return [whole, slices.value_and_grad_in_slices(made, 6)(*arguments)]


WEIGHTS = jnp.asarray(np.random.default_rng(1).uniform(0.5, 2, ROWS), jnp.float32)
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "mean": (sparse(), {}),
    "sum": (sparse("sum"), {}),
    "weights": (sparse(), {"weight": WEIGHTS}),
    "mean by weight": (sparse("mean_with_sample_weight"), {"weight": WEIGHTS}),
    "filler rows": (sparse(), {"rows": jnp.arange(ROWS) < 15}),
    "a slice of filler": (sparse(), {"weight": WEIGHTS, "rows": jnp.arange(ROWS) < 17}),
    "an ignored class": (sparse(ignore_class=1), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_slices_add_up_to_the_batch(case: str) -> None:
    loss, options = CASES[case]
    whole, cut = both(objective(loss), batch(**options))
    assert jax.tree.structure(cut) == jax.tree.structure(whole)
    for got, expected in zip(jax.tree.leaves(cut), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_penalties_count_once() -> None:
    made = make_objective(net(kernel_regularizer="l2"), loss=sparse())
    whole, cut = both(made, batch())
    for got, expected in zip(jax.tree.leaves(cut), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def size(made: Objective, data: Batch) -> int | None:
    params, state = made.net.init(jax.random.key(1), *data.inputs)
    return slices.slice_size(made, params, state, data)


@pytest.mark.usefixtures("small_cache")
@pytest.mark.parametrize(
    ("rows", "expected"), [(8, None), (16, 8), (24, 8), (26, None), (27, None)]
)
def test_a_slice_fits_in_the_cache_and_divides_the_batch(rows: int, expected: int | None) -> None:
    assert size(objective(), batch(rows)) == expected


def test_a_batch_that_fits_is_taken_whole() -> None:
    assert size(objective(), batch()) is None


@pytest.mark.usefixtures("small_cache")
def test_what_does_not_fit_in_small_slices_either_is_taken_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slices, "FEWEST", 9)
    assert size(objective(), batch(32)) is None


class Centered(losses.Loss):
    """It looks across the batch."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return jnp.mean((y_pred - y_pred.mean(0, keepdims=True)) ** 2, axis=-1)


class Shifted(layers.Layer):
    """A user's layer, which says nothing of slices."""

    def apply(
        self, params: Any, state: Any, inputs: Any, *, key: Any = None, training: Any = False
    ):  # type: ignore[no-untyped-def]
        return inputs - inputs.mean(0, keepdims=True), state


REFUSED = {
    "a user's layer": objective(sparse(), Shifted()),
    "a user's loss": objective(Centered()),
    "a user's function": objective(lambda y_true, y_pred: jnp.mean(y_pred, -1)),
    "a loss along the batch": objective(losses.CosineSimilarity(axis=0)),
    "no loss": make_objective(net()),
    "values without reduction": objective(sparse(None)),
    "batch statistics": objective(sparse(), layers.BatchNormalization()),
    "a state": objective(sparse(), layers.ActivityRegularization(l2=0.1)),
    "a mask for the batch": objective(sparse(), layers.Dropout(0.5, (1, None, None, None))),
    "no convolution": make_objective(
        Chain([layers.Flatten(), layers.Dense(300), layers.Dense(CLASSES)]), loss=sparse()
    ),
}


@pytest.mark.usefixtures("small_cache")
@pytest.mark.parametrize("case", REFUSED)
def test_what_looks_across_the_batch_is_taken_whole(case: str) -> None:
    assert size(REFUSED[case], batch(16)) is None


@pytest.mark.usefixtures("small_cache")
def test_each_slice_draws_its_own_mask() -> None:
    twice = jnp.concatenate([batch(8).x] * 2)
    made = objective(sparse(), layers.Dropout(0.5))
    params, state = made.net.init(jax.random.key(1), twice)
    data = Batch(twice, jnp.zeros(16, jnp.int32))
    value_and_grad = slices.value_and_grad_in_slices(made, 8)
    (_, found), _ = value_and_grad(params, state, data, jax.random.key(2), True)
    assert np.abs(found.outputs[:8] - found.outputs[8:]).min() > 1e-3


@pytest.mark.usefixtures("small_cache")
def test_fit_is_a_loop_of_steps_in_slices_too() -> None:
    options: dict[str, Any] = {"loss": sparse(), "optimizer": "adam", "metrics": ["accuracy"]}
    made, data = net(layers.Dropout(0.3)), batch(40)
    step = jax.jit(make_train_step(made, **options))
    state = make_init(made, **options)(jax.random.key(3), data.x)
    model = Sequential(list(made.layers), seed=0)
    model.compile(**options)
    model.build(data.x)
    model.train_state = state.replace(sums=model.train_state.sums)
    model.fit(data.x, data.y, batch_size=16, shuffle=False, verbose=0)
    rows = jnp.arange(48).reshape(3, 16)
    for index in rows:
        part = jax.tree.map(lambda a, index=index: a[jnp.minimum(index, 39)], data)
        state, _ = step(state, part._replace(rows=index < 40))
    for got, expected in zip(
        jax.tree.leaves(model.params), jax.tree.leaves(state.params), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_frozen_weights_have_no_gradient_in_slices_either() -> None:
    made = make_objective(net(trainable=False), loss=sparse())
    data = batch()
    params, state = made.net.init(jax.random.key(1), *data.inputs)
    rest = (state, data, jax.random.key(2), True)
    grads = slices.value_and_grad_in_slices(made, 6, params)(made.trained(params), *rest)[1]
    expected = jax.grad(made.value, has_aux=True)(params, *rest)[0]
    assert grads.pop("conv2d") == {"bias": None, "kernel": None}
    jax.tree.map(
        lambda g, e: np.testing.assert_allclose(g, e, rtol=1e-5, atol=1e-7),
        grads,
        {"dense": expected["dense"]},
    )
