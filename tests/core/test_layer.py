"""Layers that users write: about ten lines each, and everything a model does works with them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.core.layer import Layer, activity_losses, option
from jkeras.layers import Dense, Dropout, Input
from jkeras.models import Chain
from jkeras.ops import constraints, regularizers

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)
KEY = jax.random.key(0)


class Scale(Layer):
    """Weights only."""

    start: float = 1.0
    gain_regularizer: Any = option(default=None, convert=regularizers.get)
    gain_constraint: Any = option(default=None, convert=constraints.get)

    def init(self, key, inputs):
        return {"gain": jnp.full(inputs.shape[-1:], self.start)}, {}

    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs * params["gain"][None], state


class Counter(Layer):
    """State only: how many training steps it has seen."""

    def init(self, key, inputs):
        return {}, {"seen": jnp.zeros((), jnp.int32)}

    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs, {"seen": state["seen"] + int(training)}


class Noise(Layer):
    """Random while training."""

    size: float = 0.1

    def apply(self, params, state, inputs, *, key=None, training=False):
        if not training:
            return inputs, state
        return inputs + self.size * jax.random.normal(self.need_key(key), inputs.shape), state


class Residual(Chain):
    """Layers around which the inputs are carried."""

    def apply(self, params, state, inputs, **options):
        outputs, state = super().apply(params, state, inputs, **options)
        return inputs + outputs, state


class Difference(Layer):
    """A dict of two inputs."""

    def apply(self, params, state, inputs, *, key=None, training=False):
        return inputs["a"] - inputs["b"], state


def trained(*layers: Layer, epochs: int = 1) -> jkeras.Sequential:
    """A model that has been fitted to the sums of the rows."""
    model = jkeras.Sequential([*layers], seed=0)
    model.compile(jkeras.optimizers.SGD(0.01), "mse")
    losses = model.fit(X, Y, batch_size=4, epochs=epochs, verbose=0).history["loss"]
    assert epochs == 1 or losses[-1] < losses[0]
    return model


def test_custom_layers_of_every_kind_train_in_one_model() -> None:
    block = Residual([Dense(4), Noise(), Dropout(0.1)])
    model = trained(Scale(2.0), Counter(), block, Noise(0.01), Dense(1), epochs=3)
    assert [layer.name for layer in model.layers] == [
        "scale", "counter", "residual", "noise", "dense",
    ]  # fmt: skip
    assert int(model.state["counter"]["seen"]) == 6
    assert not np.allclose(model.params["scale"]["gain"], 2.0)
    assert set(model.params["residual"]) == {"dense"}
    np.testing.assert_array_equal(model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_residual_block_adds_its_inputs() -> None:
    block = Residual([Dense(4, kernel_initializer="zeros")])
    params, state = block.init(KEY, X)
    np.testing.assert_array_equal(block.apply(params, state, X)[0], X)


def test_a_layer_may_take_a_dict() -> None:
    model = jkeras.Sequential([Difference(), Dense(1)], seed=0)
    model.compile("sgd", "mse")
    data = {"a": X, "b": X[::-1]}
    model.fit(data, Y, batch_size=3, verbose=0)
    kernel, bias = model.get_weights()
    expected = (X - X[::-1]) @ kernel + bias
    np.testing.assert_allclose(model.predict(data, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_training_needs_a_key_where_a_layer_draws() -> None:
    with pytest.raises(ValueError) as caught:
        Noise(name="n").apply({}, {}, X, training=True)
    assert str(caught.value) == (
        "Noise 'n': expected a random `key` while training, got None. "
        "Pass one: apply(params, state, inputs, key=jax.random.key(0), training=True)."
    )


def test_a_layer_without_apply_says_so() -> None:
    class Nothing(Layer):
        """Not finished."""

    with pytest.raises(NotImplementedError) as caught:
        Nothing().apply({}, {}, X)
    assert str(caught.value) == (
        "Nothing: expected a method `apply(self, params, state, *inputs, key=None, "
        "training=False)` that returns (outputs, state), and the class defines none."
    )


def test_a_regularizer_field_penalises_the_weight_of_its_name() -> None:
    layer = Scale(3.0, gain_regularizer="l2")
    params, _ = layer.init(KEY, X)
    assert float(layer.penalty(params)) == pytest.approx(0.01 * 4 * 9)
    assert layer.replace(gain_regularizer=None).penalty(params) == 0.0
    model = jkeras.Sequential([layer], seed=0)
    model.compile("sgd", "mse")
    plain = jkeras.Sequential([Scale(3.0)], seed=0)
    plain.compile("sgd", "mse")
    got, without = (m.evaluate(X, X, verbose=0) for m in (model, plain))
    assert got - without == pytest.approx(0.36, rel=1e-5)


def test_recurrent_rules_belong_to_the_recurrent_kernel() -> None:
    layer = jkeras.layers.SimpleRNN(2, recurrent_regularizer="l2", recurrent_constraint="non_neg")
    params, _ = layer.init(KEY, jax.ShapeDtypeStruct((1, 3, 2), jnp.float32))
    params["recurrent_kernel"] = jnp.array([[1.0, -2.0], [0.0, 3.0]])
    assert float(layer.penalty(params)) == pytest.approx(0.01 * 14)
    constrained = layer.constrain(params)
    assert constrained["recurrent_kernel"].tolist() == [[1, 0], [0, 3]]
    assert constrained["kernel"] is params["kernel"]


def test_constraints_hold_after_every_update() -> None:
    model = trained(Dense(1, kernel_constraint="non_neg", kernel_initializer="ones"))
    before = float(model.params["dense"]["kernel"].min())
    model.fit(-X * 50, Y * 50, batch_size=8, verbose=0)
    assert before > 0 and float(model.params["dense"]["kernel"].min()) == 0


def test_an_activity_penalty_is_divided_by_the_batch_size() -> None:
    model = jkeras.Sequential([Dense(3, activity_regularizer="l2")], seed=0)
    model.compile("sgd", "mse")
    model.build((None, 4))
    hidden = model.predict(X, verbose=0)
    mse, penalty = np.mean((hidden - X[:, :3]) ** 2), 0.01 * np.sum(hidden**2) / len(X)
    assert model.evaluate(X, X[:, :3], verbose=0) == pytest.approx(mse + penalty, rel=1e-5)


def test_the_losses_of_activities_are_found_at_any_depth() -> None:
    net = Chain([Chain([Dense(2, activity_regularizer="l1")]), Dense(2, activity_regularizer="l1")])
    _, state = net.init(KEY, X)
    assert len(activity_losses(state)) == 2
    assert activity_losses({}) == activity_losses(()) == []


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_layer_computes_in_the_dtype_of_its_inputs_over_float32_weights(dtype: str) -> None:
    layer = Dense(3)
    params, state = layer.init(KEY, X)
    outputs, _ = layer.apply(params, state, jnp.asarray(X, dtype))
    assert (outputs.dtype, params["kernel"].dtype) == (jnp.dtype(dtype), jnp.float32)


def test_bfloat16_flows_through_a_model_and_trains_float32_weights() -> None:
    model = trained(Input((4,), dtype="bfloat16"), Dense(4, activation="relu"), Dense(1))
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float32")}
    assert model.predict(X, verbose=0).dtype == jnp.bfloat16
    last = trained(Dense(4, dtype="bfloat16"), Dense(1, dtype="float32"))
    assert last.predict(X, verbose=0).dtype == np.float32


def test_integers_become_float32_and_the_layer_may_say_otherwise() -> None:
    assert Dense(3).cast(np.ones(2, np.uint8)).dtype == jnp.float32
    assert Dense(3, dtype="bfloat16").cast(np.ones(2, np.uint8)).dtype == jnp.bfloat16


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (4, "Dense: `input_shape`: expected a tuple of sizes, got 4 (int). Write (4,)."),
        ("4", "Dense: `input_shape`: expected a tuple of sizes, got '4' (str)."),
    ],
)
def test_an_input_shape_is_a_tuple(shape: object, message: str) -> None:
    assert Dense(3, input_shape=[4]).input_shape == (4,)
    with pytest.raises(TypeError) as caught:
        Dense(3, input_shape=shape)
    assert str(caught.value) == message


def test_a_layer_shows_its_weights_by_name() -> None:
    dense = Dense(3)
    model = jkeras.Sequential([jkeras.Input((2,)), dense])
    model.set_weights([np.full((2, 3), 2.0), np.ones(3)])
    assert dense.kernel.numpy().tolist() == [[2.0] * 3] * 2
    assert model.layers[0].bias.shape == (3,)
    dense.bias.assign(np.zeros(3))
    assert model.get_weights()[1].tolist() == [0.0] * 3


def test_a_layer_without_such_a_weight_says_so() -> None:
    for layer, name in ((Dense(3), "kernel"), (Dense(3), "kernle"), (Dense(3), "gamma")):
        with pytest.raises(AttributeError) as caught:
            getattr(layer, name)
        assert str(caught.value) == f"'Dense' object has no attribute '{name}'"


def test_a_layer_of_a_graph_has_weights_before_anything_ran() -> None:
    inputs = jkeras.Input((2,))
    dense = Dense(3)
    model = jkeras.Model(inputs, dense(inputs))
    assert [weight.shape for weight in dense.get_weights()] == [(2, 3), (3,)]
    dense.set_weights([np.ones((2, 3)), np.ones(3)])
    assert float(sum(weight.sum() for weight in model.get_weights())) == 9.0
