"""Callbacks: host-side reactions to training, in Keras's protocol."""

from jkeras.callbacks.base import Callback, CallbackList
from jkeras.callbacks.early_stopping import EarlyStopping
from jkeras.callbacks.functions import LambdaCallback
from jkeras.callbacks.history import History
from jkeras.callbacks.profiler import Profiler

__all__ = ["Callback", "CallbackList", "EarlyStopping", "History", "LambdaCallback", "Profiler"]
