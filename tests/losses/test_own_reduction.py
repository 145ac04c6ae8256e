"""Losses of a class that overrides `__call__`: training calls it. Numbers of Keras 3.15.1."""

import numpy as np
import pytest

import jkeras as K
from jkeras import layers as L


class Doubled(K.losses.MeanSquaredError):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return super().__call__(y_true, 2 * y_pred, sample_weight)


class Total(K.losses.Loss):
    def __call__(self, y_true, y_pred, sample_weight=None):
        return K.ops.sum(y_pred)


def model_with(loss):
    net = [K.Input((1,)), L.Dense(1, kernel_initializer="ones")]
    model = K.Sequential(net)
    model.compile(K.optimizers.SGD(1e-5), loss)
    return model


@pytest.mark.parametrize(
    ("loss", "plain", "weighted", "trained"),
    [
        (Doubled(), 391.0, 10115.0, [386.1921997, 305.1429749]),
        (Total(), 461.9714355, 461.9714355, [461.9292603, 459.1701355]),
    ],
)
def test_training_and_evaluation_call_it(loss, plain, weighted, trained):
    x = np.arange(35, dtype="float32").reshape(35, 1)  # the last batch has three examples
    model = model_with(loss)
    assert model.evaluate(x, 3 * x, verbose=0) == pytest.approx(plain, rel=1e-6)
    found = model.evaluate(x, 3 * x, sample_weight=x[:, 0], verbose=0)
    assert found == pytest.approx(weighted, rel=1e-6)
    history = model.fit(x, 3 * x, epochs=2, shuffle=False, verbose=0).history["loss"]
    assert history == pytest.approx(trained, rel=1e-6)


def test_a_mask_becomes_weights():
    x = np.arange(6, dtype="float32").reshape(3, 2, 1)
    dense = L.Dense(1, kernel_initializer="ones")
    model = K.Sequential([K.Input((2, 1)), L.Masking(), dense])
    model.compile(loss=Doubled())
    assert model.evaluate(x, x, verbose=0) == pytest.approx((1 + 4 + 9 + 16 + 25) / 5)
    weights = np.array([2.0, 1.0, 3.0], "float32")
    expected = (2 * 1 + 4 + 9 + 3 * 16 + 3 * 25) / 5
    assert model.evaluate(x, x, sample_weight=weights, verbose=0) == pytest.approx(expected)


def test_outside_of_training_it_is_the_users():
    assert float(Total()(np.zeros((2, 1)), np.ones((2, 1)))) == 2
    assert Total().values(np.zeros((2, 1)), np.ones((2, 1))).tolist() == [2, 2]
