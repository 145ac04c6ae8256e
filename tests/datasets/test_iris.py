"""The 150 flowers, with the values of Fisher's paper."""

import numpy as np

from jkeras.datasets import iris


def test_form_and_order():
    x, y = iris.load_data()
    assert x.shape == (150, 4) and x.dtype == np.float32
    np.testing.assert_array_equal(y, np.repeat(np.arange(3, dtype=np.uint8), 50), strict=True)
    assert len(iris.FEATURES) == 4 and len(iris.CLASSES) == 3


def test_means_are_those_fisher_prints():
    """Table II of the paper: the means of each species, in centimeters."""
    x, y = iris.load_data()
    means = [x[y == k].mean(axis=0) for k in range(3)]
    paper = [
        [5.006, 3.428, 1.462, 0.246],
        [5.936, 2.770, 4.260, 1.326],
        [6.588, 2.974, 5.552, 2.026],
    ]
    np.testing.assert_allclose(means, paper, rtol=1e-5)


def test_the_two_flowers_that_the_uci_copy_has_wrong():
    x, _ = iris.load_data()
    np.testing.assert_array_equal(x[34], np.float32([4.9, 3.1, 1.5, 0.2]))
    np.testing.assert_array_equal(x[37], np.float32([4.9, 3.6, 1.4, 0.1]))


def test_first_and_last_flower():
    x, _ = iris.load_data()
    np.testing.assert_array_equal(x[0], np.float32([5.1, 3.5, 1.4, 0.2]))
    np.testing.assert_array_equal(x[149], np.float32([5.9, 3.0, 5.1, 1.8]))


def test_each_call_gives_arrays_of_its_own():
    iris.load_data()[0][:] = 0
    assert iris.load_data()[0].min() > 0
