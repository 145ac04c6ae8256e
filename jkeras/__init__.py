"""Keras is how you talk to it, pure functions are what it is, one XLA program is how it runs."""

from jkeras import (
    activations,
    backend,
    callbacks,
    config,
    constraints,
    datasets,
    display,
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
    preprocessing,
    random,
    regularizers,
    saving,
    training,
    tree,
    utils,
    wrappers,
)
from jkeras.core.absent import answering as _answering
from jkeras.core.dtype_policy import DTypePolicy
from jkeras.core.keras_tensor import KerasTensor
from jkeras.core.remat import RematScope, remat
from jkeras.core.variables import Variable
from jkeras.export import load_exported
from jkeras.layers import Input, InputSpec, Layer
from jkeras.trainer import Function, Model, Sequential, Trainer

__version__ = "0.1.0"

__all__ = [
    "DTypePolicy",
    "Function",
    "Input",
    "InputSpec",
    "KerasTensor",
    "Layer",
    "Model",
    "RematScope",
    "Sequential",
    "Trainer",
    "Variable",
    "__version__",
    "activations",
    "backend",
    "callbacks",
    "config",
    "constraints",
    "datasets",
    "display",
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
    "preprocessing",
    "random",
    "regularizers",
    "remat",
    "saving",
    "training",
    "tree",
    "utils",
    "wrappers",
]

__getattr__ = _answering(__name__)
