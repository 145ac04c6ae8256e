"""Steps that are left out: by the pure step, without a trainer."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import layers as L
from jkeras import optimizers
from jkeras.core import trees
from jkeras.models import Chain
from jkeras.training import finite, steps
from jkeras.training.state import TrainState

X = np.linspace(-1, 1, 8, dtype="float32").reshape(4, 2)
Y = X.sum(1, keepdims=True)
NAN_X = np.where(X == X[2, 1], np.float32(np.nan), X)
KEY = jax.random.key(0)
NET = Chain((L.BatchNormalization(), L.Dense(1)))
OPTIMIZERS = {
    "clipped": optimizers.SGD(0.1, momentum=0.9, clipvalue=1.0),
    "accumulating, averaged": optimizers.Adam(gradient_accumulation_steps=2, use_ema=True),
}


@functools.cache
def made(optimizer: Any) -> tuple[Any, TrainState]:
    """The jitted step that leaves itself out, and a state after one good step."""
    objective = steps.make_objective(NET, loss="mse", metrics=["mae"])
    step = jax.jit(steps.train_step_fn(objective, optimizer, skips=True))
    state = steps.init_fn(objective, optimizer)(KEY, X)
    state = state.replace(sums={**state.sums, finite.SKIPPED: finite.none_skipped()})
    return step, step(state, (X, Y))[0]


def of_training(state: TrainState) -> Any:
    """All that a bad step may not change."""
    return state.params, state.state, state.opt_state, finite.without_count(state)


def assert_same_bits(a: Any, b: Any) -> None:
    for (name, x), y in zip(trees.named_leaves(a).items(), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_bad_step_changes_nothing_but_what_counts(name: str) -> None:
    step, before = made(OPTIMIZERS[name])
    bad = {
        "NaN in x": (NAN_X, Y),
        "infinite loss": (X, Y * np.float32(1e30)),
        "infinite gradient": (X * np.float32(1e30), Y * np.float32(1e18)),
    }
    after = before
    for count, (what, batch) in enumerate(bad.items(), 1):
        after, logs = step(after, batch)
        assert_same_bits(of_training(after), of_training(before))
        told = jax.tree.map(int, (after.step, after.position, after.sums[finite.SKIPPED]))
        assert told == (1 + count, 1 + count, {"count": count, "first": 1}), what
        assert what != "NaN in x" or np.isnan(logs["loss"])
    good, _ = step(after, (X, Y))
    assert int(good.sums[finite.SKIPPED]["count"]) == len(bad)
    assert not np.array_equal(good.params["dense"]["bias"], before.params["dense"]["bias"])


def test_a_good_step_has_the_bits_it_has_without() -> None:
    guarded, after = made(OPTIMIZERS["clipped"])
    objective = steps.make_objective(NET, loss="mse", metrics=["mae"])
    plain = jax.jit(steps.train_step_fn(objective, OPTIMIZERS["clipped"]))
    state = steps.init_fn(objective, OPTIMIZERS["clipped"])(KEY, X)
    state, _ = plain(state, (X, Y))
    for _ in range(2):
        (state, _), (after, _) = plain(state, (X, Y)), guarded(after, (X, Y))
    assert_same_bits(of_training(state), of_training(after))


def test_new_weights_that_are_infinite_are_not_taken() -> None:
    step, before = made(OPTIMIZERS["clipped"])
    fast = before.replace(opt_state=optimizers.set_learning_rate(before.opt_state, 3e38))
    after, _ = step(fast, (X, Y * np.float32(1e3)))
    assert_same_bits(of_training(after), of_training(fast))
    assert int(after.sums[finite.SKIPPED]["count"]) == 1


def test_gradients_that_loss_scaling_judges_are_left_to_it() -> None:
    rule = optimizers.LossScaleOptimizer(optimizers.SGD(0.1), initial_scale=2.0**100)
    step, before = made(rule)
    assert float(before.opt_state.dynamic_scale) == 2.0**100
    huge = (X, Y * np.float32(1e12))  # the loss is finite, the scaled gradients are not
    after, logs = step(before, huge)
    assert np.isfinite(logs["loss"]) and int(after.sums[finite.SKIPPED]["count"]) == 0
    assert float(after.opt_state.dynamic_scale) == 2.0**99
    assert_same_bits(after.params, before.params)
    skipped, _ = step(after, (NAN_X, Y))
    assert int(skipped.sums[finite.SKIPPED]["count"]) == 1
    assert float(skipped.opt_state.dynamic_scale) == 2.0**99


def test_without_the_switch_the_program_is_as_it_was() -> None:
    objective = steps.make_objective(NET, loss="mse")
    optimizer = OPTIMIZERS["clipped"]
    state = jax.eval_shape(steps.init_fn(objective, optimizer), KEY, X)

    def text(**options: Any) -> str:
        step = steps.train_step_fn(objective, optimizer, **options)
        counted = {**state.sums, finite.SKIPPED: jax.eval_shape(finite.none_skipped)}
        given = state.replace(sums=counted) if options.get("skips") else state
        return str(jax.make_jaxpr(step)(given, (X, Y)))

    assert text() == text(skips=False)
    assert "is_finite" not in text() and "is_finite" in text(skips=True)


def test_any_step_can_be_made_one_that_leaves_itself_out() -> None:
    def step(state: TrainState, batch: Any) -> tuple[TrainState, Any]:
        new = state.params["w"] - batch
        return state.replace(params={"w": new}, step=state.step + 1, position=state.position + 1), {
            "loss": new
        }

    state = steps.fresh({"w": jnp.ones(())}, {}, {}, {finite.SKIPPED: finite.none_skipped()}, KEY)
    run = finite.skipping(step)
    for batch in (jnp.float32(0.5), jnp.float32(np.inf), jnp.float32(0.25)):
        state, logs = run(state, batch)
    assert (float(state.params["w"]), float(logs["loss"])) == (0.25, 0.25)
    told = jax.tree.map(int, (state.step, state.sums[finite.SKIPPED]))
    assert told == (3, {"count": 1, "first": 1})


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_is_finite_of_every_kind_of_number(dtype: str) -> None:
    good = {"a": jnp.ones(3, dtype), "key": KEY, "n": jnp.arange(2), "none": None}
    assert bool(finite.is_finite(good)) and bool(finite.is_finite({}))
    for value in (np.nan, np.inf, -np.inf):
        assert not bool(finite.is_finite({**good, "b": jnp.asarray([1, value], dtype)}))
