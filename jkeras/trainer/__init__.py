"""The one mutable object a user meets, and its Keras faces."""

from jkeras.trainer.base import Trainer
from jkeras.trainer.model import Model
from jkeras.trainer.sequential import Sequential

__all__ = ["Model", "Sequential", "Trainer"]
