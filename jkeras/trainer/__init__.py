"""The one mutable object a user meets, and its Keras faces."""

from jkeras.trainer.function import Function
from jkeras.trainer.model import Model
from jkeras.trainer.sequential import Sequential
from jkeras.trainer.trainer import Trainer

__all__ = ["Function", "Model", "Sequential", "Trainer"]
