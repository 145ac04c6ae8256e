"""Training as pure functions: what the Trainer runs, usable without it."""

from jkeras.core.batch import Batch
from jkeras.core.jit_step import jit_step
from jkeras.training.objective import Objective
from jkeras.training.state import TrainState
from jkeras.training.steps import make_init, make_objective, make_train_step
from jkeras.training.user_steps import make_train_state, step_key

__all__ = [
    "Batch",
    "Objective",
    "TrainState",
    "jit_step",
    "make_init",
    "make_objective",
    "make_train_state",
    "make_train_step",
    "step_key",
]
