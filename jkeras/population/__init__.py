"""Many models in one program: populations, cross-validation, population-based training.

    population = Population(model, size=8, seeds=range(8), learning_rate=[...])
    population.compile("adam", "mse")
    population.fit(x, y, epochs=10, validation_data=(x_val, y_val))
    best = population.best("val_loss")

`jkeras.Population` and `jkeras.cross_validate` are these.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering

if TYPE_CHECKING:
    from jkeras.population.door import (
        CrossValidation,
        ExploitExplore,
        Population,
        Prediction,
        cross_validate,
    )

__all__ = ["CrossValidation", "ExploitExplore", "Population", "Prediction", "cross_validate"]

__getattr__ = _answering(__name__, "jkeras.population.door")
