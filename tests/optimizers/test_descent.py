"""Steps of a fixed length: gradient descent and its signs."""

from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jkeras.optimizers import SGD, Lion, apply_updates

PARAMS = {"w": jnp.array([1.0, -2.0])}


def _run(rule: Any, grads: list[Any]) -> tuple[Any, Any]:
    params, state = PARAMS, rule.init(PARAMS)
    for gradient in grads:
        updates, state = rule.update({"w": jnp.array(gradient)}, state, params)
        params = apply_updates(params, updates)
    return params["w"].tolist(), state


def test_plain_sgd_keeps_no_slots_and_momentum_zero_has_no_number() -> None:
    state = SGD().init(PARAMS)
    assert state.slots == {} and set(state.hyperparams) == {"learning_rate"}
    assert set(SGD(momentum=0.9, weight_decay=0.1).init(PARAMS).hyperparams) == {
        "learning_rate",
        "momentum",
        "weight_decay",
    }


def test_nesterov_without_momentum_is_plain_descent_as_in_keras() -> None:
    grads = [[1.0, 2.0], [0.5, -1.0]]
    assert _run(SGD(0.1, nesterov=True), grads)[0] == _run(SGD(0.1), grads)[0]


def test_the_momentum_holds_the_learning_rate() -> None:
    _, state = _run(SGD(0.5, momentum=0.5), [[1.0, 2.0], [1.0, 2.0]])
    assert state.slots["momentum"]["w"].tolist() == [-0.75, -1.5]


def test_lion_moves_every_element_by_the_rate() -> None:
    params, state = _run(Lion(0.5, beta_2=0.5), [[100.0, -0.01], [100.0, 0.0]])
    assert params == [0.0, -1.0]
    assert state.slots["momentum"]["w"].tolist() == pytest.approx([75.0, -0.0025])


def test_lion_turns_when_the_gradient_outweighs_the_momentum() -> None:
    rule = Lion(0.5, beta_1=0.5, beta_2=0.9)
    assert _run(rule, [[1.0, 1.0], [-0.05, -0.5]])[0] == [0.0, -2.0]


def test_defaults_are_keras_ones() -> None:
    assert SGD() == SGD(learning_rate=0.01, momentum=0.0, nesterov=False)
    assert Lion() == Lion(learning_rate=0.001, beta_1=0.9, beta_2=0.99)
    assert jax.tree.leaves(Lion().init({})) != []


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: SGD(momentum=1.5),
            ValueError,
            "SGD: `momentum`: expected a number in [0, 1], got 1.5 (float).",
        ),
        (
            lambda: SGD(momentum="0.9"),
            TypeError,
            "SGD: `momentum`: expected a number in [0, 1], got '0.9' (str).",
        ),
        (
            lambda: SGD(0.1, 0.9, 1e-4),
            TypeError,
            "SGD: `nesterov`: expected True or False, got 0.0001 (float).",
        ),
        (
            lambda: Lion(beta_1=0.0),
            ValueError,
            "Lion: `beta_1`: expected a number in (0, 1], got 0.0 (float).",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message
