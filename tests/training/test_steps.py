"""The pure step as a text to be read."""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp

from jkeras.layers import Dense
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step


def test_the_step_of_a_dense_layer_is_short_and_says_each_product_once() -> None:
    """One layer, mean squared error, SGD: 46 equations in 58 lines, two products of matrices (the
    inputs are not trained), and a loss that asks no question about a size that is known.
    """
    net, x, y = Chain([Dense(2)]), jnp.ones((8, 3)), jnp.ones((8, 2))
    options = {"loss": "mse", "optimizer": "sgd"}
    state = jax.eval_shape(make_init(net, **options), jax.random.key(0), x)
    program = jax.make_jaxpr(make_train_step(net, **options))(state, (x, y))
    text = str(program)
    assert len(program.jaxpr.eqns) <= 46 and len(text.splitlines()) <= 58
    assert len(re.findall("dot_general", text)) == 2 and "8.0:f32[] 0.0" not in text
    forward = str(jax.make_jaxpr(net.apply)(state.params, state.state, x))
    assert len(forward.splitlines()) <= 8
