"""Optimizers and learning-rate schedules under Keras's names, as pure optax transformations."""

from jkeras.optimizers import schedules
from jkeras.optimizers.algorithms import SGD, Adam, AdamW, RMSprop
from jkeras.optimizers.base import Optimizer, OptimizerState, Scheduled
from jkeras.optimizers.rates import get_learning_rate, set_learning_rate
from jkeras.optimizers.resolve import apply_updates, as_transformation, get

__all__ = [
    "SGD",
    "Adam",
    "AdamW",
    "Optimizer",
    "OptimizerState",
    "RMSprop",
    "Scheduled",
    "apply_updates",
    "as_transformation",
    "get",
    "get_learning_rate",
    "schedules",
    "set_learning_rate",
]
