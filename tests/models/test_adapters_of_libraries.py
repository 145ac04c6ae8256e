"""What is peculiar to each library's modules, and what a person gets who uses one wrongly."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx
from jax.example_libraries import stax

import jkeras
from jkeras.models import as_layer
from jkeras.models.adapters import library_of
from tests.kinds import kind_raised

KEY = jax.random.key(7)
HAIKU = hk.transform(lambda x: hk.Linear(2)(x))
X = np.random.default_rng(0).normal(size=(6, 4)).astype("float32")


@pytest.fixture(autouse=True)
def lenient() -> Any:
    """Other libraries mix dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def outputs_of(layer: Any, *inputs: Any, **told: Any) -> Any:
    """The outputs of a layer with fresh values."""
    return layer.apply(*layer.init(KEY, *inputs), *inputs, **told)[0]


class Flagged(nn.Module):
    """Tells which flag it got."""

    deterministic: bool | None = None

    def __call__(self, x: Any) -> Any:
        return x if self.deterministic else -x


class Renamed(nn.Module):
    """A flag with a name of its own."""

    def __call__(self, x: Any, learning: bool) -> Any:
        return -x if learning else x


class Noisy(nn.Module):
    """Draws from a stream of its own, and sows."""

    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        self.sow("intermediates", "x", x)
        self.sow("counts", "calls", 1)
        return x + jax.random.normal(self.make_rng("noise"), x.shape) if train else x


class Rows(nn.Module):
    """Centers a batch by its real rows."""

    padded_rows = "masked"

    def __call__(self, x: Any, rows: Any = None) -> Any:
        real = jnp.ones(len(x)) if rows is None else rows.astype(jnp.float32)
        return x - (real[:, None] * x).sum(0, keepdims=True) / real.sum()


def test_a_flag_may_be_a_field_of_a_linen_module() -> None:
    told = [outputs_of(as_layer(Flagged()), X, training=flag, key=KEY) for flag in (True, False)]
    np.testing.assert_array_equal(told, [-X, X])
    dropout = as_layer(nn.Dropout(0.5))
    np.testing.assert_array_equal(outputs_of(dropout, X), X)
    assert (np.asarray(outputs_of(dropout, X, training=True, key=KEY)) == 0).any()
    off = as_layer(nn.Dropout(0.5, deterministic=True))
    np.testing.assert_array_equal(outputs_of(off, X, training=True, key=KEY), X)


def test_a_flag_may_have_a_name_of_its_own() -> None:
    layer = as_layer(Renamed(), training_argument="learning")
    np.testing.assert_array_equal(outputs_of(layer, X, training=True), -X)
    np.testing.assert_array_equal(outputs_of(layer, X), X)


def test_any_stream_of_linen_draws_from_the_key() -> None:
    layer = as_layer(Noisy(), collections=[])
    params, state = layer.init(KEY, X)
    assert (params, state) == ({}, {})
    assert np.abs(layer.apply({}, {}, X, key=KEY, training=True)[0] - X).min() > 0


def test_filler_rows_are_as_the_module_says() -> None:
    mlp = eqx.nn.MLP(4, 2, 8, 1, key=KEY)
    said = {layer.padded_rows for layer in map(as_layer, (nn.Dense(2), HAIKU))}
    assert said == {"seen"} and as_layer(mlp).padded_rows == "ignored"
    assert as_layer(mlp, batched=True).padded_rows == "seen"
    assert as_layer(nn.Dense(2), padded_rows="ignored").padded_rows == "ignored"
    rows = jnp.arange(6) < 4
    padded = outputs_of(as_layer(Rows()), X, rows=rows)
    np.testing.assert_allclose(padded[:4], outputs_of(as_layer(Rows()), X[:4]), rtol=1e-5)
    trainer = jkeras.Trainer(Rows(), seed=0)
    trainer.compile("sgd", "mse")
    with_rest = trainer.evaluate(X, 0 * X, batch_size=4, verbose=0)
    parts = [np.square(x - x.mean(0)).mean() * len(x) for x in (X[:4], X[4:])]
    assert with_rest == pytest.approx(sum(parts) / 6, rel=1e-5)


