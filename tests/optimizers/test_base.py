"""What every optimizer shares: arguments, clipping, decay, the schedule's bookkeeping."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras.optimizers import (
    SGD,
    Adam,
    Optimizer,
    Scheduled,
    apply_updates,
    final_params,
    get_learning_rate,
    scale_loss,
)
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
        "Nothing: expected a method `step(self, gradient, variable, slots, now)` that "
        "returns (update, slots), and the class defines none."
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


def _follow(rule: Optimizer, steps: int, grads: Any = None) -> tuple[list[Any], Any]:
    """The variable after each update by gradients of 1, 2, ..., from 0, and the last state."""
    params = {"w": jnp.zeros(())}
    state, update, seen = rule.init(params), jax.jit(rule.update), []
    for i in range(steps):
        gradient = jnp.float32(i + 1 if grads is None else grads[i])
        updates, state = update({"w": gradient}, state, params)
        params = apply_updates(params, updates)
        seen.append(float(params["w"]))
    return seen, state


def test_gradients_are_gathered_and_their_mean_is_one_step() -> None:
    rule = SGD(1.0, gradient_accumulation_steps=3)
    seen, state = _follow(rule, 7)
    assert seen == [0.0, 0.0, -2.0, -2.0, -2.0, -7.0, -7.0]
    assert state.count == 7 and state.slots["gradient_accumulator"]["w"] == 7.0


def test_a_gathered_mean_is_the_step_of_its_mean() -> None:
    """Bias corrections count steps, not updates, and slots move once a step."""
    gathered, _ = _follow(Adam(0.1, gradient_accumulation_steps=2, weight_decay=0.1), 6)
    plain, _ = _follow(Adam(0.1, weight_decay=0.1), 3, [1.5, 3.5, 5.5])
    np.testing.assert_allclose(gathered[1::2], plain, rtol=1e-6)


def test_a_schedule_counts_steps() -> None:
    rates = jnp.array([1.0, 2.0, 4.0, 8.0])
    rule = SGD(lambda step: rates[step], gradient_accumulation_steps=2)
    seen, _ = _follow(rule, 4, [1.0, 1.0, 1.0, 1.0])
    assert seen == [0.0, -1.0, -1.0, -3.0]


def test_gathering_clips_the_mean() -> None:
    seen, _ = _follow(SGD(1.0, gradient_accumulation_steps=2, clipvalue=1.0), 2, [5.0, -4.0])
    assert seen == [0.0, -0.5]


def test_the_average_starts_at_the_first_step_and_follows() -> None:
    rule = SGD(1.0, use_ema=True, ema_momentum=0.5)
    assert rule.init(PARAMS).slots["average"]["a"].tolist() == [1.0, 2.0]
    seen, state = _follow(rule, 3)
    assert seen == [-1.0, -3.0, -6.0]
    assert state.slots["average"]["w"] == 0.5 * (0.5 * -1 + 0.5 * -3) + 0.5 * -6


def test_variables_are_overwritten_by_their_averages_at_times() -> None:
    rule = SGD(1.0, use_ema=True, ema_momentum=0.5, ema_overwrite_frequency=2)
    seen, state = _follow(rule, 4, [1.0, 1.0, 1.0, 1.0])
    assert seen == [-1.0, -1.5, -2.5, -2.75]
    assert final_params({"w": jnp.zeros(())}, state)["w"] == -2.75


def test_averages_are_only_kept_where_asked_for() -> None:
    assert set(SGD().init(PARAMS).slots) == set()
    assert set(SGD(ema_momentum=0.5, ema_overwrite_frequency=2).init(PARAMS).slots) == set()
    assert set(SGD(use_ema=True, gradient_accumulation_steps=2).init(PARAMS).slots) == {
        "average",
        "gradient_accumulator",
    }


def test_a_scaled_loss_gives_the_same_step() -> None:
    rule, target = Adam(0.1, loss_scale_factor=1024.0, clipnorm=1.0), jnp.array([3.0, -4.0])

    def updates(rule: Optimizer) -> Any:
        state = rule.init(PARAMS)

        def loss(params: Any) -> Any:
            return scale_loss(jnp.sum((params["a"] - target) ** 2), state)

        return rule.update(jax.grad(loss)(PARAMS), state, PARAMS)[0]

    got, expected = updates(rule), updates(rule.replace(loss_scale_factor=None))
    assert jax.tree.map(np.asarray, got)["a"].tolist() == np.asarray(expected["a"]).tolist()
    assert np.abs(got["a"]).min() > 0.01


def test_the_decay_comes_before_the_rule() -> None:
    class Doubling(Optimizer):
        def step(self, gradient: Any, variable: Any, slots: Any, now: Any) -> Any:
            return variable, slots

    rule = Doubling(0.5, weight_decay=0.5)
    updates, _ = rule.update(GRADS, rule.init(PARAMS), PARAMS)
    assert updates["b"] == 2 * (3.0 - 0.75) - 3.0


def test_a_custom_rule_may_be_a_chain_of_optax() -> None:
    class Signs(Optimizer):
        slot_fields = {"momentum": "trace"}  # noqa: RUF012

        def chain(self, now: Any) -> optax.GradientTransformation:
            rate = optax.scale_by_learning_rate(now["learning_rate"])
            return optax.chain(optax.scale_by_sign(), optax.trace(0.5), rate)

    rule = Signs(0.25)
    state = rule.init(PARAMS)
    assert state.slots["momentum"]["a"].tolist() == [0.0, 0.0]
    for _ in range(2):
        updates, state = jax.jit(rule.update)(GRADS, state, PARAMS)
    assert updates["a"].tolist() == [-0.375, 0.375]
    assert state.slots["momentum"]["a"].tolist() == [1.5, -1.5]


def test_a_rule_may_keep_other_slots_for_each_variable() -> None:
    class Mixed(Optimizer):
        def first_slots(self, path: str, variable: Any) -> Any:
            return {"total": jnp.zeros(())} if path == "a" else {}

        def step(self, gradient: Any, variable: Any, slots: Any, now: Any) -> Any:
            new = {name: slot + gradient.sum() for name, slot in slots.items()}
            return -gradient, new

    rule = Mixed(0.5, gradient_accumulation_steps=2, use_ema=True)
    state = rule.init(PARAMS)
    assert state.slots["total"] == {"a": 0.0, "b": None}
    for _ in range(2):
        updates, state = jax.jit(rule.update)(GRADS, state, PARAMS)
    assert state.slots["total"] == {"a": -1.0, "b": None}
    assert updates["b"] == -12.0


@pytest.mark.parametrize("name", ["average", "gradient_accumulator"])
def test_the_names_of_the_common_slots_are_taken(name: str) -> None:
    class Clashing(Optimizer):
        def slot_names(self) -> tuple[str, ...]:
            return (name,)

    with pytest.raises(ValueError) as caught:
        Clashing(0.1).init(PARAMS)
    assert str(caught.value) == (
        f"Clashing: expected slots of the rule's own, got one named {name!r}, which every "
        "optimizer keeps for itself. Give it another name."
    )


@pytest.mark.parametrize(
    ("arguments", "kind", "message"),
    [
        (
            {"use_ema": 0.99},
            TypeError,
            "SGD: `use_ema`: expected True or False, got 0.99 (float).",
        ),
        (
            {"ema_momentum": 1.5},
            ValueError,
            "SGD: `ema_momentum`: expected a number in [0, 1], got 1.5 (float).",
        ),
        (
            {"ema_overwrite_frequency": 0},
            ValueError,
            "SGD: `ema_overwrite_frequency`: expected an integer of at least 1, got 0 (int).",
        ),
        (
            {"ema_overwrite_frequency": 2.0},
            TypeError,
            "SGD: `ema_overwrite_frequency`: expected an integer of at least 1, got 2.0 (float).",
        ),
        (
            {"loss_scale_factor": 0},
            ValueError,
            "SGD: `loss_scale_factor`: expected a number above 0, got 0 (int).",
        ),
        (
            {"gradient_accumulation_steps": 1},
            ValueError,
            "SGD: `gradient_accumulation_steps`: expected an integer of at least 2, got 1 (int).",
        ),
    ],
)
def test_wrong_common_arguments(arguments: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        SGD(**arguments)
    assert str(caught.value) == message


def test_no_gathering_is_none_or_zero() -> None:
    assert SGD(gradient_accumulation_steps=0) == SGD()
