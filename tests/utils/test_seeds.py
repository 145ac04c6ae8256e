"""One seed for everything."""

import random

import numpy as np

import jkeras
from jkeras.utils import set_random_seed


def test_one_seed_repeats_python_numpy_and_models() -> None:
    def draw_all() -> tuple[float, float, np.ndarray]:
        set_random_seed(np.int64(11))
        net = jkeras.Sequential([jkeras.layers.Dense(2, input_shape=(3,))])
        return random.random(), float(np.random.rand()), net.get_weights()[0]

    first, again = draw_all(), draw_all()
    assert first[:2] == again[:2]
    np.testing.assert_array_equal(first[2], again[2])
    set_random_seed(12)
    assert random.random() != first[0] and np.random.rand() != first[1]
