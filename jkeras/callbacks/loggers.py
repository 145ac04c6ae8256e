"""The callbacks for packages that few have: imported when one of their names is asked for."""

from jkeras.callbacks.mlflow_logger import MLflowLogger
from jkeras.callbacks.tensorboard_images import TensorBoardImages
from jkeras.callbacks.wandb_logger import WandbLogger

__all__ = ["MLflowLogger", "TensorBoardImages", "WandbLogger"]
