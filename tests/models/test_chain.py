"""Laws of a chain: a layer made of layers, under every transformation."""

import copy
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.layer import ACTIVITY_LOSS
from jkeras.layers import BatchNormalization, Concatenate, Dense, Dropout, Flatten, SimpleRNN
from jkeras.models import Chain

KEY = jax.random.key(0)
X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)), jnp.float32)
NET = Chain([Dense(5, activation="tanh"), BatchNormalization(), Dropout(0.5), Dense(2)])
PARAMS, STATE = NET.init(KEY, X)


def test_a_chain_is_its_layers_one_after_the_other() -> None:
    y = X
    for layer in NET.layers:
        y, _ = layer.apply(PARAMS.get(layer.name, {}), STATE.get(layer.name, {}), y)
    np.testing.assert_array_equal(NET.apply(PARAMS, STATE, X)[0], y)


def test_layers_without_values_do_not_appear() -> None:
    assert list(PARAMS) == ["dense", "batch_normalization", "dense_1"]
    assert list(STATE) == ["batch_normalization"]


def test_only_training_changes_state_and_its_structure_stays() -> None:
    _, after = NET.apply(PARAMS, STATE, X)
    jax.tree.map(np.testing.assert_array_equal, after, STATE)
    _, trained = NET.apply(PARAMS, STATE, X, key=KEY, training=True)
    assert jax.tree.structure(trained) == jax.tree.structure(STATE)
    moved = trained["batch_normalization"]["moving_mean"]
    assert not np.array_equal(moved, STATE["batch_normalization"]["moving_mean"])
    assert float(jnp.abs(STATE["batch_normalization"]["moving_mean"]).max()) == 0


def test_jit_and_shape_evaluation_agree_with_eager() -> None:
    eager, _ = NET.apply(PARAMS, STATE, X, key=KEY, training=True)
    compiled = jax.jit(lambda *args: NET.apply(*args, key=KEY, training=True)[0])
    np.testing.assert_allclose(compiled(PARAMS, STATE, X), eager, rtol=1e-5, atol=1e-6)
    assert jax.eval_shape(NET.apply, PARAMS, STATE, X)[0].shape == eager.shape


def test_a_net_is_static_under_jit() -> None:
    traces = []

    def outputs(net, params, state, x):
        traces.append(net)
        return net.apply(params, state, x)[0]

    compiled = jax.jit(outputs, static_argnums=0)
    compiled(NET, PARAMS, STATE, X)
    compiled(NET.replace(), PARAMS, STATE, X)
    assert len(traces) == 1


def test_gradients_are_those_of_the_mathematics() -> None:
    net = Chain([Dense(1, use_bias=False)])
    params, state = net.init(KEY, X)
    grads = jax.grad(lambda p: net.apply(p, state, X)[0].sum())(params)
    np.testing.assert_allclose(grads["dense"]["kernel"][:, 0], X.sum(axis=0), rtol=1e-5)


def test_a_population_of_nets_is_a_vmap() -> None:
    keys = jax.random.split(KEY, 3)
    params, state = jax.vmap(lambda key: NET.init(key, X))(keys)
    outputs = jax.vmap(lambda p, s: NET.apply(p, s, X)[0])(params, state)
    own = NET.init(keys[1], X)
    np.testing.assert_allclose(outputs[1], NET.apply(*own, X)[0], rtol=1e-5, atol=1e-6)


def test_init_takes_specs_or_arrays() -> None:
    spec = jax.ShapeDtypeStruct(X.shape, X.dtype)
    jax.tree.map(np.testing.assert_array_equal, NET.init(KEY, spec), (PARAMS, STATE))


def test_one_layer_at_two_places_is_one_set_of_weights() -> None:
    shared = Dense(4)
    net = Chain([shared, Dense(4), shared])
    params, state = net.init(KEY, X)
    assert list(params) == ["dense", "dense_1"]
    a, b = params["dense"], params["dense_1"]
    expected = (X @ a["kernel"]) @ b["kernel"] @ a["kernel"]
    np.testing.assert_allclose(net.apply(params, state, X)[0], expected, rtol=1e-5, atol=1e-5)


def test_equal_layers_are_two_sets_of_weights() -> None:
    params, _ = Chain([Dense(4), Dense(4)]).init(KEY, X)
    assert not np.array_equal(params["dense"]["kernel"], params["dense_1"]["kernel"])


