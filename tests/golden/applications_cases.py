"""What `make_applications.py` gives to Keras's networks and the tests to ours."""

from collections.abc import Sequence
from typing import Any

import numpy as np

SMALLEST = {
    "ConvNeXtTiny": 32,
    "DenseNet121": 32,
    "EfficientNetB0": 32,
    "EfficientNetV2B0": 32,
    "InceptionResNetV2": 75,
    "InceptionV3": 75,
    "MobileNet": 32,
    "MobileNetV2": 32,
    "MobileNetV3Small": 32,
    "NASNetMobile": 32,
    "ResNet50": 32,
    "ResNet50V2": 32,
    "VGG16": 32,
    "Xception": 71,
}
"""The smallest network of each family, and the height and width of its image."""


def image(size: int) -> np.ndarray:
    """One image of random pixels."""
    return np.random.default_rng(0).uniform(0, 255, (1, size, size, 3)).astype("float32")


def weight(number: int, shape: Sequence[int], dtype: Any) -> np.ndarray:
    """Weight by its number in the order of `get_weights`: kernels that keep the size of values,
    and others around one, since deviations among them have to be positive.
    """
    rng = np.random.default_rng(number)
    if len(shape) < 2:
        return rng.uniform(0.5, 1.5, tuple(shape)).astype(dtype)
    inputs = np.prod(shape[:-1]) if shape[-1] > 1 else 9
    return (rng.standard_normal(tuple(shape)) / np.sqrt(inputs)).astype(dtype)


def summary(outputs: np.ndarray) -> list[float]:
    """Twenty of the outputs, and their mean."""
    flat = np.asarray(outputs, "float64").ravel()
    return [*flat[:: max(1, len(flat) // 20)][:20].tolist(), float(flat.mean())]
