"""Writes optimizers.npz: what Keras's optimizers and schedules give, step by step.

Run from the project's root: python tests/golden/make_optimizers.py

Contents:
  versions: JSON, the packages that made it.
  cases: JSON, name -> [class, arguments]; {"schedule": [class, arguments]} stands for a schedule,
    {"map": [default, {path: optimizer}]} for an OptimizerMap of such pairs.
  schedules: JSON, name -> [class, arguments].
  params/<path>: the starting variables.  grads/<path>: [20, ...] their gradients at each step.
  case/<name>/<path>: [20, ...] the variables after each step.
  average/<name>/<path>: their moving averages after the last step, where the case has them.
  schedule/<name>: [30] rates at `steps`.
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
# By path, in JAX's order. Names matter to Muon and to OptimizerMap.
SHAPES = {
    "bias": (5,),
    "embeddings": (3, 2),
    "filters": (2, 1, 3, 2),
    "kernel": (3, 4),
    "scale": (),
}
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
    # Keras's default rate of 0.001 hardly moves anything: the paper's is 1.
    "adadelta": ("Adadelta", {"learning_rate": 1.0}),
    "adadelta_rho": ("Adadelta", {"learning_rate": 1.0, "rho": 0.5, "epsilon": 1e-3}),
    "adadelta_all": (
        "Adadelta",
        {"learning_rate": COSINE, "epsilon": 0.1, "weight_decay": 0.1, "clipnorm": 1.0},
    ),
    "adafactor": ("Adafactor", {}),
    "adafactor_numbers": (
        "Adafactor",
        {
            "learning_rate": 0.3,
            "beta_2_decay": -0.5,
            "epsilon_1": 1e-6,
            "epsilon_2": 0.5,
            "clip_threshold": 0.5,
            "relative_step": False,
        },
    ),
    "adafactor_schedule": ("Adafactor", {"learning_rate": COSINE, "weight_decay": 0.1}),
    "adagrad": ("Adagrad", {}),
    "adagrad_start": (
        "Adagrad",
        {"learning_rate": 1.0, "initial_accumulator_value": 0.0, "epsilon": 0.01},
    ),
    "adagrad_all": (
        "Adagrad",
        {"learning_rate": COSINE, "weight_decay": 0.1, "global_clipnorm": 1.0},
    ),
    "adamax": ("Adamax", {}),
    "adamax_numbers": ("Adamax", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8}),
    "adamax_all": ("Adamax", {"learning_rate": COSINE, "epsilon": 0.1, "weight_decay": 0.1}),
    "ftrl": ("Ftrl", {}),
    "ftrl_numbers": (
        "Ftrl",
        {
            "learning_rate": 0.5,
            "learning_rate_power": -0.3,
            "initial_accumulator_value": 0.5,
            "l1_regularization_strength": 0.3,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.05,
            "beta": 0.2,
        },
    ),
    "ftrl_sparse": (
        "Ftrl",
        {"learning_rate": 0.1, "l1_regularization_strength": 2.0, "weight_decay": 0.1},
    ),
    "ftrl_constant": ("Ftrl", {"learning_rate": 0.1, "learning_rate_power": 0.0}),
    "lamb": ("Lamb", {}),
    "lamb_numbers": ("Lamb", {"learning_rate": 0.05, "beta_1": 0.5, "beta_2": 0.8}),
    "lamb_all": ("Lamb", {"learning_rate": COSINE, "epsilon": 0.1, "weight_decay": 0.1}),
    "lion": ("Lion", {}),
    "lion_numbers": ("Lion", {"learning_rate": 0.01, "beta_1": 0.5, "beta_2": 0.8}),
    "lion_all": ("Lion", {"learning_rate": COSINE, "weight_decay": 0.1, "clipvalue": 0.5}),
    "muon": ("Muon", {}),
    "muon_chosen": (
        "Muon",
        {
            "learning_rate": 0.05,
            "exclude_layers": ["kern"],
            "exclude_embeddings": False,
            "rms_rate": None,
        },
    ),
    "muon_numbers": (
        "Muon",
        {
            "learning_rate": 0.05,
            "adam_beta_1": 0.5,
            "adam_beta_2": 0.8,
            "adam_weight_decay": 0.3,
            "epsilon": 0.1,
            "weight_decay": 0.1,
            "muon_a": 3.0,
            "muon_b": -4.0,
            "muon_c": 2.0,
            "adam_lr_ratio": 0.5,
            "momentum": 0.5,
            "ns_steps": 2,
            "nesterov": False,
        },
    ),
    "muon_without": (
        "Muon",
        {"learning_rate": COSINE, "momentum": 0, "weight_decay": None, "adam_weight_decay": None},
    ),
    "nadam": ("Nadam", {}),
    "nadam_numbers": ("Nadam", {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8}),
    "nadam_all": ("Nadam", {"learning_rate": COSINE, "epsilon": 0.1, "weight_decay": 0.1}),
    "schedule_free": ("ScheduleFreeAdamW", {}),
    "schedule_free_numbers": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.1, "beta_1": 0.5, "beta_2": 0.8, "epsilon": 0.1},
    ),
    "schedule_free_all": (
        "ScheduleFreeAdamW",
        {"learning_rate": 0.1, "warmup_steps": 6, "weight_decay": 0.1, "clipnorm": 1.0},
    ),
    "scaled": ("SGD", {"learning_rate": 0.1, "loss_scale_factor": 16.0, "clipvalue": 0.05}),
    "ema": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8}),
    "ema_zero": ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.0}),
    "ema_overwrite": (
        "Adam",
        {"learning_rate": 0.1, "use_ema": True, "ema_overwrite_frequency": 3},
    ),
    "accumulated": ("SGD", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    "accumulated_clipped": (
        "SGD",
        {
            "learning_rate": COSINE,
            "momentum": 0.9,
            "gradient_accumulation_steps": 3,
            "clipnorm": 1.0,
        },
    ),
    "accumulated_scaled": (
        "AdamW",
        {"learning_rate": 0.1, "gradient_accumulation_steps": 2, "loss_scale_factor": 4.0},
    ),
    "accumulated_nadam": ("Nadam", {"learning_rate": 0.1, "gradient_accumulation_steps": 4}),
    "accumulated_adafactor": (
        "Adafactor",
        {"learning_rate": 0.3, "gradient_accumulation_steps": 3, "weight_decay": 0.1},
    ),
    "accumulated_ftrl": ("Ftrl", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    "accumulated_muon": ("Muon", {"learning_rate": 0.1, "gradient_accumulation_steps": 3}),
    "accumulated_averaged": (
        "RMSprop",
        {
            "learning_rate": 0.1,
            "gradient_accumulation_steps": 3,
            "use_ema": True,
            "ema_momentum": 0.7,
            "ema_overwrite_frequency": 2,
            "weight_decay": 0.1,
        },
    ),
    "multi": (
        "MultiOptimizer",
        {
            "optimizer_map": {
                "map": [
                    ["SGD", {"learning_rate": 0.1, "global_clipnorm": 1.0}],
                    {
                        "ker.*": ["Adam", {"learning_rate": 0.1, "use_ema": True}],
                        "bias": ["Lion", {"gradient_accumulation_steps": 2}],
                    },
                ]
            },
            "loss_scale_factor": 2.0,
        },
    ),
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
    """An argument: a schedule or a map of optimizers where it describes one, else itself."""
    if isinstance(value, dict) and "schedule" in value:
        kind, arguments = value["schedule"]
        return getattr(keras.optimizers.schedules, kind)(**arguments)
    if isinstance(value, dict):
        default, entries = value["map"]
        made = {path: build_optimizer(*entry) for path, entry in entries.items()}
        return keras.optimizers.OptimizerMap(build_optimizer(*default), made)
    return value


class OfSteps(keras.optimizers.schedules.LearningRateSchedule):
    """A schedule of steps with `every` gradients each; Keras's schedules count gradients."""

    def __init__(self, schedule: Any, every: int) -> None:
        self.schedule, self.every = schedule, every

    def __call__(self, step: Any) -> Any:
        return self.schedule(step // self.every)

    def get_config(self) -> dict[str, Any]:
        return {"schedule": self.schedule, "every": self.every}


def build_optimizer(kind: str, arguments: dict[str, Any]) -> Any:
    """A Keras optimizer."""
    made = {name: build(value) for name, value in arguments.items()}
    every, rate = arguments.get("gradient_accumulation_steps"), made.get("learning_rate")
    if every and isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        made["learning_rate"] = OfSteps(rate, every)
    return getattr(keras.optimizers, kind)(**made)


def problem() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Starting variables, and gradients that differ in size, with some zeros among them."""
    rng = np.random.default_rng(0)
    params = {path: rng.normal(size=shape).astype(np.float32) for path, shape in SHAPES.items()}
    grads = {path: rng.normal(size=(STEPS, *s)).astype(np.float32) for path, s in SHAPES.items()}
    grads["kernel"][:, 0, 0] = 0.0
    grads["bias"][:5] = 0.0
    grads["bias"][10:] *= 20.0
    return params, grads


def averages(optimizer: Any) -> dict[str, Any]:
    """The moving averages that an optimizer keeps, or those of the optimizers in it."""
    found = {}
    for inner in getattr(optimizer, "optimizers", [optimizer]):
        if inner.use_ema:
            kept = inner._model_variables_moving_average
            found |= {v.name: a for v, a in zip(inner._trainable_variables, kept, strict=True)}
    return found


def follow(kind: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables after each step, and their averages after the last."""
    optimizer = build_optimizer(kind, arguments)
    params, grads = problem()
    variables = {path: keras.Variable(param, name=path) for path, param in params.items()}
    history: dict[str, list[np.ndarray]] = {path: [] for path in variables}
    for step in range(STEPS):
        optimizer.apply([grads[path][step] for path in variables], list(variables.values()))
        for path, variable in variables.items():
            history[path].append(np.asarray(variable.value))
    return {path: np.stack(values) for path, values in history.items()}, averages(optimizer)


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
    arrays |= {f"params/{path}": value for path, value in params.items()}
    arrays |= {f"grads/{path}": value for path, value in grads.items()}
    for name, (kind, arguments) in CASES.items():
        history, kept = follow(kind, arguments)
        arrays |= {f"case/{name}/{path}": values for path, values in history.items()}
        arrays |= {f"average/{name}/{path}": np.asarray(average) for path, average in kept.items()}
    for name, (kind, arguments) in schedules.items():
        schedule = getattr(keras.optimizers.schedules, kind)(**arguments)
        arrays[f"schedule/{name}"] = np.array([float(schedule(s)) for s in steps], np.float32)
    np.savez_compressed(Path(__file__).with_name("optimizers.npz"), **arrays)


if __name__ == "__main__":
    main()
