"""Writes optimizers.npz: what Keras's optimizers and schedules give, step by step.

Run from the project's root: python tests/golden/make_optimizers.py

Contents:
  versions: JSON, the packages that made it.
  cases: JSON, name -> [class, arguments]; {"schedule": [class, arguments]} stands for a schedule.
  schedules: JSON, name -> [class, arguments].
  params/<i>: the three starting variables.  grads/<i>: [20, ...] their gradients at each step.
  case/<name>/<i>: [20, ...] the variables after each step.  schedule/<name>: [30] rates at `steps`.
"""

import json
import os
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import keras
import numpy as np

STEPS = 20
SHAPES = ((3, 4), (5,), ())
COSINE = {"schedule": ["CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12}]}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {}),
    "sgd_momentum": ("SGD", {"momentum": 0.9}),
    "sgd_nesterov": ("SGD", {"momentum": 0.9, "nesterov": True}),
    "sgd_nesterov_alone": ("SGD", {"learning_rate": 0.1, "nesterov": True}),
    "sgd_schedule": ("SGD", {"learning_rate": COSINE, "momentum": 0.5}),
    "sgd_weight_decay": ("SGD", {"learning_rate": 0.1, "momentum": 0.9, "weight_decay": 0.1}),
    "sgd_clipnorm": ("SGD", {"learning_rate": 0.1, "clipnorm": 1.5}),
    "sgd_clipnorm_off": ("SGD", {"learning_rate": 0.1, "clipnorm": 0.0}),
    "sgd_clipvalue": ("SGD", {"learning_rate": 0.1, "clipvalue": 0.5}),
    "sgd_global_clipnorm": ("SGD", {"learning_rate": 0.1, "global_clipnorm": 2.0}),
    "rmsprop": ("RMSprop", {}),
    "rmsprop_rho": ("RMSprop", {"learning_rate": 0.01, "rho": 0.5, "epsilon": 1e-3}),
    "rmsprop_momentum": ("RMSprop", {"momentum": 0.9}),
    "rmsprop_centered": ("RMSprop", {"centered": True}),
    "rmsprop_all": (
        "RMSprop",
        {"momentum": 0.5, "centered": True, "weight_decay": 0.01, "clipvalue": 1.0},
    ),
    "adam": ("Adam", {}),
    "adam_betas": ("Adam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8}),
    "adam_epsilon": ("Adam", {"learning_rate": 0.1, "epsilon": 0.1}),
    "adam_amsgrad": ("Adam", {"learning_rate": 0.1, "beta_2": 0.5, "amsgrad": True}),
    "adam_weight_decay": ("Adam", {"learning_rate": 0.1, "weight_decay": 0.1, "clipnorm": 1.0}),
    "adam_schedule": ("Adam", {"learning_rate": COSINE, "weight_decay": 0.1}),
    "adamw": ("AdamW", {}),
    "adamw_strong": ("AdamW", {"learning_rate": 0.1, "weight_decay": 0.3, "amsgrad": True}),
}

SCHEDULES: dict[str, tuple[str, dict[str, Any]]] = {
    "exponential": ("ExponentialDecay", {"decay_steps": 7, "decay_rate": 0.8}),
    "exponential_stairs": (
        "ExponentialDecay",
        {"decay_steps": 7, "decay_rate": 0.8, "staircase": True},
    ),
    "inverse_time": ("InverseTimeDecay", {"decay_steps": 3, "decay_rate": 0.5}),
    "inverse_time_stairs": (
        "InverseTimeDecay",
        {"decay_steps": 3, "decay_rate": 0.5, "staircase": True},
    ),
    "piecewise": ("PiecewiseConstantDecay", {"boundaries": [5, 9], "values": [0.4, 0.2, 0.1]}),
    "piecewise_one": ("PiecewiseConstantDecay", {"boundaries": [4.5], "values": [1.0, 0.5]}),
    "polynomial": ("PolynomialDecay", {"decay_steps": 10}),
    "polynomial_root": (
        "PolynomialDecay",
        {"decay_steps": 10, "end_learning_rate": 0.05, "power": 0.5},
    ),
    "polynomial_cycle": ("PolynomialDecay", {"decay_steps": 8, "power": 2.0, "cycle": True}),
    "cosine": ("CosineDecay", {"decay_steps": 20}),
    "cosine_alpha": ("CosineDecay", {"decay_steps": 20, "alpha": 0.1}),
    "cosine_warmup": (
        "CosineDecay",
        {"decay_steps": 20, "alpha": 0.1, "warmup_target": 0.5, "warmup_steps": 6},
    ),
    "cosine_warmup_zero": ("CosineDecay", {"decay_steps": 20, "warmup_target": 0.5}),
    "cosine_warmup_unused": ("CosineDecay", {"decay_steps": 20, "warmup_steps": 6}),
    "restarts": ("CosineDecayRestarts", {"first_decay_steps": 4}),
    "restarts_equal": (
        "CosineDecayRestarts",
        {"first_decay_steps": 7, "t_mul": 1.0, "m_mul": 0.5, "alpha": 0.1},
    ),
    "restarts_growing": (
        "CosineDecayRestarts",
        {"first_decay_steps": 4, "t_mul": 1.5, "m_mul": 0.9},
    ),
}
FIRST_RATE = {"initial_learning_rate": 0.3}
WITHOUT_FIRST_RATE = ("PiecewiseConstantDecay",)


def schedule_arguments(kind: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments with the common first rate, where the class takes one."""
    return arguments if kind in WITHOUT_FIRST_RATE else {**FIRST_RATE, **arguments}


def build(value: Any) -> Any:
    """An argument: a schedule where it describes one, else itself."""
    if isinstance(value, dict):
        kind, arguments = value["schedule"]
        return getattr(keras.optimizers.schedules, kind)(**arguments)
    return value


def problem() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Starting variables, and gradients that differ in size, with some zeros among them."""
    rng = np.random.default_rng(0)
    params = [rng.normal(size=shape).astype(np.float32) for shape in SHAPES]
    grads = [rng.normal(size=(STEPS, *shape)).astype(np.float32) for shape in SHAPES]
    grads[0][:, 0, 0] = 0.0
    grads[1][:5] = 0.0
    grads[1][10:] *= 20.0
    return params, grads


def follow(kind: str, arguments: dict[str, Any]) -> list[np.ndarray]:
    """The variables after each step."""
    optimizer = getattr(keras.optimizers, kind)(
        **{name: build(value) for name, value in arguments.items()}
    )
    params, grads = problem()
    variables = [keras.Variable(param) for param in params]
    history: list[list[np.ndarray]] = [[] for _ in variables]
    for step in range(STEPS):
        optimizer.apply([grad[step] for grad in grads], variables)
        for values, variable in zip(history, variables, strict=True):
            values.append(np.asarray(variable.value))
    return [np.stack(values) for values in history]


def main() -> None:
    """Runs every case and writes the file beside this script."""
    params, grads = problem()
    schedules = {
        name: (kind, schedule_arguments(kind, arguments))
        for name, (kind, arguments) in SCHEDULES.items()
    }
    steps = np.arange(30, dtype=np.int32)
    arrays: dict[str, Any] = {
        "versions": json.dumps({"keras": keras.__version__, "jax": jax.__version__}),
        "cases": json.dumps(CASES),
        "schedules": json.dumps(schedules),
        "steps": steps,
    }
    arrays |= {f"params/{i}": value for i, value in enumerate(params)}
    arrays |= {f"grads/{i}": value for i, value in enumerate(grads)}
    for name, (kind, arguments) in CASES.items():
        arrays |= {f"case/{name}/{i}": h for i, h in enumerate(follow(kind, arguments))}
    for name, (kind, arguments) in schedules.items():
        schedule = getattr(keras.optimizers.schedules, kind)(**arguments)
        arrays[f"schedule/{name}"] = np.array([float(schedule(s)) for s in steps], np.float32)
    np.savez_compressed(Path(__file__).with_name("optimizers.npz"), **arrays)


if __name__ == "__main__":
    main()
