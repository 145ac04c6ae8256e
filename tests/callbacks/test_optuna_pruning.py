"""Trials of Optuna that hear of every epoch, with the real package."""

from __future__ import annotations

from typing import Any

import optuna
import pytest

import jkeras
from jkeras.callbacks import LambdaCallback, OptunaPruning
from tests.callbacks.conftest import RUN, X, Y

optuna.logging.set_verbosity(optuna.logging.WARNING)
EPOCHS = 4


class Worse(optuna.pruners.BasePruner):
    """Ends a trial that is worse than the first one was at that step."""

    def prune(self, study: optuna.Study, trial: Any) -> bool:
        first, step = study.get_trials(deepcopy=False)[0], trial.last_step
        return trial.intermediate_values[step] > first.intermediate_values[step]


def test_a_trial_ends_where_the_pruner_says_so(compiled: tuple[Any, Any]) -> None:
    model, start = compiled
    rates = {0: 0.1, 1: 1e-6, 2: 0.1}

    def objective(trial: optuna.Trial) -> float:
        model.train_state = start
        model.optimizer.learning_rate = rates[trial.number]
        pruning = OptunaPruning(trial, "loss")
        return model.fit(**RUN, epochs=EPOCHS, callbacks=[pruning]).history["loss"][-1]

    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), pruner=Worse())
    study.optimize(objective, n_trials=3)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE"]
    reported = [trial.intermediate_values for trial in study.trials]
    assert list(reported[0]) == list(range(EPOCHS)) and len(reported[1]) < EPOCHS
    assert reported[0][EPOCHS - 1] == study.trials[0].value == study.trials[2].value


def test_a_value_that_is_not_finite_ends_the_trial(model: jkeras.Sequential) -> None:
    trial = optuna.create_study().ask()
    bad = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(loss=float("nan")))
    with pytest.raises(optuna.TrialPruned, match="loss is nan after epoch 1"):
        model.fit(**RUN, callbacks=[bad, OptunaPruning(trial, "loss")])


def test_a_fixed_trial_is_never_pruned(model: jkeras.Sequential) -> None:
    fixed = optuna.trial.FixedTrial({})
    assert len(model.fit(**RUN, epochs=2, callbacks=[OptunaPruning(fixed, "loss")]).epoch) == 2


def test_a_wrong_monitor_names_those_that_are_there(model: jkeras.Sequential) -> None:
    trial = optuna.create_study().ask()
    with pytest.raises(ValueError) as caught:
        model.fit(**RUN, validation_data=(X, Y), callbacks=[OptunaPruning(trial, "val_los")])
    assert str(caught.value) == (
        "OptunaPruning: `monitor` 'val_los' is not among the logs: loss, val_loss. Did you mean "
        "'val_loss'? For a `val_` value give `fit` validation data."
    )


def test_the_direction_of_the_study_has_to_fit(model: jkeras.Sequential) -> None:
    trial = optuna.create_study(direction="maximize").ask()
    with pytest.raises(ValueError) as caught:
        model.fit(**RUN, callbacks=[OptunaPruning(trial, "loss")])
    assert str(caught.value) == (
        "OptunaPruning: `monitor`: 'loss' is better when it is smaller, and the study has "
        "direction='maximize'. Make it with optuna.create_study(direction='minimize')."
    )
    several = optuna.create_study(directions=["minimize", "minimize"]).ask()
    with pytest.raises(ValueError) as caught:
        model.fit(**RUN, callbacks=[OptunaPruning(several, "loss")])
    assert str(caught.value) == (
        "OptunaPruning: `trial`: expected a study with one objective, got 2: Optuna prunes no "
        "trials of several."
    )


def test_wrong_arguments_and_a_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TypeError) as caught:
        OptunaPruning(optuna.create_study())
    assert str(caught.value).startswith(
        "OptunaPruning: `trial`: expected the trial of an objective, got "
    )
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ImportError) as missing:
        OptunaPruning(None)
    assert str(missing.value) == (
        "OptunaPruning needs optuna, which is not installed: pip install 'jkeras[optuna]'"
    )
