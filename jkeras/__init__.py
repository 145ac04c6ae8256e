"""Keras is how you talk to it, pure functions are what it is, one XLA program is how it runs."""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING

from jkeras import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    display,
    distillation,
    distribution,
    dtype_policies,
    estimators,
    export,
    initializers,
    layers,
    losses,
    metrics,
    mixed_precision,
    models,
    ops,
    optimizers,
    population,
    preprocessing,
    quantizers,
    random,
    regularizers,
    saving,
    training,
    tree,
    tuning,
    utils,
    visualization,
    wrappers,
)
from jkeras.core.absent import answering as _answering
from jkeras.core.devices import device
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.keras_tensor import KerasTensor
from jkeras.core.remat import RematScope, remat
from jkeras.core.variables import Variable
from jkeras.export import load_exported
from jkeras.initializers import Initializer
from jkeras.layers import Input, InputSpec, Layer
from jkeras.losses import Loss
from jkeras.metrics import Metric
from jkeras.optimizers import Optimizer
from jkeras.quantizers import Quantizer
from jkeras.regularizers import Regularizer
from jkeras.trainer import Function, Model, Sequential, Trainer

__version__ = "0.1.0"

FloatDTypePolicy = DTypePolicy
"""Keras's other name of it."""


def version() -> str:
    """The version of this package."""
    return __version__


__all__ = [
    "DTypePolicy",
    "FloatDTypePolicy",
    "Function",
    "Initializer",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Loss",
    "Metric",
    "Model",
    "Optimizer",
    "Population",
    "Quantizer",
    "Regularizer",
    "RematScope",
    "Sequential",
    "Trainer",
    "Variable",
    "__version__",
    "activations",
    "applications",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "cross_validate",
    "datasets",
    "device",
    "display",
    "distillation",
    "distribution",
    "dtype_policies",
    "estimators",
    "export",
    "initializers",
    "layers",
    "load_exported",
    "losses",
    "metrics",
    "mixed_precision",
    "models",
    "ops",
    "optimizers",
    "population",
    "preprocessing",
    "quantizers",
    "random",
    "regularizers",
    "remat",
    "saving",
    "training",
    "tree",
    "tuning",
    "utils",
    "version",
    "visualization",
    "wrappers",
]

if TYPE_CHECKING:
    from jkeras import applications
    from jkeras.population import Population, cross_validate

_absent = _answering(__name__, "jkeras.population")


def __getattr__(name: str) -> object:
    """`applications`, imported when it is asked for, and a model's population."""
    return _import_module("jkeras.applications") if name == "applications" else _absent(name)
