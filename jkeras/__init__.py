"""Keras is how you talk to it, pure functions are what it is, one XLA program is how it runs."""

from jkeras import (
    activations,
    callbacks,
    constraints,
    datasets,
    display,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    training,
    utils,
)
from jkeras.layers import Input, Layer
from jkeras.trainer import Sequential, Trainer

__version__ = "0.1.0"

__all__ = [
    "Input",
    "Layer",
    "Sequential",
    "Trainer",
    "__version__",
    "activations",
    "callbacks",
    "constraints",
    "datasets",
    "display",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "training",
    "utils",
]
