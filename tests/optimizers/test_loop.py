"""The scale of the loss and the final parameters, found in any state."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras.optimizers import SGD, Adam, final_params, scale_loss

PARAMS = {"a": jnp.array([1.0, 2.0]), "b": jnp.array(3.0, jnp.bfloat16)}
RULE = SGD(1.0, use_ema=True, loss_scale_factor=8.0)

HOLDERS = {
    "ours": RULE.transformation(),
    "chained": optax.chain(optax.clip(1.0), RULE),
    "masked": optax.masked(RULE.transformation(), {"a": True, "b": False}),
    "labelled": optax.multi_transform(
        {"x": RULE.transformation(), "y": optax.sgd(0.1)}, {"a": "x", "b": "y"}
    ),
}


@pytest.mark.parametrize("kind", HOLDERS)
def test_averages_and_scale_are_found_in_any_nesting(kind: str) -> None:
    state = HOLDERS[kind].init(PARAMS)
    assert float(scale_loss(jnp.float32(0.5), state)) == 4.0
    final = jax.jit(final_params)(jax.tree.map(jnp.zeros_like, PARAMS), state)
    assert final["a"].tolist() == [1.0, 2.0]
    assert final["b"].dtype == jnp.bfloat16
    assert final["b"] == (3.0 if kind in ("ours", "chained") else 0.0)


@pytest.mark.parametrize("rule", [Adam(), optax.adam(0.1)], ids=["ours", "optax"])
def test_without_them_nothing_changes(rule: Any) -> None:
    state, loss = rule.init(PARAMS), jnp.float32(0.5)
    assert scale_loss(loss, state) is loss
    assert jax.tree.leaves(final_params(PARAMS, state)) == jax.tree.leaves(PARAMS)


def test_a_population_has_an_average_each() -> None:
    rule = SGD(1.0, use_ema=True)
    many = {"a": jnp.arange(6.0).reshape(3, 2)}
    states = jax.vmap(rule.init)(many)
    final = jax.vmap(final_params)(jax.tree.map(jnp.zeros_like, many), states)
    np.testing.assert_array_equal(final["a"], many["a"])


@pytest.mark.parametrize(
    ("params", "got"),
    [
        ({"c": jnp.ones(2)}, "none there"),
        ({"a": jnp.ones(3)}, "an array of shape (3,) and dtype float32"),
    ],
)
def test_other_parameters_are_refused(params: Any, got: str) -> None:
    state = SGD(use_ema=True).init({"a": jnp.ones(2)})
    with pytest.raises(ValueError) as caught:
        final_params(params, state)
    assert str(caught.value) == (
        "final_params: expected the `params` that the optimizer was made for, with shape (2,) at "
        f"'a', got {got}. Pass the params and the state of one training."
    )