def test_a_shared_random_layer_draws_anew_at_each_place() -> None:
    shared, ones = Dropout(0.5), jnp.ones((1, 64))

    def dropped(net: Chain) -> np.ndarray:
        return np.asarray(net.apply({}, {}, ones, key=KEY, training=True)[0] != 0)

    once, twice = dropped(Chain([shared])), dropped(Chain([shared, shared]))
    assert (twice <= once).all() and 0 < twice.sum() < once.sum()


def test_a_shared_layer_reports_the_activities_of_all_its_places() -> None:
    shared = Dense(4, kernel_initializer="identity", activity_regularizer="l2")
    net = Chain([shared, shared])
    params, state = net.init(KEY, X)
    for _ in range(2):  # the report of the step before is not added
        _, state = net.apply(params, state, X, training=True)
    loss = 2 * 0.01 * float((X**2).sum()) / len(X)
    np.testing.assert_allclose(state["dense"][ACTIVITY_LOSS], loss, rtol=1e-5)


def test_chains_in_chains_nest_their_values() -> None:
    net = Chain([Chain([Dense(3), BatchNormalization()]), Chain([Dense(2)], name="head")])
    params, state = net.init(KEY, X)
    assert jax.tree.map(jnp.shape, params["head"]) == {"dense": {"bias": (2,), "kernel": (3, 2)}}
    assert list(state) == ["sequential"] and list(state["sequential"]) == ["batch_normalization"]
    flat = Chain([*net.layers[0].layers, net.layers[1].layers[0].replace(name="last")])
    same = params["sequential"] | {"last": params["head"]["dense"]}
    np.testing.assert_array_equal(
        net.apply(params, state, X)[0], flat.apply(same, state["sequential"], X)[0]
    )


def test_several_inputs_and_outputs_pass_as_tuples() -> None:
    net = Chain([Concatenate(), Dense(2)])
    params, state = net.init(KEY, X, X[:, :2])
    assert params["dense"]["kernel"].shape == (6, 2)
    assert net.apply(params, state, X, X[:, :2])[0].shape == (6, 2)
    both = Chain([SimpleRNN(3, return_state=True)])
    sequence = X[:, None, :]
    outputs, _ = both.apply(*both.init(KEY, sequence), sequence)
    assert [part.shape for part in outputs] == [(6, 3), (6, 3)]


def test_layer_outputs_are_those_of_every_layer() -> None:
    outputs = NET.layer_outputs(PARAMS, STATE, X)
    assert [y.shape for y in outputs] == [(6, 5), (6, 5), (6, 5), (6, 2)]
    np.testing.assert_array_equal(outputs[-1], NET.apply(PARAMS, STATE, X)[0])


def test_an_empty_chain_is_the_identity() -> None:
    assert Chain([]).init(KEY, X) == ({}, {})
    assert Chain([]).apply({}, {}, X)[0] is X


@pytest.mark.parametrize(
    ("layers", "rows"),
    [
        ([Dense(2)], "ignored"),
        ([Dense(2), BatchNormalization()], "masked"),
        ([Dense(2, activity_regularizer="l2"), BatchNormalization()], "seen"),
        ([Chain([BatchNormalization()])], "masked"),
    ],
    ids=["ignored", "masked", "seen", "nested"],
)
def test_filler_rows_do_what_they_do_to_the_worst_layer(layers: list, rows: str) -> None:
    assert Chain(layers).padded_rows == rows


def test_masked_rows_do_not_reach_the_statistics() -> None:
    net = Chain([Chain([BatchNormalization()])])
    params, state = net.init(KEY, X)
    filled = jnp.concatenate([X, jnp.full((2, 4), 100.0)])
    rows = jnp.arange(8) < 6
    got, after = net.apply(params, state, filled, training=True, rows=rows)
    expected, alone = net.apply(params, state, X, training=True)
    np.testing.assert_allclose(got[:6], expected, rtol=1e-4, atol=1e-5)
    for a, b in zip(jax.tree.leaves(after), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "through", [copy.copy, copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))]
)
def test_copies_are_equal_and_compute_the_same(through) -> None:
    shared = Dense(4)
    net = Chain([Flatten(), shared, shared])
    made = through(net)
    assert (made, hash(made), repr(made)) == (net, hash(net), repr(net))
    params, state = made.replace(name="again").init(KEY, X)
    assert list(params) == ["dense"]
    np.testing.assert_array_equal(made.apply(params, state, X)[0], net.apply(params, state, X)[0])


def test_lists_only() -> None:
    with pytest.raises(TypeError) as caught:
        Chain(Dense(2))
    assert (
        str(caught.value)
        == "Chain: `layers`: expected a list of layers, got Dense(units=2) (Dense)."
    )
