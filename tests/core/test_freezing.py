"""Which weights stay as they are."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layers import (
    LSTM,
    BatchNormalization,
    Bidirectional,
    Dense,
    SpectralNormalization,
    TimeDistributed,
)
from jkeras.models import Chain, frozen

X = jnp.arange(24.0).reshape(2, 3, 4)


def held(layer: Any) -> set[bool]:
    """What is said of the weights of a layer in a chain."""
    net = Chain([layer, Dense(2)])
    params, _ = net.init(jax.random.key(0), X)
    tree = frozen(net, params)
    assert jax.tree.structure(tree) == jax.tree.structure(params)
    assert not any(jax.tree.leaves(tree.pop("dense" if "dense" in tree else "dense_1")))
    return set(jax.tree.leaves(tree))


def test_a_frozen_layer_and_all_inside_it() -> None:
    cold = BatchNormalization(trainable=False)
    assert held(BatchNormalization()) == {False}
    assert held(cold) == {True}
    assert held(Chain([BatchNormalization()], trainable=False)) == {True}
    assert held(Chain([cold, BatchNormalization()])) == {True, False}
    assert held(TimeDistributed(cold)) == {True}
    assert held(SpectralNormalization(LSTM(2, trainable=False))) == {True}
    assert held(Bidirectional(LSTM(2), trainable=False)) == {True}
    both = Bidirectional(
        LSTM(2, trainable=False), backward_layer=LSTM(2, go_backwards=True, name="back")
    )
    assert held(both) == {True, False}
    assert frozen(object(), {"w": 1}) == {"w": False}


@pytest.mark.parametrize(
    "layer",
    [
        BatchNormalization(trainable=False),
        Chain([BatchNormalization()], trainable=False),
        Chain([Chain([BatchNormalization()])], trainable=False),
        TimeDistributed(BatchNormalization(), trainable=False),
    ],
)
def test_frozen_normalization_takes_the_moving_statistics(layer: Any) -> None:
    params, state = layer.init(jax.random.key(0), X)
    outputs, new = layer.apply(params, state, X, training=True)
    np.testing.assert_allclose(outputs, X / np.sqrt(1 + 1e-3), rtol=1e-6)
    jax.tree.map(np.testing.assert_array_equal, new, state)


def test_compile_refuses_frozen_layers_for_now() -> None:
    model = jkeras.Sequential([Dense(2, trainable=False), Dense(1)])
    with pytest.raises(ValueError) as caught:
        model.compile("sgd", "mse")
    assert str(caught.value) == (
        "compile: expected `trainable` True, got False for Dense 'dense': training does not freeze "
        "weights yet. Leave it out, or keep the layer's weights with optax: optax.multi_transform "
        "with optax.set_to_zero() for jkeras.models.frozen(net, params)."
    )
