"""Reading and setting the learning rate in any optimizer state."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras.optimizers import (
    SGD,
    Adam,
    get_learning_rate,
    override_learning_rate,
    set_learning_rate,
)
from jkeras.optimizers.schedules import CosineDecay

PARAMS = {"kernel": jnp.array([1.0, 2.0]), "bias": jnp.zeros(())}

HOLDERS = {
    "ours": Adam(0.5).transformation(),
    "chained": optax.chain(optax.clip(1.0), Adam(0.5)),
    "masked": optax.masked(Adam(0.5).transformation(), {"kernel": True, "bias": False}),
    "accumulated": optax.MultiSteps(Adam(0.5).transformation(), every_k_schedule=1),
    "injected": optax.inject_hyperparams(optax.adam)(learning_rate=0.5),
    "injected inside": optax.chain(
        optax.clip(1.0), optax.inject_hyperparams(optax.sgd)(learning_rate=0.5)
    ),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_what_is_set_is_read_and_nothing_else_changes(kind: str) -> None:
    state = HOLDERS[kind].init(PARAMS)
    assert float(get_learning_rate(state)) == 0.5
    changed = set_learning_rate(state, 0.25)
    assert float(get_learning_rate(changed)) == 0.25
    assert float(get_learning_rate(state)) == 0.5
    back = set_learning_rate(changed, 0.5)
    assert jax.tree.structure(back) == jax.tree.structure(state)
    for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(state), strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b)


@pytest.mark.parametrize("kind", HOLDERS)
def test_setting_the_rate_never_traces_again_and_is_used(kind: str) -> None:
    transformation, traces = HOLDERS[kind], []

    @jax.jit
    def update(state: Any) -> Any:
        traces.append(kind)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes int32 and float32
            return transformation.update(PARAMS, state, PARAMS)

    state = transformation.init(PARAMS)
    _, state = update(state)
    for rate in (0.25, 0, np.float32(0.125), jnp.float32(0.1)):
        updates, state = update(set_learning_rate(state, rate))
    assert len(traces) == 1
    still, _ = update(set_learning_rate(state, 0.0))
    assert np.abs(updates["kernel"]).max() > 0 and np.abs(still["kernel"]).max() == 0


def test_the_new_rate_lies_where_the_old_one_did() -> None:
    device = jax.devices()[0]
    free = SGD(0.5).init(PARAMS)
    placed = jax.device_put(free, device)
    assert not get_learning_rate(set_learning_rate(free, 0.1)).committed
    rate = get_learning_rate(set_learning_rate(placed, 0.1))
    assert rate.committed and rate.sharding == placed.hyperparams["learning_rate"].sharding


def test_a_population_takes_one_rate_or_one_each() -> None:
    states = jax.vmap(lambda scale: SGD(0.5).init(jax.tree.map(lambda p: p * scale, PARAMS)))(
        jnp.ones(3)
    )
    assert get_learning_rate(set_learning_rate(states, 0.1)).shape == (3,)
    rates = get_learning_rate(set_learning_rate(states, [0.1, 0.2, 0.3]))
    np.testing.assert_allclose(rates, [0.1, 0.2, 0.3], rtol=1e-6)


def test_no_rate_or_several_read_as_none() -> None:
    assert get_learning_rate(optax.adam(0.1).init(PARAMS)) is None
    assert get_learning_rate(optax.chain(SGD(0.1), SGD(0.2)).init(PARAMS)) is None


def test_a_scheduled_rate_is_read() -> None:
    injected = optax.inject_hyperparams(optax.sgd)(learning_rate=optax.constant_schedule(0.5))
    assert float(get_learning_rate(injected.init(PARAMS))) == 0.5
    assert float(get_learning_rate(SGD(CosineDecay(0.5, 10)).init(PARAMS))) == 0.5


SCHEDULED = (
    "set_learning_rate: expected an optimizer with a number as its `learning_rate`, got one with a "
    "schedule, which sets the rate at every step. To set it by hand, make the optimizer with a "
    "number: Adam(learning_rate=0.001)."
)


@pytest.mark.parametrize(
    ("transformation", "value", "kind", "message"),
    [
        (SGD(CosineDecay(0.5, 10)), 0.1, TypeError, SCHEDULED),
        (
            optax.inject_hyperparams(optax.sgd)(learning_rate=optax.constant_schedule(0.5)),
            0.1,
            TypeError,
            SCHEDULED,
        ),
        (
            optax.adam(0.1),
            0.1,
            ValueError,
            "set_learning_rate: expected an optimizer state that holds its learning rate, got one "
            "that holds none. Use an optimizer of jkeras.optimizers, or build optax's with its "
            "rate in the state: optax.inject_hyperparams(optax.adam)(learning_rate=0.001).",
        ),
        (
            optax.chain(SGD(0.1), SGD(0.2)),
            0.1,
            ValueError,
            "set_learning_rate: expected an optimizer state with one learning rate, got 2. "
            "Set each one in its own part of the state.",
        ),
        (
            SGD(),
            "0.1",
            TypeError,
            "set_learning_rate: expected `value` to be a number, got '0.1' (str).",
        ),
        (
            SGD(),
            True,
            TypeError,
            "set_learning_rate: expected `value` to be a number, got True (bool).",
        ),
        (
            SGD(),
            None,
            TypeError,
            "set_learning_rate: expected `value` to be a number, got None (NoneType).",
        ),
        (
            SGD(),
            -0.1,
            ValueError,
            "set_learning_rate: expected `value` to be a number of at least 0, got -0.1 (float).",
        ),
        (
            SGD(),
            float("nan"),
            ValueError,
            "set_learning_rate: expected `value` to be a number of at least 0, got nan (float).",
        ),
        (
            SGD(),
            [0.1, 0.2],
            ValueError,
            "set_learning_rate: expected `value` of shape (), got shape (2,). "
            "For one rate per model, make the states with jax.vmap.",
        ),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else None,
)
def test_wrong_uses(transformation: Any, value: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        set_learning_rate(transformation.init(PARAMS), value)
    assert str(caught.value) == message


def test_a_schedule_cannot_be_set_as_a_rate() -> None:
    schedule = CosineDecay(0.5, 10)
    with pytest.raises(TypeError) as caught:
        set_learning_rate(SGD().init(PARAMS), schedule)
    assert str(caught.value) == (
        "set_learning_rate: expected `value` to be a number, got "
        "CosineDecay(initial_learning_rate=0.5, decay_steps=10) (CosineDecay)."
    )


@pytest.mark.parametrize("kind", HOLDERS)
def test_a_rate_that_is_overridden_is_the_rate_that_is_set(kind: str) -> None:
    state = HOLDERS[kind].init(PARAMS)
    assert float(get_learning_rate(override_learning_rate(state, 0.25))) == 0.25


def test_a_schedule_is_overridden_for_one_update() -> None:
    rule, traces = SGD(CosineDecay(0.5, 10)).transformation(), []

    @jax.jit
    def update(state: Any) -> Any:
        traces.append(1)
        return rule.update(PARAMS, state, PARAMS)

    state = rule.init(PARAMS)
    _, own = update(state)
    updates, after = update(override_learning_rate(state, 0.125))
    assert (updates["kernel"] == -0.125 * PARAMS["kernel"]).all() and len(traces) == 1
    assert float(get_learning_rate(after)) == float(get_learning_rate(own)) < 0.5


def test_a_schedule_of_optax_cannot_be_overridden() -> None:
    rule = optax.inject_hyperparams(optax.sgd)(learning_rate=optax.linear_schedule(1.0, 0.0, 9))
    with pytest.raises(TypeError, match=r"^lr_find: expected an optimizer with a number"):
        override_learning_rate(rule.init(PARAMS), 0.5, who="lr_find")
