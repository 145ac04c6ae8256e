"""Optimizers and learning-rate schedules under Keras's names, as pure optax transformations."""

from jkeras.optimizers import schedules
from jkeras.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam, ScheduleFreeAdamW
from jkeras.optimizers.adaptive import Adadelta, Adafactor, Adagrad, RMSprop
from jkeras.optimizers.base import Optimizer, OptimizerState, Scheduled
from jkeras.optimizers.descent import SGD, Lion
from jkeras.optimizers.extra_arguments import compute_updates, init_state
from jkeras.optimizers.ftrl import Ftrl
from jkeras.optimizers.learning_rate import (
    get_learning_rate,
    override_learning_rate,
    set_learning_rate,
)
from jkeras.optimizers.loop import final_params, scale_loss, scales_loss
from jkeras.optimizers.loss_scale import LossScaleOptimizer, LossScaleState
from jkeras.optimizers.multi import MultiOptimizer, MultiState, OptimizerMap
from jkeras.optimizers.muon import Muon
from jkeras.optimizers.refit import refitted
from jkeras.optimizers.resolve import (
    apply_updates,
    as_transformation,
    deserialize,
    get,
    serialize,
)

__all__ = [
    "SGD",
    "Adadelta",
    "Adafactor",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lamb",
    "Lion",
    "LossScaleOptimizer",
    "LossScaleState",
    "MultiOptimizer",
    "MultiState",
    "Muon",
    "Nadam",
    "Optimizer",
    "OptimizerMap",
    "OptimizerState",
    "RMSprop",
    "ScheduleFreeAdamW",
    "Scheduled",
    "apply_updates",
    "as_transformation",
    "compute_updates",
    "deserialize",
    "final_params",
    "get",
    "get_learning_rate",
    "init_state",
    "override_learning_rate",
    "refitted",
    "scale_loss",
    "scales_loss",
    "schedules",
    "serialize",
    "set_learning_rate",
]
