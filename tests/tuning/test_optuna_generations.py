"""Generations of trials as populations, with the real Optuna."""

from __future__ import annotations

import signal
import warnings
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import FloatDistribution

import jkeras
from jkeras.tuning import optuna_population

optuna.logging.set_verbosity(optuna.logging.WARNING)
X = np.random.default_rng(0).normal(size=(24, 3)).astype(np.float32)
Y = X.sum(1, keepdims=True)
SPACE = {"learning_rate": FloatDistribution(1e-3, 0.5, log=True)}
FIT: dict[str, Any] = {"epochs": 3, "validation_data": (X, Y), "verbose": 0, "batch_size": 8}


def network() -> jkeras.Sequential:
    """A compiled network with dropout."""
    stack = [jkeras.layers.Dense(4), jkeras.layers.Dropout(0.1), jkeras.layers.Dense(1)]
    made = jkeras.Sequential([jkeras.Input((3,)), *stack], seed=0)
    made.compile("sgd", "mse")
    return made


@pytest.fixture(scope="module")
def model() -> jkeras.Sequential:
    """The network, whose programs generations share."""
    return network()


def new_study(**options: Any) -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1), **options)


class Above(optuna.pruners.BasePruner):
    """Ends trials whose value is above that of the median of their generation's first reports."""

    def prune(self, study: optuna.Study, trial: Any) -> bool:
        others = [t.intermediate_values.get(0, np.inf) for t in study.get_trials(deepcopy=False)]
        return trial.last_step == 1 and trial.intermediate_values[0] > np.median(others)


def test_trials_have_the_values_of_their_members(model: jkeras.Sequential) -> None:
    study = new_study()
    for number in range(1, 3):
        generation = optuna_population(study, SPACE, 3, model, seeds=0)
        history = generation.fit(X, Y, **FIT)
        trials = study.trials[-3:]
        assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3 * number
        assert [trial.value for trial in trials] == pytest.approx(history.history["val_loss"][-1])
        rates = [trial.params["learning_rate"] for trial in trials]
        np.testing.assert_allclose(generation.population.learning_rate, rates, rtol=1e-6)
    best = min(trials, key=lambda trial: trial.value)
    found = generation.best().evaluate(X, Y, verbose=0)
    assert found == pytest.approx(best.value, rel=1e-5)
    alone = network()
    alone.optimizer.learning_rate = best.params["learning_rate"]
    single = alone.fit(X, Y, **FIT).history["val_loss"][-1]
    assert single == pytest.approx(best.value, rel=1e-4)


def test_a_space_may_be_a_function_of_a_trial(model: jkeras.Sequential) -> None:
    study = new_study()

    def space(trial: optuna.Trial) -> dict[str, Any]:
        rate = trial.suggest_float("rate", 0.01, 0.1)
        return {"learning_rate": rate, "dropout": {"dropout": trial.suggest_float("d", 0, 0.5)}}

    generation = optuna_population(study, space, 2, model, monitor="loss", seeds=0)
    generation.fit(X, Y, epochs=1, verbose=0)
    assert [sorted(trial.params) for trial in study.trials] == [["d", "rate"]] * 2


def test_pruned_members_stop(model: jkeras.Sequential) -> None:
    study = new_study(pruner=Above())
    generation = optuna_population(study, SPACE, 4, model, seeds=0)
    generation.fit(X, Y, **FIT)
    states = [trial.state.name for trial in study.trials]
    assert states.count("PRUNED") == 2 and states.count("COMPLETE") == 2
    epochs = generation.population.epochs.tolist()
    assert epochs == [2 if state == "PRUNED" else 3 for state in states]


def test_trials_that_break_are_told_to_fail(model: jkeras.Sequential) -> None:
    study = new_study()
    generation = optuna_population(study, SPACE, 2, model, monitor="val_los")
    with pytest.raises(ValueError) as caught:
        generation.fit(X, Y, **FIT)
    assert str(caught.value) == (
        "optuna_population: `monitor` 'val_los' is not among the logs: loss, val_loss. Did you "
        "mean 'val_loss'? For a `val_` value give `fit` validation data."
    )
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 2
    with pytest.raises(ValueError, match="expected a generation that is new"):
        generation.fit(X, Y, **FIT)
    with pytest.raises(TypeError, match="unexpected argument `rate`"):
        optuna_population(study, {"rate": FloatDistribution(0, 1)}, 2, model)
    assert all(trial.state.is_finished() for trial in study.trials)


class Interrupts(jkeras.callbacks.Callback):
    """Ctrl-C in the first epoch."""

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        signal.raise_signal(signal.SIGINT)


def test_an_interruption_is_told_as_a_failure(model: jkeras.Sequential) -> None:
    study = new_study()
    generation = optuna_population(study, SPACE, 2, model)
    history = generation.fit(X, Y, **FIT, callbacks=Interrupts())
    assert history.interrupted and len(history.epoch) == 1
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 2
    assert [list(trial.intermediate_values) for trial in study.trials] == [[0]] * 2


def test_members_that_diverge_fail(model: jkeras.Sequential) -> None:
    study = new_study()
    space = {"learning_rate": FloatDistribution(1e30, 1e31)}
    generation = optuna_population(study, space, 2, model, seeds=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the losses that are NaN
        generation.fit(X, Y, **FIT)
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 2


def test_wrong_arguments(model: jkeras.Sequential) -> None:
    with pytest.raises(ValueError) as caught:
        optuna_population(new_study(direction="maximize"), SPACE, 2, model)
    assert str(caught.value) == (
        "optuna_population: `monitor`: 'val_loss' is better when it is smaller, and the study has "
        "direction='maximize'. Name another value, or make it with "
        "optuna.create_study(direction='minimize')."
    )
    with pytest.raises(TypeError, match="`study`: expected a study of Optuna"):
        optuna_population(None, SPACE, 2, model)
    with pytest.raises(ValueError, match="`study`: expected one objective, got 2"):
        optuna_population(new_study(directions=["minimize"] * 2), SPACE, 2, model)
    with pytest.raises(TypeError, match="`space`: expected Optuna's distributions"):
        optuna_population(new_study(), {}, 2, model)
    study = new_study()
    with pytest.raises(TypeError, match=r"of Optuna for 'learning_rate', got \(0\.1, 1"):
        optuna_population(study, {"learning_rate": (0.1, 1.0)}, 2, model)
    assert not study.trials
    with pytest.raises(TypeError, match=r"`monitor`: expected the name of a log, .* got 3 \(int"):
        optuna_population(new_study(), SPACE, 2, model, monitor=3)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"`model`: expected a value, got none\. Write optuna_pop"):
        optuna_population(new_study(), SPACE, 2)  # type: ignore[call-arg]
    with pytest.raises(ValueError, match="`size`: expected a number of trials, got 0"):
        optuna_population(new_study(), SPACE, 0, model)
