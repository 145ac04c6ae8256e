"""Searching with Optuna: trials that end early, and whole generations in one program.

    python experiments/guides/optuna_search.py --tiny

A trial that reports every epoch can be ended where it lags behind. Where only numbers differ, such
as rates, a generation of trials trains as one population.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import FloatDistribution

import jkeras
from jkeras import layers

parser = argparse.ArgumentParser(description="Searching with Optuna.")
parser.add_argument("--tiny", action="store_true", help="few trials")
parser.add_argument("--output", type=Path, default=Path("results/optuna_search"))
args = parser.parse_args()
trials, epochs, size = (4, 4, 4) if args.tiny else (24, 20, 16)
optuna.logging.set_verbosity(optuna.logging.WARNING)

random = np.random.default_rng(0)
x = random.normal(size=(400, 8)).astype("float32")
y = np.sin(x.sum(1, keepdims=True)).astype("float32")
data = {"x": x[:300], "y": y[:300], "validation_data": (x[300:], y[300:]), "verbose": 0}

# -- one trial after the other: the number of units is not a number that members may differ in


def made(units: int = 32) -> jkeras.Sequential:
    """A network with dropout, compiled."""
    stack = [layers.Dense(units, activation="tanh"), layers.Dropout(0.1), layers.Dense(1)]
    model = jkeras.Sequential([jkeras.Input((8,)), *stack], seed=0)
    model.compile(jkeras.optimizers.Adam(0.01), "mse")
    return model


def objective(trial: optuna.Trial) -> float:
    """Trains a model with the values of a trial; returns its last validation loss."""
    model = made(trial.suggest_categorical("units", [8, 32]))
    model.optimizer.learning_rate = trial.suggest_float("learning_rate", 1e-4, 0.1, log=True)
    pruning = jkeras.callbacks.OptunaPruning(trial, "val_loss")
    return model.fit(**data, epochs=epochs, callbacks=[pruning]).history["val_loss"][-1]


pruner = optuna.pruners.MedianPruner(n_startup_trials=2, n_warmup_steps=1)
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0), pruner=pruner)
study.optimize(objective, n_trials=trials)
ended = [trial.state.name.lower() for trial in study.trials]
print(f"{ended.count('complete')} trials complete, {ended.count('pruned')} pruned")
print("best:", study.best_params, f"with a loss of {study.best_value:.4f}")

# -- a generation at a time: rates and dropout differ by member, the program is one

space = {
    "learning_rate": FloatDistribution(1e-4, 0.1, log=True),
    "dropout": FloatDistribution(0.0, 0.3),
}
study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, constant_liar=True))
model = made()
for number in range(1, 3):
    generation = jkeras.tuning.optuna_population(study, space, size, model, seeds=0)
    generation.fit(**data, epochs=epochs)
    print(f"generation {number}: best of {len(study.trials)} trials {study.best_value:.4f}")

# -- the best member of the last generation is an ordinary model

best = generation.best()
print("loss of the best member:", round(float(best.evaluate(x[300:], y[300:], verbose=0)), 4))
