"""LiteRT, once TensorFlow Lite: models for phones and small devices.

A model is traced, put into operations that the converter takes (`lowering`), and converted and
quantized in a process of its own (`converting`, `converter`); the written file runs by
`ai-edge-litert` (`runtime`).
"""

from jkeras.export.litert.runtime import load
from jkeras.export.litert.writing import write

__all__ = ["load", "write"]
