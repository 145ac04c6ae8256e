"""What the tests of callbacks share: what Keras did, and one small model that is compiled once."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras

X = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
Y = X[:, :1] - X[:, 1:]
RUN = {"x": X, "y": Y, "batch_size": 2, "verbose": 0}
HINT = "to write Keras's records again: KERAS_BACKEND=jax python -m tests.golden.make_callbacks"


@pytest.fixture(scope="session")
def golden() -> dict[str, Any]:
    """What `callbacks.json` holds."""
    return json.loads((Path(__file__).parents[1] / "golden" / "callbacks.json").read_text())


@pytest.fixture(scope="session")
def compiled() -> tuple[jkeras.Sequential, Any]:
    """The model, and its values before any training."""
    made = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    rule = jkeras.optimizers.SGD(0.1, momentum=0.5, use_ema=True, ema_momentum=0.8)
    made.compile(rule, "mse")
    made.build((None, 2))
    return made, made.train_state


@pytest.fixture
def model(compiled: tuple[jkeras.Sequential, Any]) -> jkeras.Sequential:
    """A linear model with SGD, momentum and averages, as new; its programs exist already."""
    made, values = compiled
    made.train_state = values
    return made


def plain(value: Any) -> Any:
    """A record as it is after JSON: lists for tuples, strings as keys."""
    return json.loads(json.dumps(value))
