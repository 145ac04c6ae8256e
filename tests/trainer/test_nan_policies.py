"""`compile(check_nans=...)` in training: what is refused, skipped, told, and what it costs."""

import functools
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.training import make_train_state

X = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
Y = X.sum(1, keepdims=True)
BAD = X.copy()
BAD[9, 1], BAD[17, 0] = np.nan, np.inf  # in batches 2 and 4 of five
WHY = (
    "because the loss, the gradients or the new weights were not finite. "
    "compile(check_nans='stop') names the layer that makes them so."
)


def told_of(epoch: int) -> str:
    return f"fit: epoch {epoch}: 2 of 5 steps were skipped, the first at batch 2, {WHY}"


def model(check_nans: Any = "skip", **options: Any) -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.Input((2,)), L.Dense(1)], seed=0)
    made.compile("adam", "mse", check_nans=check_nans, **options)
    return made


class Again:
    """The same batches, one at a time."""

    def __iter__(self) -> Iterator[Any]:
        return ((BAD[i : i + 4], Y[i : i + 4]) for i in range(0, 20, 4))


def run(data: Any, **options: Any) -> tuple[list[str], Any]:
    """What is warned of in two epochs, and all that was trained."""
    made = model(**options)
    given = {"x": data} if data is not BAD else {"x": BAD, "y": Y, "batch_size": 4}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = made.fit(**given, shuffle=False, epochs=2, verbose=0).history
    state = made.train_state
    return [str(w.message) for w in caught], (history, made.get_weights(), state.opt_state)


@functools.cache
def first_run() -> tuple[list[str], Any]:
    return run(BAD)


def test_bad_steps_are_skipped_and_told_of_once_an_epoch() -> None:
    messages, (history, weights, _) = first_run()
    assert messages == [told_of(1), told_of(2)]
    assert np.isfinite(history["loss"]).all() and all(np.isfinite(w).all() for w in weights)


@pytest.mark.parametrize("options", [{"steps_per_execution": 2}, {"engine": "streaming"}])
def test_nothing_depends_on_how_the_steps_are_run(options: dict[str, Any]) -> None:
    assert jax.tree.all(jax.tree.map(np.array_equal, run(BAD, **options), first_run()))


def test_batches_of_an_iterable_are_skipped_alike() -> None:
    assert jax.tree.all(jax.tree.map(np.array_equal, run(Again()), first_run()))


def test_an_epoch_without_any_good_step_is_an_error() -> None:
    made = model()
    before = made.get_weights()
    with pytest.raises(FloatingPointError) as caught:
        made.fit(BAD[8:12], Y[8:12], batch_size=4, verbose=0)
    assert str(caught.value) == (
        "fit: epoch 1: all 1 steps were skipped, because the loss, the gradients or the new "
        "weights were not finite. The model is as it was before this epoch. "
        "compile(check_nans='stop') names the layer that makes them so."
    )
    jax.tree.map(np.testing.assert_array_equal, made.get_weights(), before)
    made.fit(X, Y, batch_size=4, verbose=0)


def test_one_batch_is_skipped_or_refused_too() -> None:
    made = model()
    before = made.get_weights()
    with pytest.warns(UserWarning) as caught:
        loss = made.train_on_batch(BAD, Y)
    assert (
        np.isnan(loss) and str(caught[0].message) == f"train_on_batch: the step was skipped, {WHY}"
    )
    jax.tree.map(np.testing.assert_array_equal, made.get_weights(), before)
    assert np.isfinite(made.train_on_batch(X, Y))
    made.compile("adam", "mse", check_nans="stop")
    before = made.get_weights()
    with pytest.raises(FloatingPointError) as stopped:
        made.train_on_batch(X, Y * np.float32(1e30))
    assert str(stopped.value) == (
        "train_on_batch: the loss is infinite, of outputs that are finite. Losses from "
        "probabilities want outputs in their range (softmax, sigmoid), logarithms targets above -1."
    )
    jax.tree.map(np.testing.assert_array_equal, made.get_weights(), before)
    assert np.isfinite(made.train_on_batch(X, Y))


def test_what_is_refused_under_which_policy() -> None:
    words = {"x": (BAD, Y), "y": (X, np.where(Y > 1, np.float32(np.nan), Y))}
    for name, (x, y) in words.items():
        for policy in (False, "stop"):
            with pytest.raises(ValueError, match=f"^fit: `{name}`: expected finite numbers, got"):
                model(policy).fit(x, y, verbose=0)
    for policy in ("skip", False):
        with pytest.raises(ValueError, match=r"^evaluate: `x`: expected finite numbers, got NaN"):
            model(policy).evaluate(BAD, Y, verbose=0)
    careless = model("ignore")
    careless.fit(BAD, Y, epochs=1, verbose=0, validation_data=words["y"])
    assert np.isnan(careless.get_weights()[0]).all()
    assert np.isnan(careless.evaluate(X, Y, verbose=0))


def test_labels_are_looked_at_where_the_others_are_no_numbers() -> None:
    made = jkeras.Sequential([jkeras.Input((2,)), L.Dense(3, activation="softmax")], seed=0)
    made.compile("sgd", "sparse_categorical_crossentropy", check_nans="skip")
    y = np.full(20, 3, "float32")
    y[0] = np.nan
    with pytest.raises(ValueError) as caught:
        made.fit(X, y, verbose=0)
    assert "from 0 to 2 in `y_true` (the outputs have 3 classes), got values from 3 to 3" in str(
        caught.value
    )


def own_step(state: Any, batch: Any) -> Any:
    loss, grads = jax.value_and_grad(lambda w: ((batch.x @ w - batch.y) ** 2).mean())(state.params)
    return state.replace(params=state.params - 0.1 * grads), {"loss": loss}


def own(check_nans: Any) -> jkeras.Trainer:
    made = jkeras.Trainer(
        train_step=own_step,
        init=lambda key, x: make_train_state(key, jax.numpy.zeros((2, 1))),
        seed=0,
    )
    made.compile(check_nans=check_nans)
    return made


def test_a_step_of_ones_own_is_skipped_or_stopped() -> None:
    made = own("skip")
    with pytest.warns(UserWarning) as caught:
        made.fit(BAD, Y, batch_size=4, shuffle=False, epochs=2, verbose=0)
    assert [str(w.message) for w in caught] == [told_of(1), told_of(2)]
    assert np.isfinite(made.params).all()
    made = own("stop")
    with pytest.raises(FloatingPointError) as stopped:
        made.fit(X, Y * np.float32(1e30), batch_size=4, verbose=0)
    assert str(stopped.value) == (
        "fit: epoch 1, batch 0: the weights or the loss are not finite after it. The step is "
        "`train_step`, the trainer's own: look there, with compile(run_eagerly=True)."
    )
    assert (np.asarray(made.params) == 0).all()
