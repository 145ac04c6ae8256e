"""Searches for hyper-parameters with tools of the field.

    study = optuna.create_study()
    space = {"learning_rate": FloatDistribution(1e-4, 1e-1, log=True)}
    for _ in range(3):
        generation = jkeras.tuning.optuna_population(study, space, 8, model)
        generation.fit(x, y, epochs=5, validation_data=(x_val, y_val))

`jkeras.callbacks.OptunaPruning` and `RayTuneReport` are for trials that train one model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering

if TYPE_CHECKING:
    from jkeras.tuning.optuna_generations import OptunaGeneration, optuna_population

__all__ = ["OptunaGeneration", "optuna_population"]

__getattr__ = _answering(__name__, "jkeras.tuning.optuna_generations")
