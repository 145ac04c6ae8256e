"""Loss scaling that finds its factor."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import optimizers
from jkeras.optimizers import SGD, Adam, LossScaleOptimizer, MultiOptimizer, OptimizerMap

PARAMS = {"a": jnp.ones(2), "b": jnp.ones(())}


def updated(rule: Any, state: Any, factor: float = 1.0) -> tuple[Any, Any]:
    """One update by gradients of a loss that was scaled as the state says."""
    scale = optimizers.scale_loss(jnp.float32(factor), state)
    return jax.jit(rule.update)(jax.tree.map(lambda p: p * scale, PARAMS), state, PARAMS)


def test_weights_move_as_under_the_inner_optimizer() -> None:
    rule = LossScaleOptimizer(Adam(0.1, loss_scale_factor=3.0))
    state, plain = rule.init(PARAMS), Adam(0.1).init(PARAMS)
    for _ in range(2):
        got, state = updated(rule, state)
        expected, plain = Adam(0.1).update(PARAMS, plain, PARAMS)
        jax.tree.map(lambda g, e: np.testing.assert_allclose(g, e, rtol=1e-6), got, expected)
    assert rule.inner_optimizer == Adam(0.1)


def test_the_factor_grows_after_finite_steps_and_is_halved_by_another() -> None:
    rule = LossScaleOptimizer(SGD(1.0, momentum=0.9), initial_scale=4.0, dynamic_growth_steps=2)
    state = rule.init(PARAMS)
    seen = []
    for factor in (1.0, 1.0, 1.0, np.inf, 1.0):
        before = state
        updates, state = updated(rule, state, factor)
        seen.append((float(state.dynamic_scale), int(state.step_counter)))
        if factor == np.inf:
            assert [float(jnp.abs(u).sum()) for u in jax.tree.leaves(updates)] == [0.0, 0.0]
            jax.tree.map(np.testing.assert_array_equal, state.inner, before.inner)
    assert seen == [(4.0, 1), (8.0, 0), (8.0, 1), (4.0, 0), (4.0, 1)]


def test_it_stands_around_several_and_its_rate_is_set_inside() -> None:
    several = MultiOptimizer(OptimizerMap(SGD(0.1), {"b": SGD(1.0)}))
    state = LossScaleOptimizer(several).init(PARAMS)
    updates, _ = updated(LossScaleOptimizer(several), state)
    np.testing.assert_allclose(updates["b"], -1.0, rtol=1e-6)
    changed = optimizers.set_learning_rate(LossScaleOptimizer(SGD(0.1)).init(PARAMS), 0.5)
    assert float(optimizers.get_learning_rate(changed)) == 0.5  # type: ignore[arg-type]


def test_it_is_refitted_and_read_from_its_configuration() -> None:
    rule = LossScaleOptimizer(SGD(0.1, momentum=0.9), initial_scale=8.0)
    before = {"a": None, "b": PARAMS["b"]}
    _, state = rule.update(before, rule.init(before), before)
    after = optimizers.refitted(rule, state, before, PARAMS)
    assert float(after.inner.slots["momentum"]["b"]) == np.float32(-0.0125)
    assert after.inner.slots["momentum"]["a"].tolist() == [0.0, 0.0]
    assert int(after.step_counter) == 1
    assert optimizers.deserialize(optimizers.serialize(rule)) == rule


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: LossScaleOptimizer(SGD),
            "LossScaleOptimizer: `inner_optimizer`: expected an optimizer such as Adam(), got "
            "<class 'jkeras.optimizers.descent.SGD'> (type).",
        ),
        (
            lambda: LossScaleOptimizer(SGD(), dynamic_growth_steps=0),
            "LossScaleOptimizer: `dynamic_growth_steps`: expected an integer of at least 1, got 0 "
            "(int).",
        ),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError)) as caught:
        make()
    assert str(caught.value) == message
