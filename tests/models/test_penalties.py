"""The regularization losses, each by itself, wherever a layer lies."""

from __future__ import annotations

import jax
import numpy as np

import jkeras
from jkeras import layers
from jkeras.models.penalties import penalties


def test_they_are_listed_layer_by_layer_and_sum_up_to_the_penalty() -> None:
    inner = jkeras.models.Chain([layers.Dense(2, kernel_regularizer="l2", bias_regularizer="l1")])
    net = jkeras.models.Chain(
        [inner, layers.TimeDistributed(layers.Dense(1, kernel_regularizer="l1"))]
    )
    params, _ = net.init(jax.random.key(0), jax.ShapeDtypeStruct((2, 3, 4), "float32"))
    found = penalties(net, params)
    assert len(found) == 3
    np.testing.assert_allclose(sum(map(float, found)), float(net.penalty(params)), rtol=1e-6)


def test_a_frozen_layer_has_none() -> None:
    layer = layers.Dense(1, kernel_regularizer="l2", trainable=False)
    assert penalties(layer, {"kernel": np.ones((1, 1)), "bias": np.ones(1)}) == []
