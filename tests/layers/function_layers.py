"""Data, and models of one layer, for the tests of layers around code of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import jkeras

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
W = np.ones((3, 2), "float32")
Y = X @ W


def model_of(*layers: Any, **kwargs: Any) -> Any:
    """A model of layers for inputs of three features, compiled."""
    model = jkeras.Sequential([jkeras.Input((3,)), *layers], **kwargs)
    model.compile(jkeras.optimizers.SGD(0.1), "mse")
    return model


def loaded(model: Any, folder: Path) -> Any:
    """The model that a file of another one, trained for an epoch, gives; both predict the same."""
    model.fit(X, Y, batch_size=4, verbose=0)
    model.save(folder / "model.keras")
    copy = jkeras.models.load_model(folder / "model.keras")
    np.testing.assert_array_equal(copy.predict(X, verbose=0), model.predict(X, verbose=0))
    assert copy.layers[-1].get_config() == model.layers[-1].get_config()
    for ours, theirs in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    return copy
