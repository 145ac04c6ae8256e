"""Which weights stay as they are."""

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.freezing import trained, whole
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


def test_the_attribute_is_that_of_the_layer_in_all_its_copies() -> None:
    dense = Dense(2, name="own")
    first, second = Chain([dense]), Chain([Chain([dense], name="inner")])
    dense.trainable = False
    assert [first.layers[0].trainable, second.layers[0].layers[0].trainable] == [False, False]
    assert dense == Dense(2, name="own", trainable=False) != Dense(2, name="own")
    second.layers[0].layers[0].trainable = True
    assert dense.trainable and dense.get_config()["trainable"] is True


def test_copies_that_share_nothing_keep_what_was_set_when_they_were_made() -> None:
    dense = Dense(2)
    dense.trainable = False
    copies = [copy.deepcopy(dense), pickle.loads(pickle.dumps(dense)), dense.replace(units=3)]
    dense.trainable = True
    assert [other.trainable for other in copies] == [False, False, False]


def test_setting_a_composite_sets_all_in_it_and_they_may_be_set_again() -> None:
    net = Chain([Chain([Dense(2), BatchNormalization()], name="inner"), Dense(1)])
    params, _ = net.init(jax.random.key(0), X)
    inner = net.layers[0]
    inner.trainable = False
    assert [layer.trainable for layer in inner.layers] == [False, False]
    inner.layers[0].trainable = True
    held = frozen(net, params)
    assert held["inner"] == {
        "dense": {"kernel": False, "bias": False},
        "batch_normalization": {"gamma": True, "beta": True},
    }
    wrapper = Bidirectional(LSTM(2), backward_layer=LSTM(2, go_backwards=True, name="back"))
    wrapper.trainable = False
    assert [layer.trainable for layer in wrapper.both] == [False, False]


def test_patterns_freeze_single_weights() -> None:
    params = {"a": {"kernel": 1, "bias": 2}, "b": {"bias": 3}}
    assert frozen(object(), params, ("*/bias",)) == {
        "a": {"kernel": False, "bias": True},
        "b": {"bias": True},
    }


def test_parting_and_joining_give_back_all_weights() -> None:
    params = {"a": [jnp.ones(2), None], "b": jnp.zeros(1)}
    parted = trained(params, {"a": [True, None], "b": False})
    assert parted["a"] == [None, None]
    assert whole(parted, params)["a"][0] is params["a"][0]
    assert jax.tree.structure(whole(parted, params)) == jax.tree.structure(params)


def test_frozen_weights_have_no_penalty_and_no_constraint() -> None:
    ruled = {"kernel_regularizer": "l2", "kernel_constraint": "non_neg", "use_bias": False}
    net = Chain([Dense(1, **ruled), Chain([Dense(1, **ruled)], name="inner")])
    params = {"dense": {"kernel": -jnp.ones((1, 1))}, "inner": {"dense": {"kernel": -jnp.ones(1)}}}
    assert float(net.penalty(params)) == pytest.approx(0.02)
    net.layers[1].trainable = False
    assert float(net.penalty(params)) == pytest.approx(0.01)
    kept = net.constrain(params)
    assert (float(kept["dense"]["kernel"][0, 0]), float(kept["inner"]["dense"]["kernel"][0])) == (
        0.0,
        -1.0,
    )
    assert Chain([Dense(1, **ruled)], trainable=False).penalty(params) == 0.0


def test_only_true_and_false_are_taken() -> None:
    with pytest.raises(TypeError) as caught:
        Dense(2).trainable = 0
    assert str(caught.value) == "Dense: `trainable`: expected True or False, got 0 (int)."
