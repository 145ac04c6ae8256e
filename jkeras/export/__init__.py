"""Trained models for other places: StableHLO, ONNX, LiteRT, a web page.

`model.export` and `load_exported` are for models. Below them are pure functions: `inference_of`
describes any network with its weights, and `export` writes what it gives.
"""

from jkeras.core.absent import answering as _answering
from jkeras.export.describing import inference_of
from jkeras.export.formats import export
from jkeras.export.inference import Inference, TensorSpec
from jkeras.export.loading import ExportedModel, load_exported

__all__ = [
    "ExportedModel",
    "Inference",
    "TensorSpec",
    "export",
    "inference_of",
    "load_exported",
]

__getattr__ = _answering(__name__)
