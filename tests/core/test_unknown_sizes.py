"""Axes of unknown size that only some sizes fit."""

import numpy as np
import pytest

from jkeras import Input, KerasTensor, Model, layers, ops

IMAGE = KerasTensor((None, None, 3))


@pytest.mark.parametrize(
    ("call", "shapes"),
    [
        (lambda: ops.unstack(KerasTensor((2, None, None)), num=3, axis=1), [(2, None)] * 3),
        (lambda: ops.scan(_sums, KerasTensor((None,)), KerasTensor((6, None)))[1], (6, None)),
        (lambda: ops.image.crop_images(IMAGE, 2, 3, target_height=9, target_width=20), (9, 20, 3)),
        (lambda: ops.image.pad_images(IMAGE, 2, 3, target_height=9, target_width=20), (9, 20, 3)),
        (lambda: ops.dot(KerasTensor((None, 3)), KerasTensor((None, None, 2))), (None, None, 2)),
        (lambda: ops.vstack([KerasTensor((None, 3)), KerasTensor((None, None))]), (None, 3)),
        (lambda: ops.cross(KerasTensor((1, 3, 2)), KerasTensor((None, 1, 2))), (None, 3)),
        (lambda: ops.reshape(Input((None,)), (-1, 7)), (None, 7)),
        (lambda: ops.conv(KerasTensor((2, 10, None)), np.ones((3, 5, 4), "float32")), (2, 8, 4)),
        (lambda: layers.Reshape((3, 5))(Input(batch_shape=(2, None))), (2, 3, 5)),
        (lambda: layers.Reshape((-1, 7))(Input((None,))), (None, None, 7)),
    ],
)
def test_sizes_that_fit_give_the_shape(call, shapes):
    outputs = call()
    found = [each.shape for each in outputs] if isinstance(shapes, list) else outputs.shape
    assert found == shapes


def _sums(carry, x):
    return carry + x, carry + x


def test_the_model_takes_what_fits():
    inputs = Input((None,))
    model = Model(inputs, layers.Reshape((-1, 3))(inputs))
    assert model(np.zeros((2, 12))).shape == (2, 4, 3)
    with pytest.raises(ValueError, match="examples that fill `target_shape`"):
        model(np.zeros((2, 10)))


def test_no_size_of_the_batch_makes_a_wrong_call_right():
    with pytest.raises(ValueError, match="same shape, got"):
        ops.matmul(KerasTensor((None, 4)), KerasTensor((None, 4)))
    with pytest.raises(ValueError, match="got 4 entries each"):
        layers.Reshape((-1, 7))(Input((4,)))
    with pytest.raises(ValueError, match="Cholesky"):
        ops.cholesky(KerasTensor((None, None, 20)))
