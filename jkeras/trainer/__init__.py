"""The one mutable object a user meets, and its Keras faces."""

from jkeras.trainer.base import Trainer
from jkeras.trainer.faces import install as _install
from jkeras.trainer.function import Function
from jkeras.trainer.model import Model
from jkeras.trainer.sequential import Sequential

_install()

__all__ = ["Function", "Model", "Sequential", "Trainer"]
