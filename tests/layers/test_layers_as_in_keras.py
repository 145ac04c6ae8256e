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
