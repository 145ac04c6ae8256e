"""Callbacks: host-side reactions to training, in Keras's protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jkeras.callbacks.backup_and_restore import BackupAndRestore
from jkeras.callbacks.base import Callback
from jkeras.callbacks.callback_list import CallbackList
from jkeras.callbacks.csv_logger import CSVLogger
from jkeras.callbacks.early_stopping import EarlyStopping
from jkeras.callbacks.history import History
from jkeras.callbacks.lambda_callback import LambdaCallback
from jkeras.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from jkeras.callbacks.live_plot import LivePlot
from jkeras.callbacks.magnitude_pruning import MagnitudePruning
from jkeras.callbacks.model_checkpoint import ModelCheckpoint
from jkeras.callbacks.orbax_checkpoint import OrbaxCheckpoint
from jkeras.callbacks.profiler import Profiler
from jkeras.callbacks.progbar_logger import ProgbarLogger
from jkeras.callbacks.remote_monitor import RemoteMonitor
from jkeras.callbacks.swap_ema_weights import SwapEMAWeights
from jkeras.callbacks.tensorboard import TensorBoard
from jkeras.callbacks.terminate_on_nan import TerminateOnNaN
from jkeras.core.absent import answering as _answering

if TYPE_CHECKING:
    from jkeras.callbacks.loggers import (
        MLflowLogger,
        OptunaPruning,
        RayTuneReport,
        TensorBoardImages,
        WandbLogger,
    )

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "LivePlot",
    "MLflowLogger",
    "MagnitudePruning",
    "ModelCheckpoint",
    "OptunaPruning",
    "OrbaxCheckpoint",
    "Profiler",
    "ProgbarLogger",
    "RayTuneReport",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "SwapEMAWeights",
    "TensorBoard",
    "TensorBoardImages",
    "TerminateOnNaN",
    "WandbLogger",
]

__getattr__ = _answering(__name__, "jkeras.callbacks.loggers")
