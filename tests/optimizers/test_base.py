"""What every optimizer shares: arguments, clipping, decay, the schedule's bookkeeping."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras.optimizers import SGD, Adam, AdamW, Optimizer, Scheduled, get_learning_rate
from jkeras.optimizers.schedules import CosineDecay, LearningRateSchedule

PARAMS = {"a": jnp.array([1.0, 2.0]), "b": jnp.array(3.0)}
GRADS = {"a": jnp.array([3.0, -4.0]), "b": jnp.array(12.0)}


def _updates(rule: Optimizer, grads: Any = GRADS) -> dict[str, np.ndarray]:
    updates, _ = rule.update(grads, rule.init(PARAMS), PARAMS)
    return jax.tree.map(np.asarray, updates)


def test_clipnorm_limits_each_variable_alone() -> None:
    updates = _updates(SGD(1.0, clipnorm=6.0))
    np.testing.assert_allclose(updates["a"], [-3.0, 4.0], rtol=1e-6)
    np.testing.assert_allclose(updates["b"], -6.0, rtol=1e-6)


def test_global_clipnorm_limits_all_together() -> None:
    updates = _updates(SGD(1.0, global_clipnorm=6.5))
    np.testing.assert_allclose(updates["a"], [-1.5, 2.0], rtol=1e-6)
    np.testing.assert_allclose(updates["b"], -6.0, rtol=1e-6)


def test_clipvalue_limits_each_element() -> None:
    updates = _updates(SGD(1.0, clipvalue=3.5))
    assert updates["a"].tolist() == [-3.0, 3.5] and updates["b"] == -3.5


@pytest.mark.parametrize("kind", ["clipnorm", "clipvalue", "global_clipnorm"])
def test_zero_gradients_stay_zero_nan_stays_nan_and_zero_means_no_limit(kind: str) -> None:
    rule = SGD(1.0, **{kind: 1.0})
    zeros = jax.tree.map(jnp.zeros_like, GRADS)
    assert all((leaf == 0).all() for leaf in jax.tree.leaves(_updates(rule, zeros)))
    broken = {**GRADS, "b": jnp.array(jnp.nan)}
    assert np.isnan(_updates(rule, broken)["b"])
    assert _updates(SGD(1.0, **{kind: 0}))["b"] == -12.0


def test_clipping_comes_before_the_decay() -> None:
    updates = _updates(SGD(0.5, clipvalue=1.0, weight_decay=0.1))
    np.testing.assert_allclose(updates["b"], -0.5 - 0.5 * 0.1 * 3.0, rtol=1e-6)


def test_only_one_kind_of_clipping() -> None:
    with pytest.raises(ValueError) as caught:
        Adam(clipnorm=1.0, clipvalue=0.0, name="mine")
    assert str(caught.value) == (
        "Adam 'mine': expected at most one of `clipnorm`, `clipvalue` and `global_clipnorm`, "
        "got clipnorm=1.0, clipvalue=0.0. Keep one of them."
    )


def test_decay_needs_params() -> None:
    rule = AdamW()
    with pytest.raises(ValueError) as caught:
        rule.update(GRADS, rule.init(PARAMS))
    assert str(caught.value) == (
        "AdamW: expected `params` because `weight_decay` is set, got None. "
        "Pass them: update(grads, state, params)."
    )


def test_without_decay_params_may_be_left_out() -> None:
    updates, _ = SGD(1.0).update(GRADS, SGD(1.0).init(PARAMS))
    assert updates["b"] == -12.0


def test_integer_parameters_are_refused_by_path() -> None:
    with pytest.raises(TypeError) as caught:
        Adam().init({"dense": {"kernel": jnp.ones(2), "ids": jnp.arange(3)}})
    assert str(caught.value) == (
        "Adam: expected floating `params`, got an array of shape (3,) and dtype int32 "
        "at ['dense']['ids']. Keep integers in the layer's `state`."
    )


def test_a_rule_without_step_says_what_to_write() -> None:
    class Nothing(Optimizer):
        pass

    rule = Nothing(0.1)
    with pytest.raises(NotImplementedError) as caught:
        rule.update(GRADS, rule.init(PARAMS), PARAMS)
    assert str(caught.value) == (
        "Nothing: expected a method `step(self, gradient, slots, now)` that returns "
        "(update, slots), and the class defines none."
    )


def test_the_count_starts_at_zero_and_stops_at_the_largest_integer() -> None:
    rule = SGD()
    state = rule.init(PARAMS)
    assert state.count.dtype == jnp.int32 and state.count == 0
    _, state = rule.update(GRADS, state, PARAMS)
    assert state.count == 1
    last = state._replace(count=jnp.int32(2**31 - 1))
    assert rule.update(GRADS, last, PARAMS)[1].count == 2**31 - 1


SCHEDULES = {
    "keras": CosineDecay(1.0, 3),
    "optax": optax.cosine_decay_schedule(1.0, 3),
    "function": lambda step: 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(step, 3).astype(float) / 3)),
}


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_schedule_is_computed_in_the_graph(kind: str) -> None:
    rule = SGD(SCHEDULES[kind])
    traces, rates = [], []

    @jax.jit
    def update(grads: Any, state: Any) -> Any:
        traces.append(kind)
        return rule.update(grads, state, PARAMS)

    with jax.numpy_dtype_promotion("standard"):  # optax mixes int32 and float32
        state = rule.init(PARAMS)
        for _ in range(4):
            rates.append(float(get_learning_rate(state)))
            updates, state = update(GRADS, state)
            assert float(updates["b"]) == pytest.approx(-12.0 * rates[-1], rel=1e-6, abs=1e-6)
    np.testing.assert_allclose(rates, [1.0, 0.75, 0.25, 0.0], atol=1e-6)
    assert len(traces) == 1


def test_a_keras_style_schedule_class_works() -> None:
    class Halving(LearningRateSchedule):
        def __init__(self, first: float) -> None:
            self.first = first

        def __call__(self, step: Any) -> Any:
            return self.first * 0.5 ** step.astype(jnp.float32)

    rule = SGD(Halving(0.8))
    state = rule.init(PARAMS)
    assert hash(rule) == hash(rule.replace())
    assert isinstance(state.hyperparams["learning_rate"], Scheduled)
    _, state = rule.update(GRADS, state, PARAMS)
    assert float(get_learning_rate(state)) == pytest.approx(0.4)


def test_a_schedule_must_return_a_number() -> None:
    with pytest.raises(ValueError) as caught:
        SGD(lambda step: jnp.ones(2)).init(PARAMS)
    assert str(caught.value) == (
        "SGD: expected `learning_rate` to return a number for a step, got an array of shape (2,) "
        "and dtype float32. Return a scalar."
    )
