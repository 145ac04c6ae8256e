"""Small things that users of Keras rely on: options that are checked, losses, masks, code."""

import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L

X = np.arange(6, dtype="float32").reshape(2, 3)


@pytest.mark.parametrize("shape", ["Invalid", (20, 1.5, 10), (20, -1, 10), (20, 0, 10)])
def test_a_noise_shape_is_a_tuple_of_sizes(shape):
    with pytest.raises(ValueError, match="Dropout: `noise_shape`: expected "):
        L.Dropout(0.5, noise_shape=shape)
    assert L.Dropout(0.5, noise_shape=[None, 1]).noise_shape == (None, 1)


def test_a_layer_without_weights_keeps_the_losses_of_its_last_call():
    layer = L.ActivityRegularization(l1=0.5, l2=0.25)
    assert layer.losses == []
    layer(X)
    assert [float(loss) for loss in layer.losses] == [(0.5 * 15 + 0.25 * 55) / 2]  # an example
    layer(X[:1])
    assert [float(loss) for loss in layer.losses] == [0.5 * 3 + 0.25 * 5]


def test_masks_of_merged_inputs_are_a_list_of_arrays_or_variables():
    layer, inputs = L.Add(), [K.Input((3,)), K.Input((3,))]
    masks = [K.Variable([True, False]), np.array([False, False])]
    assert layer.compute_mask(inputs, masks).tolist() == [True, False]
    with pytest.raises(ValueError, match="Add: expected `inputs` as a list, got "):
        layer.compute_mask(inputs[0], [None, None])
    with pytest.raises(ValueError, match="Add: expected `mask` as a tuple"):
        layer.compute_mask(inputs, [None])


def test_a_lambda_is_read_where_code_is_let_in():
    config = L.Lambda(lambda x: x**2).get_config()
    np.testing.assert_array_equal(L.Lambda.from_config(config, safe_mode=False)(X), X**2)
    with pytest.raises(ValueError, match="safe_mode=False"):
        L.Lambda.from_config(config)


def test_the_scale_of_attention_is_an_attribute():
    layer = L.Attention(use_scale=True)
    layer.build(input_shape=[(2, 3, 4), (2, 4, 4)])
    assert float(layer.scale) == 1


@pytest.mark.parametrize("kind", [L.LSTM, L.GRU])
def test_the_implementation_of_a_recurrent_layer_changes_nothing(kind):
    assert kind(3, implementation=1) == kind(3)
    assert kind.from_config({**kind(3).get_config(), "implementation": 0}).units == 3


def test_the_statistics_of_batch_renormalization_are_attributes():
    layer = L.BatchNormalization(renorm=True)
    layer.build((None, 3))
    names = ("moving_stddev", "renorm_mean", "renorm_stddev")
    assert [getattr(layer, name).shape for name in names] == [(3,)] * 3


def test_a_layer_without_a_bias_says_none():
    assert L.Dense(2, use_bias=False).bias is None


@pytest.mark.parametrize("layer", [L.GlobalAveragePooling1D(), L.Softmax()])
def test_a_mask_by_position(layer):
    x, mask = np.ones((2, 3, 3)), np.array([[1, 1, 0], [1, 0, 0]], bool)
    mask = mask if isinstance(layer, L.GlobalAveragePooling1D) else np.stack([mask] * 3, axis=1)
    np.testing.assert_array_equal(layer(x, mask), layer(x, mask=mask))
    inputs, masks = K.Input((3, 3)), K.Input(mask.shape[1:], dtype="bool")
    model = K.Model([inputs, masks], layer(inputs, masks))
    np.testing.assert_allclose(model([x, mask]), layer(x, mask=mask), rtol=1e-6)


