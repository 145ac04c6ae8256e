"""Weights that are exactly zero, and those that no gradient has reached."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import Ftrl, apply_updates


@pytest.mark.parametrize("decay", [None, 0.1])
def test_a_strong_l1_makes_weights_exactly_zero(decay: float | None) -> None:
    rule = Ftrl(0.1, l1_regularization_strength=2.0, weight_decay=decay)
    params = {"w": jnp.array([0.3, -0.7, 1e-3])}
    state = rule.init(params)
    for _ in range(3):
        updates, state = rule.update({"w": jnp.array([0.1, -0.1, 9.0])}, state, params)
        params = apply_updates(params, updates)
    assert params["w"][:2].tolist() == [0.0, 0.0] and params["w"][2] < -0.01


def test_weights_that_no_gradient_has_reached_stay() -> None:
    rule, params = Ftrl(0.1, initial_accumulator_value=0.0), {"w": jnp.array([0.5, 0.5])}
    updates, state = rule.update({"w": jnp.array([0.0, 1.0])}, rule.init(params), params)
    assert updates["w"][0] == 0.0 and np.isfinite(updates["w"][1])
    assert state.slots["linear"]["w"][0] == 0.0


def test_defaults_are_keras_ones() -> None:
    assert Ftrl() == Ftrl(0.001, -0.5, 0.1, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"learning_rate_power": 0.5},
            "Ftrl: `learning_rate_power`: expected a number of at most 0, got 0.5 (float).",
        ),
        (
            {"l1_regularization_strength": -0.1},
            "Ftrl: `l1_regularization_strength`: expected a number of at least 0, got -0.1 "
            "(float).",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        Ftrl(**arguments)
    assert str(caught.value) == message
