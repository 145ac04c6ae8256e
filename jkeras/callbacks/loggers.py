"""The callbacks for packages that few have: imported when one of their names is asked for."""

from jkeras.callbacks.mlflow_logger import MLflowLogger
from jkeras.callbacks.optuna_pruning import OptunaPruning
from jkeras.callbacks.ray_tune_report import RayTuneReport
from jkeras.callbacks.tensorboard_images import TensorBoardImages
from jkeras.callbacks.wandb_logger import WandbLogger

__all__ = ["MLflowLogger", "OptunaPruning", "RayTuneReport", "TensorBoardImages", "WandbLogger"]