def test_a_mask_of_batch_normalization_broadcasts():
    x = np.random.default_rng(0).normal(size=(2, 5, 3, 4)).astype("float32")
    mask = np.array([[[1], [0], [1], [1], [0]], [[1], [1], [0], [0], [0]]], bool)
    one, all_of_it = L.BatchNormalization(momentum=0.0), L.BatchNormalization(momentum=0.0)
    outputs = one(x, training=True, mask=mask)
    np.testing.assert_array_equal(
        outputs, all_of_it(x, training=True, mask=np.broadcast_to(mask, x.shape[:-1]))
    )
    np.testing.assert_allclose(one.moving_mean, x[mask[..., 0]].mean((0, 1)), rtol=1e-5)


@pytest.mark.parametrize("kind", [L.GroupNormalization, L.LayerNormalization])
def test_values_beyond_float16_are_normalized_before_they_are_cast(kind):
    words = {"groups": 2} if kind is L.GroupNormalization else {}
    x = 70000 + 100 * np.random.default_rng(0).normal(size=(2, 4, 8)).astype("float32")
    outputs = kind(**words, dtype="mixed_float16")(x)
    assert outputs.dtype == "float16"
    np.testing.assert_allclose(outputs, kind(**words, dtype="float32")(x), atol=2e-3)


def test_the_state_of_a_stacked_cell_that_tells_its_size_alone_is_an_array():
    class Sum(L.Layer):
        def __init__(self, units):
            super().__init__()
            self.state_size = units

        def call(self, x, states):
            after = states[0] + K.ops.sum(x, axis=-1, keepdims=True)
            return after, [after]

    x = np.ones((2, 3, 4), "float32")
    outputs, one, two = L.RNN([Sum(3), L.GRUCell(2)], return_state=True)(x)
    assert outputs.shape == (2, 2) and one.shape == (2, 3) and [h.shape for h in two] == [(2, 2)]
    np.testing.assert_array_equal(one, np.full((2, 3), 12))
    states = L.StackedRNNCells([Sum(3), L.GRUCell(2)]).get_initial_state(2)
    assert states[0].shape == (2, 3) and [h.shape for h in states[1]] == [(2, 2)]
    again = L.RNN([Sum(3), Sum(2)], return_sequences=True)(x, [one, np.zeros((2, 2))])
    np.testing.assert_array_equal(again[0, :, 0], [48, 108, 180])


def test_the_projections_of_attention_have_kernels_and_biases():
    layer = L.MultiHeadAttention(2, 3, kernel_constraint="non_neg", name="mha")
    with pytest.raises(AttributeError, match=r"<query of .*> has no kernel before the layer is"):
        _ = layer.query_dense.kernel
    x = np.ones((2, 4, 5), "float32")
    layer(x, x)
    assert layer.query_dense.kernel.shape == (5, 2, 3) and layer.key_dense.bias.shape == (2, 3)
    assert layer.output_dense.kernel.shape == (2, 3, 5)
    assert isinstance(layer.value_dense.kernel.constraint, K.constraints.NonNeg)
    assert [weight.name for weight in layer.query_dense.weights] == ["kernel", "bias"]
    layer.query_dense.set_weights([np.zeros((5, 2, 3)), np.ones((2, 3))])
    np.testing.assert_array_equal(layer.get_weights()[0], np.zeros((5, 2, 3)))
    assert L.GroupQueryAttention(4, 2, 1, use_bias=False).query_dense.bias is None


def test_a_call_that_needs_the_masks_of_its_inputs_gets_some_for_its_shapes():
    class Both(L.Layer):
        def call(self, a, b, a_mask=None, b_mask=None):
            if a_mask is None or b_mask is None:
                raise ValueError("expected masks")
            return a * K.ops.cast(a_mask, "float32")[..., None] + b

    ids = np.array([[1, 2, 0]])
    table = L.Embedding(5, 2, embeddings_initializer="ones", mask_zero=True)
    outputs = Both()(table(ids), table(np.array([[1, 1, 1]])))
    np.testing.assert_array_equal(outputs[0, :, 0], [2, 2, 1])
    with pytest.raises(ValueError, match="expected masks"):
        Both()(np.ones((1, 3, 2)), np.ones((1, 3, 2)))
