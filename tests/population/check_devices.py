"""Members over four devices have the numbers of members on one."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import jkeras
from jkeras.distribution import DataParallel
from tests.population.models import HELD, TRAIN, X, Y, assert_same_weights, dense


def fitted(distribution: object) -> jkeras.Population:
    rates = [0.1, 0.05, 0.02, 0.01, 0.2, 0.0, 0.1, 0.1]
    members = jkeras.Population(dense(), seeds=range(8), learning_rate=rates, engine="vmap")
    members.compile("adam", "mse", distribution=distribution)
    held = (X[HELD], Y[HELD])
    members.fit(X[TRAIN], Y[TRAIN], 8, 2, verbose=0, validation_data=held)
    return members


def test_members_over_devices() -> None:
    assert jax.device_count() == 4
    spread, plain = fitted(DataParallel()), fitted(None)
    kernel = spread.need_values().params["dense"]["kernel"]
    assert len(kernel.sharding.device_set) == 4
    assert kernel.addressable_shards[0].data.shape[0] == 2
    for a, b in zip(spread, plain, strict=True):
        assert_same_weights(a, b)
    for name, values in plain.history.history.items():
        np.testing.assert_allclose(spread.history.history[name], values, rtol=1e-5)
    outputs = [each.predict(X, verbose=0, members=True) for each in (spread, plain)]
    np.testing.assert_allclose(*outputs, rtol=1e-5, atol=1e-6)


def test_members_that_cannot_be_divided() -> None:
    members = jkeras.Population(dense(), 6)
    with pytest.raises(
        ValueError, match=r"a multiple of the 4 devices, got 6\. Make 8 members, or "
    ):
        members.compile("adam", "mse", distribution="data")
