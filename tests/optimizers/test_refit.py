"""The state of an optimizer when other weights are trained than before."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jkeras.optimizers import SGD, Adam, MultiOptimizer, OptimizerMap, refitted

PARAMS = {"a": jnp.ones(2), "b": jnp.ones(3)}
ONLY_A = {"a": PARAMS["a"], "b": None}


@pytest.mark.parametrize(
    "rule",
    [
        Adam(0.1, use_ema=True, gradient_accumulation_steps=2),
        optax.chain(optax.clip(1.0), optax.sgd(0.1, momentum=0.9)),
        MultiOptimizer(OptimizerMap(SGD(0.1, momentum=0.9), {"b": Adam()})),
    ],
)
def test_refitting_keeps_begins_and_forgets(rule: Any) -> None:
    _, state = rule.update(PARAMS, rule.init(PARAMS), PARAMS)
    same(refitted(rule, state, PARAMS, PARAMS), state)
    fewer = refitted(rule, state, PARAMS, ONLY_A)
    assert jax.tree.structure(fewer) == jax.tree.structure(rule.init(ONLY_A))
    known = [leaf for leaf in jax.tree.leaves(state) if leaf.shape == (2,)]
    same([leaf for leaf in jax.tree.leaves(fewer) if leaf.shape == (2,)], known)
    more = refitted(rule, fewer, ONLY_A, PARAMS)
    same([leaf for leaf in jax.tree.leaves(more) if leaf.shape == (2,)], known)
    fresh = [leaf for leaf in jax.tree.leaves(rule.init(PARAMS)) if leaf.shape == (3,)]
    same([leaf for leaf in jax.tree.leaves(more) if leaf.shape == (3,)], fresh)


def same(got: Any, expected: Any) -> None:
    jax.tree.map(np.testing.assert_array_equal, got, expected)
