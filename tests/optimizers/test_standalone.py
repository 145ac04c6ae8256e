"""Optimizers in a loop written by hand; the numbers are those of `update`, which Keras's are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Variable
from jkeras.optimizers import SGD, Adam


def test_apply_gives_what_update_gives() -> None:
    weights = [Variable([1.0, 2.0]), Variable([[3.0]])]
    grads = [jnp.array([0.5, -1.0]), jnp.array([[2.0]])]
    optimizer = Adam(0.1)
    params: list[Any] = [weight.value for weight in weights]
    state = Adam(0.1).init(params)
    for _ in range(2):
        assert optimizer.apply(grads, weights) is None
        updates, state = Adam(0.1).update(grads, state, params)
        params = [param + update for param, update in zip(params, updates, strict=True)]
    for weight, param in zip(weights, params, strict=True):
        np.testing.assert_array_equal(weight.numpy(), param)
    assert int(optimizer.iterations) == 2 and len(optimizer.variables) == 6
    assert optimizer == Adam(0.1) and hash(optimizer) == hash(Adam(0.1)), "no part of it"


def test_the_pure_form_runs_under_jit_and_changes_nothing() -> None:
    optimizer, weight = SGD(0.5, momentum=0.5), Variable([1.0])
    optimizer.build([weight])
    slots = [variable.value for variable in optimizer.variables]
    step = jax.jit(lambda slots, grads, params: optimizer.stateless_apply(slots, grads, params))
    params, slots = step(slots, [jnp.ones(1)], [weight.value])
    params, slots = step(slots, [jnp.ones(1)], params)
    assert params[0].tolist() == [-0.25] and weight.numpy().tolist() == [1.0]
    assert int(optimizer.iterations) == 0 and int(slots[0]) == 2


def test_a_variable_without_a_gradient_stays() -> None:
    weights = [Variable([1.0]), Variable([1.0])]
    SGD(0.5).apply_gradients(zip([None, jnp.ones(1)], weights, strict=True))
    assert [weight.numpy().tolist() for weight in weights] == [[1.0], [0.5]]


WRONG = {
    "apply: expected `trainable_variables`, got none. Write apply(grads, "
    "model.trainable_variables).": lambda sgd: sgd.apply([jnp.ones(1)]),
    "apply: expected variables, which can be assigned, got an array of shape (1,) and dtype "
    "float32. Arrays are updated by stateless_apply(variables, grads, arrays).": lambda sgd: (
        sgd.apply([jnp.ones(1)], [jnp.ones(1)])
    ),
    "stateless_apply: expected an optimizer that is built. Call "
    "optimizer.build(model.trainable_variables) first.": lambda sgd: sgd.stateless_apply(
        [], [jnp.ones(1)], [jnp.ones(1)]
    ),
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_use_is_told(text: str) -> None:
    with pytest.raises((TypeError, ValueError)) as error:
        WRONG[text](SGD())
    assert str(error.value) == f"SGD: {text}"


def test_the_optimizer_of_a_model_updates_the_model() -> None:
    model = jkeras.Sequential([jkeras.Input((1,)), jkeras.layers.Dense(1, use_bias=False)])
    model.compile(SGD(0.5), "mse")
    model.set_weights([np.ones((1, 1))])
    weights = model.trainable_variables
    model.optimizer.apply_gradients(zip([jnp.ones((1, 1))], weights, strict=True))
    assert model.get_weights()[0].tolist() == [[0.5]] and int(model.optimizer.iterations) == 1
    with pytest.raises(ValueError) as error:
        model.optimizer.apply([], weights)
    assert str(error.value) == (
        "SGD: apply: expected a gradient for each of the 1 trainable variables of Sequential "
        "'sequential', in their order, got 0 gradients and 1 variables. For others make an "
        "optimizer of its own: optimizer.apply(grads, variables)."
    )
