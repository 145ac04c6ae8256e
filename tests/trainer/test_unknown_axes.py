"""Axes of unknown size: the weights of a model never depend on them, so it is built without."""

import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L


def fully_convolutional():
    image = K.Input((None, None, 3))
    x = L.MaxPooling2D()(L.Conv2D(6, 3, strides=2)(image))
    return K.Model(image, L.Conv2DTranspose(2, 3)(L.SeparableConv2D(4, 3)(x)))


def over_time():
    steps = K.Input((None, 2))
    x = L.GlobalMaxPooling1D()(L.Conv1D(4, 5, strides=2)(steps))
    return K.Model(steps, L.Dense(1)(x))


def chain():
    return K.Sequential([K.Input((None, None, 3)), L.Conv2D(6, 7), L.GlobalAveragePooling2D()])


def volume():
    return K.Sequential([K.Input((None, None, None, 1)), L.Conv3D(2, 3), L.AveragePooling3D(2)])


def large_window():
    return K.Sequential([K.Input((None, 1)), L.Conv1D(2, 100), L.GlobalMaxPooling1D()])


CASES = {
    "fully convolutional": (fully_convolutional, 168 + (54 + 24 + 4) + (72 + 2), (2, 33, 47, 3)),
    "over time": (over_time, 49, (2, 11, 2)),
    "chain": (chain, 7 * 7 * 3 * 6 + 6, (2, 9, 8, 3)),
    "volume": (volume, 27 * 2 + 2, (1, 6, 5, 7, 1)),
    "a window larger than any usual size": (large_window, 202, (1, 120, 1)),
}


@pytest.mark.parametrize(("make", "params", "shape"), CASES.values(), ids=CASES.keys())
def test_weights_before_data(make, params, shape):
    model = make()
    assert model.count_params() == params
    assert sum(weight.size for weight in model.get_weights()) == params
    lines = []
    model.summary(print_fn=lines.append)
    assert f"{params}" in "\n".join(lines).replace(",", "")
    assert model.predict(np.ones(shape, "float32"), verbose=0).shape[0] == shape[0]


def test_the_summary_shows_unknown_axes():
    lines = []
    chain().summary(print_fn=lines.append)
    assert "(None, None, None, 6)" in "\n".join(lines)


class Positions(K.Model):
    """Takes at most 32 steps: no size but a small one fits."""

    def __init__(self):
        super().__init__()
        self.table = L.Embedding(32, 4)

    def call(self, x):
        return (
            x
            + self.table(K.ops.arange(x.shape[1]))[None]
            + K.ops.zeros((1, 32, 4))[:, : x.shape[1]]
        )


def test_a_model_with_a_largest_length_is_built():
    model = Positions()
    model.build((None, None, 4))
    assert model.count_params() == 128
    model.summary(print_fn=lambda line: None)
    assert model.predict(np.ones((2, 5, 4), "float32"), verbose=0).shape == (2, 5, 4)


def test_what_fits_no_size_names_the_layer():
    model = K.Sequential([L.Conv1D(2, 5000)])
    with pytest.raises(ValueError, match="Conv1D 'conv1d': expected `kernel_size` to fit into"):
        model.build((None, None, 3))
