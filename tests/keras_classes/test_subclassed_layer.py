"""Layers written in Keras's way: pure functions, whatever the class does with its attributes."""

from __future__ import annotations

import copy
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers, ops
from jkeras.models import Chain
from tests.golden.subclassing_cases import linear_class

Linear = linear_class(jkeras)
X = jnp.arange(6.0).reshape(2, 3)
KEY = jax.random.key(0)


class Noted(layers.Layer):
    """Notes what it saw, counts, draws, and adds a loss while it is trained."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.inner = {"a": [Linear(2)], "b": layers.Dropout(0.5)}
        self.count = self.add_weight(dtype="int32", trainable=False)

    def call(self, x: Any, scale: Any = 1.0, training: bool = False) -> Any:
        self.seen = x
        self.count.assign_add(1)
        if training:
            self.add_loss(ops.sum(x))
            x = x + 0 * jkeras.random.normal(x.shape)
        return self.inner["b"](self.inner["a"][0](x)) * scale


class Interleaved(layers.Layer):
    """Two lists that grow in turns, and an attribute that is filled last."""

    def __init__(self) -> None:
        super().__init__()
        self.last: Any = None
        self.even: list[Any] = []
        self.odd: list[Any] = []
        for units in (1, 3):
            self.even.append(layers.Dense(units, use_bias=False))
            self.odd.append(layers.Dense(units + 1, use_bias=False))
        self.stem = jkeras.Sequential()
        self.middle = layers.Dense(5, use_bias=False)
        self.stem.add(layers.Dense(6, use_bias=False))
        self.last = layers.Dense(7, use_bias=False)

    def call(self, x: Any) -> Any:
        return x


def test_layers_have_the_order_in_which_they_came() -> None:
    layer = Interleaved()
    for made in (layer, copy.deepcopy(layer)):
        assert [getattr(part, "units", "stem") for part in made.layers] == [
            1,
            2,
            3,
            4,
            "stem",
            5,
            7,
        ]


class Ordered(layers.Layer):
    """An input behind the flags."""

    def call(
        self, x: Any, mask: Any = None, other: Any = 0.0, training: bool = False, gain: float = 1.0
    ) -> Any:
        kept = x if mask is None else ops.where(mask[:, None], x, 0.0)
        return gain * (kept + other) + (100.0 if training else 0.0)


def test_inputs_behind_mask_and_training_find_their_place() -> None:
    layer, mask = Ordered(), jnp.asarray([True, False])
    np.testing.assert_array_equal(layer(X, other=X, gain=0.5), X)
    masked = jnp.where(mask[:, None], 2 * X, X)
    np.testing.assert_array_equal(layer(X, mask, X), masked)
    np.testing.assert_array_equal(layer(X, mask, X, True), 100.0 + masked)
    symbol = jkeras.Input((3,))
    model = jkeras.Model(symbol, layer(symbol, other=symbol, gain=2.0))
    np.testing.assert_array_equal(model.net.apply({}, {}, X)[0], 4 * X)


class OnTwo(layers.Layer):
    """Its `build` has one argument, its `call` two inputs."""

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(shape=(input_shape[-1],), initializer="ones")

    def call(self, first: Any, second: Any) -> Any:
        return first * self.kernel + ops.sum(second)


def test_build_hears_of_the_first_of_several_inputs() -> None:
    np.testing.assert_array_equal(OnTwo()(X, X[:, :2]), X + 8)


def test_a_graph_writes_down_a_layer_without_a_configuration_of_its_own() -> None:
    symbol = jkeras.Input((3,))
    config = jkeras.Model(symbol, OnTwo(name="on_two")(symbol, symbol)).get_config()
    assert config["layers"][1]["config"] == {"name": "on_two", "trainable": True, "dtype": None}


def test_the_functions_are_pure_and_go_under_jit_grad_and_vmap() -> None:
    layer = Linear(2)
    params, state = layer.init(KEY, X)
    assert jax.tree.map(jnp.shape, params) == {"w": (3, 2), "b": (2,)}

    def total(params: Any, x: Any) -> Any:
        return layer.apply(params, state, x)[0].sum()

    expected = (X @ params["w"] + params["b"][None]).sum()
    assert float(total(params, X)) == pytest.approx(float(expected))
    grads = jax.jit(jax.grad(total))(params, X)
    np.testing.assert_allclose(grads["w"], np.outer(X.sum(0), [1, 1]), rtol=1e-6)
    many = jax.vmap(lambda key: layer.init(key, X)[0])(jax.random.split(KEY, 3))
    each = jax.vmap(total, in_axes=(0, None))(many, X)
    alone = [total(jax.tree.map(lambda a, i=i: a[i], many), X) for i in range(3)]
    np.testing.assert_allclose(each, alone, rtol=1e-5)


def test_the_state_has_one_structure_and_what_is_assigned_comes_out() -> None:
    layer = Noted()
    params, state = layer.init(KEY, X)
    assert list(params) == ["linear"]
    assert jax.tree.map(int, state) == {"count": 0, "losses": {"activity_loss": 0}}
    for training, loss in ((False, 0), (True, 15)):
        _, new = layer.apply(params, state, X, key=KEY, training=training)
        assert jax.tree.map(int, new) == {"count": 1, "losses": {"activity_loss": loss}}
    assert int(state["count"]) == 0


def test_two_objects_share_nothing_and_one_at_two_places_is_one() -> None:
    shared, other = Linear(3), Linear(3)
    net = Chain([shared, other, shared])
    params, state = net.init(KEY, X)
    assert [layer.name for layer in net.layers] == ["linear", "linear_1", "linear"]
    assert list(params) == ["linear", "linear_1"]
    assert not np.array_equal(params["linear"]["w"], params["linear_1"]["w"])
    by_hand = X
    for name in ("linear", "linear_1", "linear"):
        by_hand = by_hand @ params[name]["w"] + params[name]["b"][None]
    np.testing.assert_allclose(net.apply(params, state, X)[0], by_hand, rtol=1e-5)


def test_arguments_by_name_are_inputs_and_symbols_too() -> None:
    layer, scale = Noted(), jkeras.Input(())
    outputs = layer(jkeras.Input((3,)), scale=scale[:, None])
    assert outputs.shape == (None, 2)
    params, state = layer.init(KEY, X)
    once = layer.apply(params, state, X)[0]
    np.testing.assert_allclose(layer.apply(params, state, X, scale=2.0)[0], 2 * once)


def test_a_traced_array_in_an_attribute_says_so_when_it_is_used() -> None:
    layer = Noted()
    layer.init(KEY, X)
    with pytest.raises(RuntimeError) as caught:
        layer.seen + 1
    assert str(caught.value) == (
        "Noted 'noted': `self.seen` was set in `call` while a program was compiled, so it holds "
        "no array. Return it from `call`, or keep it in a weight made by "
        "self.add_weight(trainable=False) and assigned."
    )


def test_regularizers_constraints_and_frozen_layers() -> None:
    layer = Linear(2)
    params, _ = layer.init(KEY, X)
    assert float(layer.penalty(params)) == pytest.approx(float(0.01 * (params["w"] ** 2).sum()))
    assert bool((layer.constrain(params)["w"] >= 0).all())
    layer.trainable = False
    assert layer.penalty(params) == 0.0
    np.testing.assert_array_equal(layer.constrain(params)["w"], params["w"])


def test_configurations_and_copies_are_other_objects() -> None:
    layer = Linear(4, name="mine")
    config = layer.get_config()
    assert config == {"name": "mine", "trainable": True, "dtype": None, "units": 4}
    again = Linear.from_config(config)
    assert (again.units, again.name, again == layer) == (4, "mine", False)
    layer.init(KEY, X)
    assert copy.copy(layer).units == 4
    assert layer.replace(name="other").units == 4


def test_a_narrow_dtype_casts_inputs_and_weights() -> None:
    layer = Linear(2, dtype="bfloat16")
    params, state = layer.init(KEY, X)
    assert params["w"].dtype == jnp.float32
    assert layer.apply(params, state, X)[0].dtype == jnp.bfloat16


# -- on arrays, without a model


def test_a_layer_called_on_arrays_keeps_weights_that_models_share() -> None:
    for layer in (layers.Dense(2), Linear(2)):
        assert (layer.built, layer.weights, layer.get_weights()) == (False, [], [])
        outputs = layer(np.asarray(X))
        assert (layer.built, layer.count_params()) == (True, 8)
        model = jkeras.Sequential([jkeras.Input((3,)), layer], seed=1)
        np.testing.assert_allclose(model(X), outputs, rtol=1e-6)
        layer.set_weights([np.ones((3, 2)), np.zeros(2)])
        np.testing.assert_allclose(model(X), layer(X))
        model.layers[0].set_weights([np.zeros((3, 2)), np.ones(2)])
        np.testing.assert_array_equal(layer(X), np.ones((2, 2)))
        assert [weight.name for weight in layer.trainable_weights] in (
            ["kernel", "bias"],
            ["w", "b"],
        )


def test_outside_a_variable_shows_what_the_model_has() -> None:
    layer = Noted()
    model = jkeras.Sequential([layer])
    model(X)
    model.compile("sgd", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), batch_size=2, verbose=0)
    assert int(layer.count) == 3  # the call counts, as in Keras
    assert layer.inner["a"][0].w.shape == (3, 2)


# -- wrong uses


class Lazy(layers.Layer):
    """Makes a weight too late."""

    def call(self, x: Any) -> Any:
        return x * self.add_weight(name="late")


class Forgetful(layers.Layer):
    """Does not call its base."""

    def __init__(self) -> None:
        self.units = 3

    def call(self, x: Any) -> Any:
        return x


class ForgetfulOfLayers(Forgetful):
    """Does not call its base before it makes a layer."""

    def __init__(self) -> None:
        self.dense = layers.Dense(3)


class Assigning(layers.Layer):
    """Assigns what the optimizer changes."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(3,), name="w")

    def call(self, x: Any) -> Any:
        self.w.assign(self.w * 2.0)
        return x


