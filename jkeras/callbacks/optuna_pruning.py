"""`OptunaPruning`: a trial of Optuna hears of every epoch, and ends early where it lags behind."""

from __future__ import annotations

import math
from typing import Any

from jkeras.callbacks.base import Logs
from jkeras.callbacks.monitor import MonitorCallback, direction
from jkeras.core.errors import WrongTypeError, describe, named_arguments
from jkeras.core.packages import need_package


class OptunaPruning(MonitorCallback):
    """Reports `monitor` to a trial of Optuna after every epoch, and ends the trial where the
    study's pruner says so.

        def objective(trial):
            model = make(trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True))
            pruning = jkeras.callbacks.OptunaPruning(trial, "val_loss")
            history = model.fit(x, y, epochs=20, validation_split=0.2, callbacks=[pruning])
            return min(history.history["val_loss"])

    A value that is not finite ends the trial, too.

    Args:
      trial: of the objective.
      monitor: a log name, such as `"val_loss"`; the objective returns it, or its best.

    Raises:
      ImportError: Optuna is not installed.
      TypeError: `trial` is none, or `monitor` is no name.
      ValueError: when training begins: the study minimizes what grows as the model gets better, or
        maximizes what falls, or has several objectives; after the first epoch: `monitor` is not
        among the logs.
      optuna.TrialPruned: after an epoch: the trial ends here.

    Source: `optuna.integration.KerasPruningCallback`, which needs Keras.
    """

    @named_arguments
    def __init__(self, trial: Any, monitor: str = "val_loss") -> None:
        need_package("optuna", "OptunaPruning", "optuna")
        if not (hasattr(trial, "report") and hasattr(trial, "should_prune")):
            raise WrongTypeError(
                "OptunaPruning: `trial`: expected the trial of an objective, got "
                f"{describe(trial)}."
            )
        super().__init__(monitor)
        self.trial = trial

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Compares the direction of the study with that of the monitored value."""
        study = getattr(self.trial, "study", None)  # a fixed trial has none
        directions = [] if study is None else study.directions
        if len(directions) > 1:
            raise ValueError(
                "OptunaPruning: `trial`: expected a study with one objective, got "
                f"{len(directions)}: Optuna prunes no trials of several."
            )
        rises = direction(self.monitor, getattr(self.model, "metrics", ()))
        if not directions or rises is None:
            return
        found = directions[0].name.lower()
        wanted = "maximize" if rises else "minimize"
        if found != wanted:
            raise ValueError(
                f"OptunaPruning: `monitor`: {self.monitor!r} is better when it is "
                f"{'larger' if rises else 'smaller'}, and the study has direction={found!r}. Make "
                f"it with optuna.create_study(direction={wanted!r})."
            )

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        import optuna

        logs = logs or {}
        if self.monitor not in logs:
            raise ValueError(self._missing(logs))
        value = self.value_in(logs)
        assert value is not None, "it is among the logs"
        if not math.isfinite(value):
            raise optuna.TrialPruned(f"{self.monitor} is {value} after epoch {epoch + 1}.")
        self.trial.report(value, step=epoch)
        if self.trial.should_prune():
            raise optuna.TrialPruned(f"{self.monitor} is {value:.5g} after epoch {epoch + 1}.")

    def get_state(self) -> dict[str, Any]:
        """An empty dict: the study keeps what was reported."""
        return {}
