"""Pruning by magnitude: which weights are zero, when, and that they stay so."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.callbacks import MagnitudePruning

X = np.random.default_rng(0).normal(size=(40, 6)).astype("float32")
Y = X[:, :1] * 2


def _model() -> Any:
    model = jkeras.Sequential([jkeras.Input((6,)), layers.Dense(10), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_the_smallest_weights_become_zero_and_stay() -> None:
    model = _model()
    seen = []

    class Zeros(jkeras.callbacks.Callback):
        boundaries = 1

        def on_boundary(self, batch: int, logs: Any = None) -> None:
            seen.append(model.layers[0].kernel.numpy() == 0)

    pruning = MagnitudePruning(0.5, end_step=8, frequency=2)
    logs = model.fit(X, Y, batch_size=10, epochs=3, callbacks=[pruning, Zeros()], verbose=0)
    assert pruning.steps == 12 and logs.history["sparsity"][-1] == 0.5
    assert pruning.sparsities == {"dense/kernel": 0.5, "dense_1/kernel": 0.5}
    shares = [zeros.mean() for zeros in seen]
    assert shares == sorted(shares) and shares[-1] == 0.5
    for before, after in itertools.pairwise(seen[7:]):
        assert not np.any(before & ~after)
    assert np.abs(model.layers[0].bias.numpy()).min() > 0
    model.fit(X, Y, batch_size=10, callbacks=[pruning], verbose=0)  # nothing grows back
    assert pruning.sparsity == 0.5


def test_what_goes_first_is_small() -> None:
    model = _model()
    model.compile(jkeras.optimizers.SGD(0.0), "mse")
    kernel = model.layers[0].kernel.numpy()
    pruning = MagnitudePruning(0.25, end_step=1, weights="dense/kernel")
    model.fit(X, Y, batch_size=40, callbacks=[pruning], verbose=0)
    found = model.layers[0].kernel.numpy()
    assert np.count_nonzero(found == 0) == 15 and pruning.sparsities == {"dense/kernel": 0.25}
    assert np.abs(kernel[found == 0]).max() <= np.abs(found[found != 0]).min()


def test_without_an_end_the_schedule_ends_with_the_first_fit() -> None:
    model, pruning = _model(), MagnitudePruning(0.5, begin_step=3, frequency=100)
    logs = model.fit(
        X, Y, batch_size=10, initial_epoch=1, epochs=3, callbacks=[pruning], verbose=0
    ).history
    assert pruning.end_step == 8 and logs["sparsity"] == [0.0, 0.5]
    with pytest.raises(ValueError, match="`begin_step`: expected less than the 4 steps of the run"):
        _model().fit(X, Y, batch_size=10, callbacks=[MagnitudePruning(begin_step=4)], verbose=0)
    batches = ((X, Y) for _ in range(3))
    with pytest.raises(ValueError, match="expected `end_step`, because the number of batches"):
        _model().fit(batches, callbacks=[MagnitudePruning(0.5)], verbose=0)


def test_wrong_use_is_refused() -> None:
    with pytest.raises(ValueError, match="`power`: expected a number above 0, got -1"):
        MagnitudePruning(0.5, power=-1)
    model = _model()
    model.layers[0].trainable = False
    with pytest.raises(ValueError, match=r"Trained weights: dense_1/bias, dense_1/kernel\."):
        model.fit(X, Y, callbacks=[MagnitudePruning(weights="dense/kernel")], verbose=0)
    with pytest.raises(ValueError, match="`final_sparsity`: expected a number from 0 to below 1"):
        MagnitudePruning(1.0)
    with pytest.raises(ValueError, match="`end_step`: expected an integer of at least 6, got 5"):
        MagnitudePruning(0.5, begin_step=5, end_step=5)
    with pytest.raises(ValueError, match="no trained weight is named 'kernels'"):
        _model().fit(X, Y, callbacks=[MagnitudePruning(0.5, weights="kernels")], verbose=0)
