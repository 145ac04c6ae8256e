"""Modules of other libraries as layers: one network with batch norm and dropout from each.

Laws, for every library:
- `init` gives what the library's own initialization gives for the same key;
- `apply` in evaluation is the library's own call with the restored values, and changes no state;
- in training it draws from the key alone, moves the statistics, and keeps the state's structure;
- it trains in a Trainer, and is a layer of chains and graphs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import jkeras
from jkeras.models import Chain, Graph, as_layer, frozen
from jkeras.models.adapters import library_of

KEY = jax.random.key(7)
X = np.random.default_rng(0).normal(size=(16, 4)).astype("float32")
Y = (X[:, 0] > 0).astype("int32")
SPEC = jax.ShapeDtypeStruct((16, 4), jnp.float32)


class LinenNet(nn.Module):
    """The network in `flax.linen`."""

    @nn.compact
    def __call__(self, x: Any, train: bool) -> Any:
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(8)(x))
        return nn.Dense(2)(nn.Dropout(0.5, deterministic=not train)(nn.relu(x)))


class NnxNet(nnx.Module):
    """The network in `flax.nnx`."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.layers = nnx.List([nnx.Linear(4, 8, rngs=rngs), nnx.Linear(8, 2, rngs=rngs)])
        self.norm, self.dropout = nnx.BatchNorm(8, rngs=rngs), nnx.Dropout(0.5, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.layers[1](self.dropout(nnx.relu(self.norm(self.layers[0](x)))))


def haiku_net(x: Any, is_training: bool) -> Any:
    """The network in Haiku."""
    x = jax.nn.relu(hk.BatchNorm(True, True, 0.9)(hk.Linear(8)(x), is_training))
    if is_training:
        x = hk.dropout(hk.next_rng_key(), 0.5, x)
    return hk.Linear(2)(x)


class EquinoxNet(eqx.Module):
    """The network in Equinox: for one example."""

    first: eqx.nn.Linear
    second: eqx.nn.Linear
    norm: eqx.nn.BatchNorm
    dropout: eqx.nn.Dropout

    def __init__(self, key: Any) -> None:
        keys = jax.random.split(key)
        self.first, self.second = (
            eqx.nn.Linear(4, 8, key=keys[0]),
            eqx.nn.Linear(8, 2, key=keys[1]),
        )
        self.norm, self.dropout = eqx.nn.BatchNorm(8, "batch", mode="batch"), eqx.nn.Dropout(0.5)

    def __call__(self, x: Any, state: Any, *, key: Any = None) -> Any:
        x, state = self.norm(self.first(x), state)
        return self.second(self.dropout(jax.nn.relu(x), key=key)), state


def pair_init(key: Any, x: Any) -> Any:
    """The weights of the network as bare functions."""
    kernel = jax.random.normal(key, (x.shape[-1], 2))
    return {"kernel": kernel}, {"mean": jnp.zeros(x.shape[-1:])}


def pair_apply(params: Any, state: Any, x: Any, *, key: Any, training: bool) -> Any:
    """Shifted by a moving mean, with dropout."""
    if training:
        state = {"mean": 0.9 * state["mean"] + 0.1 * x.mean(axis=0)}
        x = x * jax.random.bernoulli(key, 0.5, x.shape)
    return (x - state["mean"][None]) @ params["kernel"], state


def of_equinox(module: Any, state: Any, x: Any) -> Any:
    """The outputs of an Equinox module in evaluation, as its users write it."""
    module = eqx.nn.inference_mode(module)
    mapped = jax.vmap(module, axis_name="batch", in_axes=(0, None), out_axes=(0, None))
    return mapped(x, state)[0]


def of_nnx(module: Any, x: Any) -> Any:
    """The outputs of an nnx module in evaluation."""
    module.eval()
    return module(x)


class Case(NamedTuple):
    """A module, its own initialization, and its own call with restored values.

    Attributes:
      module: what is given to jkeras.
      own_init: from a key to what `restored` shall give for fresh values.
      own_call: from the restored values and inputs to outputs, in evaluation.
      name: of the layer.
    """

    module: Any
    own_init: Callable[[Any], Any]
    own_call: Callable[[Any, Any], Any]
    name: str


LINEN, HAIKU = LinenNet(), hk.transform_with_state(haiku_net)
CASES = {
    "linen": Case(
        LINEN,
        lambda key: dict(LINEN.init(key, X, train=False)),
        lambda values, x: LINEN.apply(values, x, train=False),
        "linen_net",
    ),
    "nnx": Case(NnxNet, lambda key: NnxNet(nnx.Rngs(key)), of_nnx, "nnx_net"),
    "haiku": Case(
        HAIKU,
        lambda key: HAIKU.init(key, X, is_training=True),
        lambda values, x: HAIKU.apply(*values, None, x, is_training=False)[0],
        "haiku_net",
    ),
    "equinox": Case(
        EquinoxNet,
        lambda key: eqx.nn.make_with_state(EquinoxNet)(key),
        lambda values, x: of_equinox(*values, x),
        "equinox_net",
    ),
    "pair": Case(
        (pair_init, pair_apply),
        lambda key: pair_init(key, X),
        lambda values, x: pair_apply(*values, x, key=None, training=False)[0],
        "pair",
    ),
}
every_library = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


@pytest.fixture(autouse=True)
def lenient() -> Any:
    """Other libraries mix dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def assert_equal(got: Any, expected: Any, rtol: float = 0.0) -> None:
    """The same leaves, keys among them, within `rtol`."""
    got, expected = (
        [np.asarray(leaf) for leaf in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))]
        for tree in (got, expected)
    )
    assert len(got) == len(expected) > 0
    for a, b in zip(got, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@every_library
def test_init_is_the_librarys_own(case: Case) -> None:
    layer = as_layer(case.module)
    assert layer.name is None and layer.shown_as.lower() == case.name.replace("_", "")
    params, state = layer.init(KEY, SPEC)
    own = case.own_init(KEY)
    if library_of(case.module) == "haiku":  # its averages begin with statistics of the inputs
        own = own[0], jax.tree.map(lambda _, ours: ours, own[1], state)
    assert_equal(layer.restored(params, state), own)
    assert all(isinstance(part, dict) for part in (params, state))


@every_library
def test_evaluation_is_the_librarys_own(case: Case) -> None:
    layer = as_layer(case.module)
    params, state = layer.init(KEY, SPEC)
    outputs, new = jax.jit(layer.apply)(params, state, X)
    own = jax.jit(lambda *values: case.own_call(layer.restored(*values), X))
    assert_equal(outputs, own(params, state), rtol=1e-5)
    assert_equal(new, state)


@every_library
def test_training_draws_from_the_key_and_moves_the_statistics(case: Case) -> None:
    layer = as_layer(case.module)
    params, state = layer.init(KEY, SPEC)

    @jax.jit
    def run(key: Any) -> Any:
        outputs, new = layer.apply(params, state, X, key=key, training=True)
        frozen_layer = as_layer(case.module, trainable=False)
        return outputs, new, frozen_layer.apply(params, state, X, key=key, training=True)[1]

    (first, new, kept), (again, *_), (other, *_) = run(KEY), run(KEY), run(jax.random.key(8))
    assert_equal(first, again)
    assert np.abs(first - other).max() > 0.01
    assert jax.tree.structure(new) == jax.tree.structure(state)
    moved = [np.abs(a - b).max() for a, b in zip(*map(jax.tree.leaves, (new, state)), strict=True)]
    assert max(moved) > 0
    if library_of(case.module) != "haiku":  # its averages count evaluations, and do not move
        assert_equal(kept, state)


@every_library
def test_it_trains(case: Case) -> None:
    trainer = jkeras.Trainer(case.module, seed=0)
    assert trainer.name == case.name
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    trainer.compile(jkeras.optimizers.Adam(0.05), loss)
    losses = trainer.fit(X, Y, batch_size=8, epochs=30, verbose=0).history["loss"]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:2])
    outputs = trainer.predict(X, batch_size=16, verbose=0)
    own = jax.jit(lambda *values: case.own_call(trainer.net.restored(*values), X))
    assert_equal(outputs, own(trainer.params, trainer.state), rtol=1e-5)


@every_library
def test_it_is_a_layer_of_chains_and_graphs(case: Case) -> None:
    chain = Chain([case.module, jkeras.layers.Dense(3)])
    assert [layer.name for layer in chain.layers] == [case.name, "dense"]
    x = jkeras.Input((4,))
    graph = Graph(x, jkeras.layers.Dense(3)(as_layer(case.module)(x)))
    values = [jax.eval_shape(net.init, KEY, SPEC) for net in (chain, graph)]
    assert values[0] == values[1] and set(values[0][0]) == {case.name, "dense"}
    told = {"key": KEY, "training": True}
    outputs, state = jax.eval_shape(lambda *a: chain.apply(*a, X, **told), *values[0])
    assert outputs.shape == (16, 3) and state == values[0][1]
    held = frozen(Chain([as_layer(case.module, trainable=False), *chain.layers[1:]]), values[0][0])
    assert all(jax.tree.leaves(held[case.name])) and not any(jax.tree.leaves(held["dense"]))


def test_one_module_at_two_places_is_one_set_of_weights() -> None:
    dense = nn.Dense(4)
    params, _ = Chain([dense, dense, nn.Dense(4)]).init(KEY, SPEC)
    assert list(params) == ["dense", "dense_1"]
    model = jkeras.Sequential([dense], seed=0)
    model.add(dense)
    model.add(jkeras.layers.Dense(1))
    model.build((None, 4))
    assert list(model.params) == ["dense", "dense_1"] and model.count_params() == 20 + 5
    alone = jkeras.Sequential([dense], seed=1)
    alone.build((None, 4))
    assert not np.allclose(alone.params["dense"]["kernel"], model.params["dense"]["kernel"])


def test_a_module_with_values_stays_as_it_is() -> None:
    nnx_net, eqx_net = nnx.Linear(4, 1, rngs=nnx.Rngs(3)), eqx.nn.Linear(4, 1, key=KEY)
    for module, kernel in ((nnx_net, nnx_net.kernel[...]), (eqx_net, eqx_net.weight)):
        before = np.array(kernel)
        trainer = jkeras.Trainer(module, seed=5)
        trainer.compile("sgd", "mse")
        trainer.build((None, 4))
        first = trainer.params["kernel" if module is nnx_net else "weight"]
        np.testing.assert_array_equal(first, before)
        trainer.fit(X, X[:, :1], epochs=1, verbose=0)
        np.testing.assert_array_equal(np.array(kernel), before)
        restored = trainer.net.restored(trainer.params, trainer.state)
        assert type(restored) is type(module)


def test_a_module_of_equinox_comes_with_its_state() -> None:
    module, carried = eqx.nn.make_with_state(EquinoxNet)(KEY)
    layer = as_layer((module, carried))
    params, state = layer.init(jax.random.key(0), SPEC)
    assert_equal(layer.restored(params, state), (module, carried))
    outputs, new = layer.apply(params, state, X, key=KEY, training=True)
    assert_equal(layer.apply(params, state, X)[0], of_equinox(module, carried, X), rtol=1e-5)
    counted = layer.restored(params, new)[1].get(module.norm.batch_counter)
    assert outputs.shape == (16, 2) and int(counted) == 1


def test_values_print_and_are_saved_like_all_others(tmp_path: Any, capsys: Any) -> None:
    model = jkeras.Sequential([NnxNet, jkeras.layers.Dense(1)], seed=0)
    model.build((None, 4))
    model.save_weights(tmp_path / "a.msgpack")
    other = jkeras.Sequential([NnxNet, jkeras.layers.Dense(1)], seed=1)
    other.build((None, 4))
    other.load_weights(tmp_path / "a.msgpack")
    assert_equal(other.params, model.params)
    model.summary(line_length=60)
    assert "nnx_net (NnxNet)" in capsys.readouterr().out
    assert repr(model.net.layers[0]) == "<flax.nnx: NnxNet 'nnx_net'>"
