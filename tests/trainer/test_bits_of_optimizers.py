"""No bit of what an optimizer makes depends on how the data are fed to it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import jkeras

RULES = [
    *("SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "Nadam", "Lion", "Lamb"),
    *("Adafactor", "Ftrl", "ScheduleFreeAdamW", "Muon"),
]
X = np.random.default_rng(1).normal(size=(40, 2)).astype("float32")
Y = X.sum(1, keepdims=True)


class Stream:
    """The batches one by one, without a length."""

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for start in range(0, len(X), 4):
            yield X[start : start + 4], Y[start : start + 4]


def weights(rule: str, *, stream: bool, steps: int) -> list[np.ndarray]:
    layers = jkeras.layers
    body = [jkeras.Input((2,)), layers.Dense(8, activation="tanh"), layers.Dense(1)]
    model = jkeras.Sequential(body, seed=0)
    optimizer = getattr(jkeras.optimizers, rule)()
    model.compile(optimizer, "mse", steps_per_execution=steps)
    if stream:
        model.fit(Stream(), epochs=3, verbose=0)
    else:
        model.fit(X, Y, batch_size=4, shuffle=False, epochs=3, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("rule", RULES)
def test_the_feeding_of_data_changes_no_bit(rule: str) -> None:
    wanted = weights(rule, stream=False, steps=1)
    for stream, steps in ((False, 4), (True, 1), (True, 4)):
        for got, value in zip(weights(rule, stream=stream, steps=steps), wanted, strict=True):
            np.testing.assert_array_equal(got, value, err_msg=f"stream={stream}, steps={steps}")
