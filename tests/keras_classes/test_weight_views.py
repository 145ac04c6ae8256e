"""One object stands for a weight, whichever layer or model is asked."""

import gc
import pickle
import weakref
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Input, Model, Sequential, layers
from jkeras.models import clone_model

X = np.ones((4, 3), np.float32)


class Linear(layers.Layer):
    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 2), name="w")
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, x):
        return x @ self.w


def small(*extra: object) -> Sequential:
    return Sequential([Input((3,)), layers.Dense(2, name="first"), *extra])


def test_a_weight_of_a_library_layer_is_one_object() -> None:
    model = small(layers.BatchNormalization())
    dense, norm = model.layers
    assert dense.kernel is model.weights[0] is dense.weights[0] is model.trainable_variables[0]
    assert model.weights[0] in model.trainable_weights
    assert norm.weights == [norm.gamma, norm.beta, norm.moving_mean, norm.moving_variance]
    assert norm.non_trainable_weights == [norm.moving_mean, norm.moving_variance]
    assert len({*model.weights, *dense.weights, *norm.variables}) == len(model.weights) == 6
    trained = {id(weight) for weight in model.trainable_weights}
    assert [id(weight) in trained for weight in model.weights] == [True] * 4 + [False] * 2


@pytest.mark.parametrize("in_model", [False, True])
def test_a_weight_of_a_subclassed_layer_is_its_attribute(in_model: bool) -> None:
    layer = Linear(name="linear")
    model = Sequential([layer]) if in_model else layer
    model(X)
    assert layer.weights == [layer.w, layer.count] == model.weights
    assert layer.trainable_weights == [layer.w]
    assert layer.w is model.trainable_variables[0]
    assert layer.w.path == ("linear/w" if in_model else "w")
    assert [weight.name for weight in layer.weights] == ["w", "variable"]  # as in Keras


def test_a_subclassed_model_shows_its_variables() -> None:
    class Scaled(Model):
        def __init__(self) -> None:
            super().__init__()
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
            self.linear = Linear()
            self.wrapped = layers.TimeDistributed(layers.Dense(2))

        def call(self, x):
            return self.scale * self.wrapped(self.linear(x)[:, None])

    model = Scaled()
    model(X)
    inner = model.linear
    assert model.weights[:2] == [model.scale, inner.w]
    kernel = model.wrapped.layer.kernel
    assert any(weight is kernel for weight in model.trainable_variables)
    model.scale.assign(3.0)
    np.testing.assert_allclose(model.get_weights()[0], 3.0)


def test_a_class_that_extends_a_library_layer_shows_its_weights() -> None:
    class Scaled(layers.Dense):
        def build(self, shape):
            super().build(shape)
            self.scale = self.add_weight(shape=(), initializer="ones", name="scale")

        def call(self, x):
            return super().call(x) * self.scale

    layer = Scaled(2)
    model = Sequential([Input((3,)), layer])
    assert {*layer.weights} == {layer.kernel, layer.bias, layer.scale} == {*model.weights}


def test_models_share_the_object_and_its_value() -> None:
    inner = Sequential([Input((3,)), layers.Dense(2, name="d")], name="encoder")
    outer = Sequential([Input((3,)), inner, layers.Dense(1, name="d")])
    assert inner.weights == outer.weights[:2] == inner.layers[0].weights
    assert outer.weights[0] is inner.layers[0].kernel
    assert [weight.path for weight in outer.weights] == [
        "encoder/d/kernel", "encoder/d/bias", "d/kernel", "d/bias",
    ]  # fmt: skip
    assert [weight.path for weight in inner.weights] == ["d/kernel", "d/bias"]
    outer.weights[0].assign(jnp.ones((3, 2)))
    np.testing.assert_array_equal(inner.get_weights()[0], np.ones((3, 2)))


def test_trainable_of_a_weight_holds_in_all_models_that_have_it() -> None:
    inner = Sequential([Input((3,)), layers.Dense(2)])
    outer = Sequential([Input((3,)), inner, Linear()])
    kernel = inner.weights[0]
    assert outer.weights[0] is kernel
    kernel.trainable = False
    assert not any(kernel is weight for weight in outer.trainable_weights)
    assert not any(kernel is weight for weight in inner.trainable_weights)
    linear = outer.layers[-1]
    linear.w.trainable = False
    assert outer.trainable_weights == [inner.layers[0].bias]
    linear.w.trainable = True
    assert outer.trainable_weights == [inner.layers[0].bias, linear.w]


def test_a_variable_is_assigned_from_outside() -> None:
    layer = Linear()
    model = Sequential([Input((3,)), layer])
    model.build()
    layer.w.assign(jnp.ones((3, 2)))
    np.testing.assert_array_equal(model.predict(X, verbose=0), np.full((4, 2), 3.0))
    layer.w.assign_sub(jnp.ones((3, 2)))
    layer.count.assign_add(2.0)
    assert [float(np.sum(w)) for w in model.get_weights()] == [0.0, 2.0]
    model.compile("sgd", "mse")
    held = layer.w.value
    model.fit(X, X[:, :2], epochs=2, verbose=0)
    assert float(held.sum()) == 0.0  # an array that was handed out stays
    assert float(np.sum(layer.w)) != 0.0


