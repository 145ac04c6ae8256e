"""Data and models that the tests of populations share."""

from typing import Any

import numpy as np

import jkeras
from jkeras import layers

COUNT = 44  # five batches of 8, and one of 4
X = np.random.default_rng(0).normal(size=(COUNT, 6)).astype("float32")
Y = (X @ np.arange(6, dtype="float32") / 5 + np.sin(X[:, 0]))[:, None].astype("float32")
TRAIN, HELD = slice(0, 36), slice(36, None)


def dense(seed: int = 0, rate: float = 0.3) -> jkeras.Sequential:
    """A small network with dropout."""
    return jkeras.Sequential(
        [
            jkeras.Input((6,)),
            layers.Dense(8, activation="tanh"),
            layers.Dropout(rate),
            layers.Dense(1),
        ],
        seed=seed,
    )


def assert_same_weights(got: Any, expected: Any, rtol: float = 1e-5) -> None:
    """Equal up to rounding, relative to the largest number of each weight."""
    for a, b in zip(got.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * np.abs(b).max())
