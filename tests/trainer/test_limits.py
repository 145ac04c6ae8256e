"""Limits of a run: `set_max_epochs` and `set_max_steps_per_epoch`."""

from collections.abc import Iterator

import numpy as np
import pytest

import jkeras
from jkeras import config

X = np.ones((12, 2), np.float32)


@pytest.fixture(autouse=True)
def no_limits() -> Iterator[None]:
    yield
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)


def test_a_run_is_limited() -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)])
    model.compile("sgd", "mse")
    config.set_max_epochs(2)
    config.set_max_steps_per_epoch(3)
    assert (config.max_epochs(), config.max_steps_per_epoch()) == (2, 3)
    history = model.fit(X, X[:, :1], batch_size=2, epochs=5, verbose=0)
    assert history.epoch == [0, 1] and model.optimizer.iterations == 6
    assert model.predict(X, batch_size=2, verbose=0).shape == (6, 1)
    model.fit(X, X[:, :1], batch_size=2, steps_per_epoch=1, verbose=0)
    assert model.optimizer.iterations == 7
    config.set_max_epochs(None)
    config.set_max_steps_per_epoch(None)
    assert model.fit(X, X[:, :1], epochs=3, verbose=0).epoch == [0, 1, 2]
    assert model.predict(X, batch_size=2, verbose=0).shape == (12, 1)


def test_a_limit_is_a_number() -> None:
    for value in (0, -1, 1.5, True, "2"):
        with pytest.raises(ValueError, match="expected a whole number of at least 1"):
            config.set_max_epochs(value)  # type: ignore[arg-type]


def test_an_output_that_is_not_there_is_a_key_error_too() -> None:
    x = jkeras.Input((2,))
    model = jkeras.Model(x, {"a": jkeras.layers.Dense(1)(x), "b": jkeras.layers.Dense(1)(x)})
    for kind in (KeyError, ValueError):
        with pytest.raises(kind) as caught:
            model.compile("sgd", loss={"a": "mse", "c": "mse"})
    assert str(caught.value).startswith("compile: `loss`: no output is named 'c'")
