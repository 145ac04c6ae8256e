"""Layers and models called on arrays: numbers that a seed fixes, and state that a call moves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L

ONES = {"kernel_initializer": "ones", "recurrent_initializer": "ones"}

SEEDED = {
    "Dropout": (lambda seed: L.Dropout(0.3, seed=seed), [(4, 8)]),
    "GaussianNoise": (lambda seed: L.GaussianNoise(0.5, seed=seed), [(4, 8)]),
    "GaussianDropout": (lambda seed: L.GaussianDropout(0.3, seed=seed), [(4, 8)]),
    "AlphaDropout": (lambda seed: L.AlphaDropout(0.3, seed=seed), [(4, 8)]),
    "SpatialDropout1D": (lambda seed: L.SpatialDropout1D(0.5, seed=seed), [(2, 5, 8)]),
    "LSTM": (lambda seed: L.LSTM(3, dropout=0.5, seed=seed, **ONES), [(2, 5, 8)]),
    "ConvLSTM1D": (lambda seed: L.ConvLSTM1D(2, 2, dropout=0.5, seed=seed, **ONES), [(2, 3, 5, 3)]),
    "RNN": (lambda seed: L.RNN(L.GRUCell(3, dropout=0.5, seed=seed, **ONES)), [(2, 5, 8)]),
    "Bidirectional": (
        lambda seed: L.Bidirectional(L.LSTM(3, dropout=0.5, seed=seed, **ONES)),
        [(2, 5, 8)],
    ),
    "TimeDistributed": (lambda seed: L.TimeDistributed(L.Dropout(0.5, seed=seed)), [(2, 5, 8)]),
    "Attention": (lambda seed: L.Attention(dropout=0.5, seed=seed), [(2, 5, 8)] * 2),
    "MultiHeadAttention": (
        lambda seed: L.MultiHeadAttention(2, 3, dropout=0.5, seed=seed, kernel_initializer="ones"),
        [(2, 5, 8)] * 2,
    ),
    "a model": (lambda seed: K.Sequential([L.Dropout(0.5, seed=seed)]), [(4, 8)]),
}


def called(layer, inputs):
    given = [list(inputs)] if type(layer).__name__ == "Attention" else inputs
    return np.asarray(jax.tree.leaves(layer(*given, training=True))[0])


@pytest.mark.parametrize(("make", "shapes"), SEEDED.values(), ids=SEEDED.keys())
def test_equal_seeds_draw_equal_numbers(make, shapes):
    rng = np.random.default_rng(0)
    inputs = [rng.normal(1, 1, shape).astype("float32") for shape in shapes]
    layers = [make(7), make(7), make(8)]
    first, same, other = (called(layer, inputs) for layer in layers)
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    second, again = (called(layer, inputs) for layer in layers[:2])
    assert not np.array_equal(first, second), "each call draws anew"
    np.testing.assert_array_equal(second, again)


def test_without_a_seed_equal_layers_differ():
    x = np.ones((4, 8), "float32")
    assert not np.array_equal(L.Dropout(0.5)(x, training=True), L.Dropout(0.5)(x, training=True))


def test_a_key_may_be_passed():
    x, key = np.ones((4, 8), "float32"), jax.random.key(3)
    layer = L.Dropout(0.5)
    eager = layer(x, training=True, key=key)
    np.testing.assert_array_equal(eager, layer(x, training=True, key=key))
    compiled = jax.jit(lambda key: layer(x, training=True, key=key))(key)
    np.testing.assert_array_equal(eager, compiled)


def test_a_draw_in_the_users_program_says_how_to_pass_a_key():
    with pytest.raises(ValueError, match=r"to the layer: layer\(x, training=True, key=key\)"):
        jax.jit(lambda x: L.Dropout(0.5)(x, training=True))(np.ones((4, 8), "float32"))


def keras_statistics(x, momentum=0.99):
    return x.mean(0) * (1 - momentum), momentum + x.var(0) * (1 - momentum)


@pytest.mark.parametrize("kind", ["chain", "graph", "subclassed", "layer"])
def test_a_call_in_training_moves_statistics(kind):
    layer = L.BatchNormalization()
    if kind == "chain":
        model = K.Sequential([K.Input((3,)), layer])
    elif kind == "graph":
        inputs = K.Input((3,))
        model = K.Model(inputs, layer(inputs))
    elif kind == "subclassed":

        class Net(K.Model):
            def __init__(self):
                super().__init__()
                self.norm = layer

            def call(self, x, training=False):
                return self.norm(x, training=training)

        model = Net()
    else:
        model = layer
    x = np.random.default_rng(0).normal(2, 3, (20, 3)).astype("float32")
    model(x)
    np.testing.assert_array_equal(layer.get_weights()[2], np.zeros(3))
    model(x, training=True)
    mean, variance = keras_statistics(x)
    np.testing.assert_allclose(layer.get_weights()[2], mean, rtol=1e-5)
    np.testing.assert_allclose(layer.get_weights()[3], variance, rtol=1e-5)
    before = layer.get_weights()
    jax.jit(lambda x: model(x, training=True))(x)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_both_directions_start_anew_after_a_reset():
    layer = L.Bidirectional(L.GRU(3, stateful=True))
    model = K.Sequential([K.Input(batch_shape=(2, 3, 4)), layer])
    x = np.linspace(-1.0, 1.0, 24, dtype=np.float32).reshape(2, 3, 4)
    first, second = model(x), model(x)
    assert not np.allclose(first, second)
    for reset in (layer.reset_state, layer.reset_states):
        reset()
        np.testing.assert_array_equal(model(x), first)


def test_a_stateful_model_carries_its_state_from_call_to_call():
    """The numbers of Keras 3.15.1 on JAX."""
    layer = L.GRU(2, stateful=True, **ONES)
    model = K.Sequential([K.Input(batch_shape=(2, 3, 1)), layer])
    model.compile("sgd", "mse")
    x = np.linspace(0, 1, 12).reshape(4, 3, 1).astype("float32") / 3
    calls = [np.asarray(model(x[:2]))[:, 0] for _ in range(2)]
    np.testing.assert_allclose(calls[0], [0.04410263, 0.1660637], rtol=1e-5)
    np.testing.assert_allclose(calls[1], [0.09019765, 0.33800194], rtol=1e-5)
    np.testing.assert_allclose(
        model.predict_on_batch(x[:2])[:, 0], [0.14327236, 0.50584567], rtol=1e-5
    )
    layer.reset_states()
    np.testing.assert_allclose(np.asarray(model(x[:2]))[:, 0], calls[0], rtol=1e-6)
    loss = model.evaluate(x, np.zeros((4, 2)), batch_size=2, verbose=0)
    np.testing.assert_allclose(loss, 0.10430525, rtol=1e-5)


def test_token_by_token_equals_the_whole_sequence():
    whole = K.Sequential([K.Input((5, 2)), L.LSTM(3, return_sequences=True)], seed=1)
    step = K.Sequential([K.Input(batch_shape=(1, 1, 2)), L.LSTM(3, stateful=True)])
    step.set_weights(whole.get_weights())
    x = np.random.default_rng(0).normal(size=(1, 5, 2)).astype("float32")
    steps = [np.asarray(step(x[:, i : i + 1])) for i in range(5)]
    np.testing.assert_allclose(np.stack(steps, 1), whole(x), rtol=1e-5, atol=1e-6)


def test_a_fixed_batch_is_taken_by_a_call():
    model = K.Sequential([K.Input(batch_shape=(2, None, 3)), L.Dense(1)])
    x = np.ones((2, 6, 3), "float32")
    assert model(x).shape == (2, 6, 1)
    np.testing.assert_allclose(model(x), model.predict(x, batch_size=2, verbose=0), rtol=1e-6)
    inputs = K.Input(batch_shape=(2, 4))
    graph = K.Model(inputs, L.Dense(1)(inputs))
    assert graph(np.ones((2, 4), "float32")).shape == (2, 1)
    assert graph(np.ones((3, 4), "float32")).shape == (3, 1)  # as in Keras


def test_first_use_in_the_users_program():
    x = np.ones((5, 4), "float32")

    def small():
        return K.Sequential([K.Input((4,)), L.Dense(8), L.Dense(1)], seed=0)

    expected = np.asarray(small()(x))
    for model in (small(), K.Sequential([L.Dense(8), L.Dense(1)], seed=0)):
        np.testing.assert_allclose(jax.jit(lambda x, m=model: m(x))(x), expected, rtol=1e-5)
        np.testing.assert_allclose(model(x), expected, rtol=1e-5)
    model = small()
    total = jax.jit(lambda x: sum(v.value.sum() for v in model.trainable_variables) + x.sum())(x)
    np.testing.assert_allclose(total, sum(w.sum() for w in model.get_weights()) + 20, rtol=1e-5)
    model = small()
    _, rows = jax.lax.scan(lambda carry, row: (carry, model(row[None])[0]), 0, x)
    np.testing.assert_allclose(rows, expected, rtol=1e-5)
    model = small()
    np.testing.assert_allclose(jax.vmap(lambda row: model(row[None])[0])(x), expected, rtol=1e-5)
    model = small()
    assert jax.grad(lambda x: model(x).sum())(x).shape == (5, 4)
    dense = L.Dense(3)
    assert jax.grad(lambda x: dense(x).sum())(jnp.asarray(x)).shape == (5, 4)


@pytest.mark.parametrize("layer", [L.Dropout(0.5), L.GaussianNoise(1.0)])
def test_a_drawing_layer_in_the_users_own_jit_wants_a_key(layer: L.Layer) -> None:
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(jax.jit(lambda x: layer(x))(x), x)
    np.testing.assert_array_equal(jax.jit(lambda x: layer(x, training=False))(x), x)
    with pytest.raises(ValueError, match=r"layer\(x, training=True, key=key\)\."):
        jax.jit(lambda x: layer(x, training=True))(x)
    noisy = jax.jit(lambda x, key: layer(x, training=True, key=key))
    keys = jax.random.split(jax.random.key(0))
    first, second = (np.asarray(noisy(x, key)) for key in keys)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, noisy(x, keys[0]))
    assert not np.array_equal(layer(x, training=True), x)  # and outside it still draws