def test_modules_with_values_are_made_anew_from_a_class_or_a_partial() -> None:
    made = functools.partial(nnx.Linear, 4, 2), functools.partial(eqx.nn.Linear, 4, 2)
    for make in made:
        layer = as_layer(make)
        kernels = jax.vmap(lambda key, own=layer: own.init(key, X)[0])(jax.random.split(KEY, 3))
        assert {leaf.shape[0] for leaf in jax.tree.leaves(kernels)} == {3}
        assert layer == layer.replace(name=None) != as_layer(make)


def test_keys_of_nnx_and_equinox() -> None:
    dropout = nnx.Dropout(0.5, rngs=nnx.Rngs(0))
    layer = as_layer(dropout)
    assert layer.init(KEY, X) == ({}, {})
    first, again = (layer.apply({}, {}, X, key=KEY, training=True)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    layer = as_layer(eqx.nn.Dropout(0.5))
    one = layer.apply({}, {}, X[:1], key=KEY, training=True)[0]
    all_rows = layer.apply({}, {}, X, key=KEY, training=True)[0]
    np.testing.assert_array_equal(one, all_rows[:1])  # an example's key is that of its place


def test_integers_stay_integers_and_buffers_are_not_trained() -> None:
    ids = np.array([[1, 2], [0, 3]])
    assert outputs_of(as_layer(nn.Embed(5, 3)), ids).shape == (2, 2, 3)
    assert outputs_of(as_layer(nn.Dense(3)), X, training=False).dtype == jnp.float32
    narrow = as_layer(nn.Dense(3), dtype="bfloat16")
    params, _ = narrow.init(KEY, X)
    assert params["kernel"].dtype == jnp.float32

    class Shifted(eqx.Module):
        by: jax.Array
        scale: jax.Array

        def __call__(self, x: Any) -> Any:
            return x * self.scale + self.by

    params, state = as_layer(Shifted(jnp.arange(4), jnp.ones(4))).init(KEY, X)
    assert set(params) == {"scale"} and set(state["buffers"]) == {"by"}


def test_a_pair_of_stax_and_several_inputs() -> None:
    pair = stax.serial(stax.Dense(8), stax.Relu, stax.Dense(1))
    layer = as_layer(pair)
    params, state = layer.init(KEY, X)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 8 * 5 + 9
    np.testing.assert_array_equal(layer.apply(params, state, X)[0], pair[1](params, X))
    both = as_layer((lambda key: {}, lambda params, a, b: a - b))
    np.testing.assert_array_equal(outputs_of(both, X, X), 0 * X)
    transformed = hk.without_apply_rng(hk.transform(lambda x, key: hk.Linear(2)(x) + key))
    assert outputs_of(as_layer(transformed), X, X[:, :2]).shape == (6, 2)


def test_objects_are_recognised_without_their_libraries() -> None:
    found = {
        "linen": nn.Dense(2),
        "nnx": nnx.Linear,
        "haiku": HAIKU,
        "equinox": eqx.nn.Identity(),
        "pair": (jnp.sin, jnp.cos),
    }
    assert all(library_of(value) == name for name, value in found.items())
    others = [optax.sgd(0.1), jkeras.Input((2,)), "relu", np.sin, (X, X), None, (1, 2, 3)]
    assert [library_of(value) for value in others] == [None] * len(others)


class NoCall(nnx.Module):
    """A module without a call."""


class Stateful(eqx.Module):
    """A module with a state."""

    norm: eqx.nn.BatchNorm

    def __init__(self, key: Any = None) -> None:
        del key
        self.norm = eqx.nn.BatchNorm(4, "batch", mode="batch")

    def __call__(self, x: Any, state: Any) -> Any:
        return self.norm(x, state)


class TwoNames(eqx.Module):
    """Two batch norms that name the batch differently."""

    norms: list[eqx.nn.BatchNorm]

    def __init__(self, key: Any) -> None:
        del key
        self.norms = [eqx.nn.BatchNorm(4, name, mode="batch") for name in ("batch", "rows")]

    def __call__(self, x: Any, state: Any) -> Any:
        return x, state


class Stateless(eqx.Module):
    """A module with a batch norm that it does not use."""

    norm: eqx.nn.BatchNorm

    def __init__(self) -> None:
        self.norm = eqx.nn.BatchNorm(4, "batch", mode="batch")

    def __call__(self, x: Any) -> Any:
        return x


class Wrong(NamedTuple):
    """A wrong use: what is done, and the error it gets."""

    name: str
    use: Callable[[], Any]
    kind: type[Exception]
    message: str


def tried(pair: Any) -> Any:
    """A pair, initialized and applied."""
    return outputs_of(as_layer(pair), X)


PAIR = "a pair of functions (init, apply)"
WRONG = [
    Wrong(
        "linen_class",
        lambda: jkeras.Trainer(nn.Dense),
        TypeError,
        "Trainer: `net`: expected a module, got the class Dense. Make one: Dense(...).",
    ),
    Wrong(
        "linen_class_in_list",
        lambda: as_layer(nn.Dense),
        TypeError,
        "as_layer: expected a module, got the class Dense. Make one: Dense(...).",
    ),
    Wrong(
        "plain_function",
        lambda: as_layer(np.tanh),
        TypeError,
        "as_layer: expected a module of flax.linen, flax.nnx, Haiku, Equinox or Keras, or "
        f"{PAIR}, got <ufunc 'tanh'> (ufunc). A function of Haiku modules is transformed first: "
        "hk.transform(function); one of arrays alone goes in jkeras.layers.Lambda(function).",
    ),
    Wrong(
        "optimizer",
        lambda: as_layer(optax.identity()),
        TypeError,
        "as_layer: expected a module of flax.linen, flax.nnx, Haiku, Equinox or Keras, or "
        f"{PAIR}, got GradientTransformation(init=<function init_empty_state at... "
        "(GradientTransformation). An optimizer goes in compile(optimizer=...).",
    ),
    Wrong(
        "multi_transform",
        lambda: as_layer(hk.multi_transform(lambda: (jnp.sin, (jnp.sin, jnp.cos)))),
        TypeError,
        "Haiku: `module`: expected what hk.transform or hk.transform_with_state returns, got "
        "MultiTransformed(init=<function without_state.<locals>.in... (MultiTransformed). Choose "
        "one of the functions: hk.transform_with_state(lambda x: network(x)).",
    ),
    Wrong(
        "unknown_option",
        lambda: as_layer(nn.Dense(2), padded_row="seen"),
        TypeError,
        "Linen: unexpected argument `padded_row`. Did you mean 'padded_rows'? Arguments: module, "
        "name, dtype, input_shape, trainable, supports_masking, padded_rows, training_argument, "
        "collections.",
    ),
    Wrong(
        "padded_rows",
        lambda: as_layer(nn.Dense(2), padded_rows="ignore"),
        ValueError,
        "Linen: `padded_rows`: expected 'ignored', 'masked', 'seen' or None, got 'ignore'. Did you "
        "mean 'ignored'?",
    ),
    Wrong(
        "rows_not_taken",
        lambda: as_layer(nn.Dense(2), padded_rows="masked"),
        ValueError,
        "Dense: `padded_rows`: expected a module that takes `rows`, and it does not. Its "
        "arguments: inputs.",
    ),
    Wrong(
        "flag_not_taken",
        lambda: as_layer(Renamed(), training_argument="learn"),
        ValueError,
        "Renamed: `training_argument`: expected a module that takes `learn`, and it does not. Did "
        "you mean 'learning'? Its arguments: x, learning.",
    ),
    Wrong(
        "collections",
        lambda: as_layer(nn.Dense(2), collections="batch_stats"),
        TypeError,
        "Linen: `collections`: expected a list of names of collections, got 'batch_stats' (str).",
    ),
    Wrong(
        "config",
        lambda: as_layer(nn.Dense(2), name="head").get_config(),
        ValueError,
        "Dense 'head': a module of flax.linen has no configuration. Keep its code, and its values "
        "in a weight file: save_weights('model.msgpack').",
    ),
    Wrong(
        "growing_state",
        lambda: tried(Noisy()),
        ValueError,
        "Noisy: expected a state of the same structure after each call (counts/calls/0), got "
        "counts/calls/0, counts/calls/1. Say which collections to carry: "
        "collections=['batch_stats'].",
    ),
    Wrong(
        "no_call",
        lambda: as_layer(NoCall()),
        TypeError,
        "NoCall: expected a module with a method `__call__`, and NoCall has none.",
    ),
    Wrong(
        "no_key",
        lambda: as_layer(nnx.Dropout(0.5, rngs=nnx.Rngs(0))).apply({}, {}, X, training=True),
        ValueError,
        "Dropout: expected a random `key` while training, got None. Pass one: apply(params, state, "
        "inputs, key=jax.random.key(0), training=True).",
    ),
    Wrong(
        "nnx_class_with_arguments",
        lambda: jkeras.Trainer(nnx.Linear),
        TypeError,
        "Trainer: `net`: Nnx: `module`: Linear.__init__() missing 2 required positional arguments: "
        "'in_features' and 'out_features'",
    ),
    Wrong(
        "equinox_without_state",
        lambda: as_layer(eqx.nn.make_with_state(Stateful)()[0]),
        ValueError,
        "Equinox: `module`: expected a module with its state, got Stateful alone, which has a "
        "state. Give both: eqx.nn.make_with_state(Stateful)(...) returns (module, state).",
    ),
    Wrong(
        "equinox_two_names",
        lambda: as_layer(TwoNames),
        ValueError,
        "TwoNames: expected one name for the batch axis, got ['batch', 'rows']. Give every "
        "BatchNorm the same `axis_name`.",
    ),
    Wrong(
        "equinox_state_not_taken",
        lambda: as_layer(eqx.nn.make_with_state(Stateless)()),
        ValueError,
        "Stateless: the module was given with a state, and its `__call__` takes none. Write it as "
        "__call__(self, x, state) that returns (outputs, state).",
    ),
    Wrong(
        "pair_without_state",
        lambda: tried((lambda key: {}, lambda params, state, x: (x, state))),
        TypeError,
        "Pair: expected `init` to return (params, state), because `apply` takes a `state`, got {} "
        "(dict).",
    ),
    Wrong(
        "pair_forgets_state",
        lambda: tried((lambda key: ({}, {}), lambda params, state, x: x)),
        TypeError,
        "Pair: expected `apply` to return (outputs, state), because it takes a `state`, got an "
        "array of shape (6, 4) and dtype float32.",
    ),
    Wrong(
        "pair_of_an_array",
        lambda: tried((lambda key: jnp.ones(3), lambda params, x: x)),
        TypeError,
        "Pair: expected `init` to return params as a dict, list or tuple of arrays, got an array "
        "of shape (3,) and dtype float32.",
    ),
    Wrong(
        "pair_of_numbers",
        lambda: tried((lambda key: {"a": 1.0}, lambda params, x: x)),
        TypeError,
        "Pair: expected `init` to return params as a dict, list or tuple of arrays, got 1.0 "
        "(float).",
    ),
    Wrong(
        "pair_changes_state",
        lambda: tried((lambda key: ({}, {"n": jnp.zeros(1)}), lambda params, state, x: (x, {}))),
        ValueError,
        "Pair: expected a state of the same structure after each call (n), got nothing. Let "
        "`apply` return what `init` made, with other values.",
    ),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: wrong.name)
def test_wrong_use(wrong: Wrong) -> None:
    with pytest.raises(wrong.kind) as caught:
        wrong.use()
    assert type(caught.value) is kind_raised(wrong.kind)
    assert str(caught.value) == wrong.message


def test_what_a_module_says_itself_has_a_note() -> None:
    layer = as_layer(eqx.nn.Linear(3, 2, key=KEY), name="head")
    with pytest.raises(TypeError) as caught:
        outputs_of(layer, X)
    assert caught.value.__notes__[-1:] == [
        "Linear 'head': raised by the Equinox module itself, called on float32[6, 4]."
    ]