def test_operators_and_functions_of_numpy_are_elementwise() -> None:
    layer, model = Linear(), small()
    layer(X)
    for weight in (layer.w, model.weights[0]):
        plain = weight.numpy()
        np.testing.assert_array_equal(weight == plain, np.ones((3, 2), bool))
        np.testing.assert_allclose(np.exp(weight), np.exp(plain), rtol=1e-6)
        np.testing.assert_allclose(2 * weight - plain, plain, rtol=1e-6)
        np.testing.assert_allclose(plain * weight, plain * plain, rtol=1e-6)
        np.testing.assert_allclose(np.add.reduce(weight), plain.sum(0), rtol=1e-6)
        np.testing.assert_allclose(np.mean(weight), plain.mean(), rtol=1e-6)


def test_a_view_keeps_no_model_alive_through_its_layer() -> None:
    model = small()
    dense = model.layers[0]
    kernel = model.weights[0]
    assert dense.kernel is kernel
    values = weakref.ref(model._trainer_parts.state)
    expected = kernel.numpy()
    del model
    np.testing.assert_array_equal(kernel.numpy(), expected)
    del kernel
    gc.collect()
    assert values() is None
    np.testing.assert_array_equal(Sequential([dense])(X), X @ expected)


def test_a_model_with_views_pickles_and_its_copy_has_its_own() -> None:
    model = small(Linear())
    seen = model.weights
    copy = pickle.loads(pickle.dumps(model.layers[0]))
    assert copy.weights == []
    other = small(Linear())
    assert not {*map(id, seen)} & {*map(id, other.weights)}


def test_the_optimizer_knows_the_views() -> None:
    model = small(Linear())
    model.compile("sgd", "mse")
    before = model.get_weights()
    trained = [*model.layers[0].trainable_weights, *model.layers[1].trainable_weights]
    grads = [jnp.ones(weight.shape) for weight in trained]
    model.optimizer.apply(grads, trained)
    np.testing.assert_allclose(model.get_weights()[0], before[0] - 0.01, rtol=1e-5)
    with pytest.raises(ValueError, match="a gradient for each of the 3 trainable"):
        model.optimizer.apply(grads, trained[::-1])


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (layers.Embedding(4, 3), np.ones((1, 2), np.int32)),
        (layers.Embedding(4, 3, weights=np.ones((4, 3))), np.ones((1, 2), np.int32)),
        (layers.Bidirectional(layers.LSTM(2)), np.ones((1, 2, 3), np.float32)),
    ],
)
def test_layers_with_an_argument_weights_show_their_weights(layer: layers.Layer, x) -> None:
    assert layer.weights == []
    given = layer.get_config()
    model = Sequential([layer])
    model(x)
    assert layer.weights == layer.variables == model.weights != []
    assert layer.get_config() == given
    assert layer.renamed("other") == layer.renamed("other") != layer
    again = type(layer).from_config(given)
    assert again == layer and again.weights == []
    copy = clone_model(model)
    copy(x)
    assert [weight.shape for weight in copy.weights] == [weight.shape for weight in model.weights]
    assert copy.layers[0].argument("weights") == layer.argument("weights")


@pytest.mark.parametrize(
    ("layer", "shape", "ruled"),
    [
        (layers.Dense(3, kernel_constraint="non_neg", kernel_regularizer="l2"), (2,), ["kernel"]),
        (layers.Conv1D(3, 1, bias_constraint="non_neg", bias_regularizer="l2"), (4, 2), ["bias"]),
        (
            layers.LSTM(3, recurrent_constraint="non_neg", recurrent_regularizer="l2"),
            (4, 2),
            ["recurrent_kernel"],
        ),
        (layers.Dense(3), (2,), []),
    ],
)
def test_a_weight_knows_its_constraint_and_its_regularizer(
    layer: Any, shape: Any, ruled: list[str]
) -> None:
    layer.build((None, *shape))
    kinds = (jkeras.constraints.NonNeg, jkeras.regularizers.L2)
    for weight in layer.weights:
        rules = weight.constraint, weight.regularizer
        expected = kinds if weight.name in ruled else (type(None), type(None))
        assert tuple(type(rule) for rule in rules) == expected, weight.path


def test_projections_of_attention_have_the_constraint_of_kernels() -> None:
    layer = layers.MultiHeadAttention(2, 3, kernel_constraint="non_neg")
    layer.build((None, 4, 3), (None, 4, 3))
    rules = {weight.path.split("/", 1)[-1]: weight.constraint for weight in layer.weights}
    assert {name for name, rule in rules.items() if rule is not None} == {
        name for name in rules if name.endswith("kernel")
    }
