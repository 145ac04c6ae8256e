"""Seeds of layers fix what a model draws while it trains, as in Keras."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core.layer_seeds import fixed_seed

X, Y = np.ones((8, 4, 2), "float32"), np.zeros((8, 1), "float32")


def losses(model_seed: int, make_layers: Callable[[], list[Any]], *, own_step: bool) -> Any:
    """Those of a training whose first weights, and order, are always the same."""

    class Own(jkeras.Sequential):
        def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
            return super().compute_loss(x, y, y_pred, sample_weight)

    last = [layers.Flatten(), layers.Dense(1, kernel_initializer="ones")]
    kind = Own if own_step else jkeras.Sequential
    model = kind([jkeras.Input((4, 2)), *make_layers(), *last], seed=model_seed)
    model.compile("sgd", "mse")
    options: dict[str, Any] = {"batch_size": 4, "epochs": 2, "shuffle": False, "verbose": 0}
    return model.fit(X, Y, **options).history["loss"]


@pytest.mark.parametrize("own_step", [False, True])
def test_a_training_follows_the_seeds_of_its_layers(own_step: bool) -> None:
    def seeded(seed: int | None) -> Any:
        noise = layers.GaussianNoise(0.1, seed=seed)
        return lambda: [layers.Dropout(0.5, seed=seed), jkeras.Sequential([noise])]

    first, second = (losses(i, seeded(7), own_step=own_step) for i in (0, 1))
    assert first == second
    assert losses(0, seeded(8), own_step=own_step) != first
    free = [losses(i, seeded(None), own_step=own_step) for i in (0, 1)]
    assert free[0] != free[1]


def test_every_layer_that_draws_needs_one() -> None:
    drop = layers.Dropout(0.5, seed=7)
    nets: list[tuple[list[Any], int | None]] = [
        ([drop, layers.Dense(1)], 7),
        ([layers.Dense(1)], None),
        ([drop, layers.GaussianNoise(1.0)], None),
        ([drop, layers.Dropout(0.0), layers.LSTM(2)], 7),
        ([drop, layers.LSTM(2, dropout=0.5)], None),
        ([layers.Bidirectional(layers.LSTM(2, dropout=0.5, seed=3)), drop], 3),
    ]
    for net, seed in nets:
        assert fixed_seed(jkeras.models.Chain(net)) == seed
