"""When a layer is built, and from which shapes: by `build`, by a call on symbols or on arrays."""

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L


class Own(L.Layer):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], 2), name="kernel")

    def call(self, x):
        return x @ self.kernel


class Plain(L.Layer):
    def call(self, x):
        return x + 1


@pytest.mark.parametrize("layer", [L.ReLU(), L.Dropout(0.5), L.Flatten(), L.UnitNormalization()])
def test_a_class_without_weights_is_built_from_the_start(layer):
    assert layer.built


@pytest.mark.parametrize("layer", [L.Embedding(3, 2), L.ReversibleEmbedding(3, 2)])
@pytest.mark.parametrize("shapes", [(), (None,), ((None, 4),)])
def test_a_table_needs_no_shape(layer, shapes):
    layer = layer.replace()
    layer.build(*shapes)
    assert layer.embeddings.shape == (3, 2)
    with pytest.raises(TypeError, match="expected an input, got none"):
        L.Dense(2).build()


def test_a_subclass_with_a_build_of_its_own_is_not():
    class Later(L.ReLU):
        def build(self, input_shape):
            pass

    assert not Later().built


@pytest.mark.parametrize("make", [lambda: L.Dense(2), Own, Plain])
def test_a_call_builds(make):
    assert not make().built
    on_arrays, on_symbols, by_shape = make(), make(), make()
    on_arrays(np.ones((3, 4), "float32"))
    on_symbols(K.Input((4,)))
    by_shape.build((None, 4))
    assert on_arrays.built and on_symbols.built and by_shape.built


@pytest.mark.parametrize("make", [lambda: L.Dense(2), Own])
def test_a_call_on_symbols_makes_weights_that_a_model_shares(make):
    layer, inputs = make(), K.Input((4,))
    outputs = layer(inputs)
    assert layer.weights[0].shape == (4, 2)
    model = K.Model(inputs, outputs)
    np.testing.assert_array_equal(model.get_weights()[0], layer.get_weights()[0])
    layer.set_weights([np.ones_like(w) for w in layer.get_weights()])
    np.testing.assert_array_equal(model(jnp.ones((1, 4))), layer(jnp.ones((1, 4))))


def test_shapes_are_given_by_name():
    dense = L.Dense(2)
    dense.build(input_shape=(None, 4))
    assert dense.kernel.shape == (4, 2)
    own = Own()
    own.build(input_shape=(None, 3))
    assert own.kernel.shape == (3, 2)
    attention = L.MultiHeadAttention(2, 3)
    attention.build(query_shape=(1, 5, 8), value_shape=(1, 4, 6), key_shape=None)
    assert [w.shape for w in attention.weights[:4:2]] == [(8, 2, 3), (6, 2, 3)]
    lstm = L.LSTM(2)
    lstm.build(sequences_shape=(None, 5, 3), initial_state_shape=[(None, 2), (None, 2)])
    assert lstm.weights[0].shape == (3, 8)


def test_autocast_says_whether_inputs_are_cast():
    seen = []

    class Mixed(L.Layer):
        def call(self, x):
            seen.append(x.dtype)
            return x

    Mixed(dtype="mixed_bfloat16")(np.ones(2, "float32"))
    Mixed(dtype="mixed_bfloat16", autocast=False)(np.ones(2, "float32"))
    assert list(dict.fromkeys(dtype.name for dtype in seen)) == ["bfloat16", "float32"]
    assert L.Dense(2).autocast and not Mixed(autocast=False).autocast