class Fresh(layers.Layer):
    """Makes a layer in every call."""

    def call(self, x: Any) -> Any:
        return layers.Dense(3)(x)


class Silent(layers.Layer):
    """Returns nothing."""

    def call(self, x: Any) -> Any:
        del x


class WithoutCall(jkeras.Model):
    """A model that is never run."""


class Unknown(layers.Layer):
    """Has a weight of unknown size."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=shape)

    def call(self, x: Any) -> Any:
        return x


class Reshaping(Assigning):
    """Assigns another shape."""

    def build(self, shape: Any) -> None:
        self.w = self.add_weight(shape=(3,), trainable=False, name="w")

    def call(self, x: Any) -> Any:
        self.w.assign(x)
        return x


class NoCall(jkeras.Model):
    """Has neither `call` nor inputs."""

    def __init__(self) -> None:
        super().__init__()


def _init(layer: Any) -> Any:
    return layer.init(KEY, X)


WRONG: dict[str, tuple[Any, type[Exception], str]] = {
    "a weight made in call": (
        lambda: _init(Lazy()),
        ValueError,
        "Lazy 'lazy': add_weight was called in `call`, where a weight would be new every time. "
        "Call it in `build(self, input_shape)` or in `__init__`.",
    ),
    "super().__init__ forgotten": (
        lambda: _init(Forgetful()),
        RuntimeError,
        "Forgetful: expected `super().__init__()` at the beginning of `__init__`, and it was not "
        "called. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs).",
    ),
    "a layer before super().__init__": (
        ForgetfulOfLayers,
        RuntimeError,
        "ForgetfulOfLayers: expected `super().__init__()` at the beginning of `__init__`, and it "
        "was not called. Write def __init__(self, ..., **kwargs): super().__init__(**kwargs).",
    ),
    "a trained weight assigned": (
        lambda: _init(Assigning()),
        ValueError,
        "Assigning 'assigning', called on inputs of shape (2, 3): <Variable 'w' shape=(3,), "
        "dtype=float32>: a trained weight is changed by the optimizer, and cannot be assigned "
        "inside `call`. Make it with trainable=False.",
    ),
    "another shape assigned": (
        lambda: _init(Reshaping()),
        ValueError,
        "Reshaping 'reshaping', called on inputs of shape (2, 3): <Variable 'w' shape=(3,), "
        "dtype=float32>: assign: expected shape (3,), got (2, 3).",
    ),
    "a layer made in call": (
        lambda: _init(Fresh()),
        ValueError,
        "Dense: it has weights, and is no attribute of Fresh 'fresh', where it was called: they "
        "would be new in every call. Make it in `__init__`, self.dense = ..., and call "
        "self.dense(...).",
    ),
    "call returns nothing": (
        lambda: _init(Silent()),
        ValueError,
        "Silent 'silent': expected `call` to return its outputs, got None (NoneType). End it with "
        "return.",
    ),
    "a size that is not known": (
        lambda: _init(Unknown()),
        ValueError,
        "Unknown 'unknown': add_weight: `shape`: expected known sizes, got (None, 3). Give that "
        "axis a size in Input.",
    ),
    "a weight of a model, of no size": (
        lambda: WithoutCall(name="mine").add_weight(shape="a"),
        TypeError,
        "WithoutCall 'mine': add_weight: `shape`: expected sizes, got 'a' (str).",
    ),
    "an argument that call lacks": (
        lambda: Linear(2)(X, scale=2.0),
        TypeError,
        "Linear 'linear': call: unexpected argument `scale`. Arguments: inputs, training, mask.",
    ),
    "an argument that the constructor lacks": (
        lambda: Linear(2, nmae="x"),
        TypeError,
        "Linear: unexpected argument `nmae`. Did you mean 'name'? Arguments: name, dtype, "
        "input_shape, trainable.",
    ),
    "add_loss outside of call": (
        lambda: Noted().add_loss(1.0),
        ValueError,
        "Noted 'noted': add_loss was called outside of `call`. What depends on weights alone is a "
        "regularizer: self.add_weight(regularizer=...).",
    ),
    "a model without call and inputs": (
        lambda: NoCall()(np.ones((2, 3))),
        NotImplementedError,
        "NoCall: expected a method `call(self, inputs)` that returns the outputs, and the class "
        "defines none.",
    ),
    "weights for an unbuilt layer": (
        lambda: layers.Dense(2).set_weights([np.ones(2)]),
        ValueError,
        "Dense: `weights`: expected 0 arrays, as get_weights() returns, got 1. It has none before "
        "it is built: layer.build((None, ...)).",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_the_message_says_what_to_do(case: str) -> None:
    wrong, kind, message = WRONG[case]
    with pytest.raises(kind) as caught:
        wrong()
    assert str(caught.value) == message


class Around(layers.TimeDistributed):
    """Written over a layer around a layer, with a second layer beside."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(layers.Dense(2), **kwargs)
        self.beside = layers.Dense(3)

    def call(self, x: Any) -> Any:
        return self.beside(x)


def test_what_a_wrapper_tells_of_itself_does_not_hold_for_a_class_over_it() -> None:
    plain, layer = layers.TimeDistributed(layers.Dense(2)), Around()
    assert plain.sublayer_paths() == [((), layers.Dense(2))]
    assert plain.wrapped_layer() == layers.Dense(2) and plain.named_sublayers() == []
    found = [(path, part.units) for path, part in layer.sublayer_paths()]
    assert found == [(("dense",), 2), (("dense_1",), 3)]
    assert [part.name for part in layer.named_sublayers()] == ["dense", "dense_1"]
    assert layer.wrapped_layer() is None and not layer.made_of_layers
    assert layer.renamed("other").beside is layer.beside
