"""Activation functions by their Keras names: `from jkeras.activations import relu`."""

from jkeras.ops.activations import *  # noqa: F403
from jkeras.ops.activations import __all__ as __all__
