"""MobileNet: depthwise convolutions, each followed by one of 1x1."""

from __future__ import annotations

import os
import warnings
from typing import Any

from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    ReLU,
    Reshape,
    ZeroPadding2D,
)
from jkeras.applications.request import Request, Shape, normalized, rows_and_columns
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, published
from jkeras.core.errors import value_error
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model

__all__ = ["MobileNet", "decode_predictions", "preprocess_input"]

_BLOCKS = (
    (64, 1),
    (128, 2),
    (128, 1),
    (256, 2),
    (256, 1),
    (512, 2),
    *[(512, 1)] * 5,
    (1024, 2),
    (1024, 1),
)
"""Channels and stride of each block."""

_SIZES = (128, 160, 192, 224)
_ALPHAS = {1.0: "1_0", 0.75: "7_5", 0.5: "5_0", 0.25: "2_5"}
"""The published widths, and how the names of their files call them."""


def build(
    label: str,
    input_shape: Shape | None = None,
    alpha: float = 1.0,
    depth_multiplier: int = 1,
    dropout: float = 1e-3,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    default = published_size(input_shape, _SIZES)
    request = Request(label, include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, name, default)  # fmt: skip
    if request.published and depth_multiplier != 1:
        raise request.error(
            "1 with weights='imagenet'", depth_multiplier, argument="depth_multiplier"
        )
    if request.published:
        check_alpha(label, alpha, tuple(_ALPHAS))
    rows = size_of_weights(request, _SIZES)
    image = request.image()
    x = Conv2D(int(32 * alpha), 3, strides=2, padding="same", use_bias=False, name="conv1")(image)
    x = _activated(x, "conv1")
    for number, (filters, stride) in enumerate(_BLOCKS, 1):
        x = _block(x, int(filters * alpha), stride, depth_multiplier, number)
    if include_top:
        x = GlobalAveragePooling2D(keepdims=True)(x)
        x = Dropout(dropout, name="dropout")(x)
        x = Conv2D(classes, 1, padding="same", name="conv_preds")(x)
        x = Reshape((classes,), name="reshape_2")(x)
        x = Activation(classifier_activation, name="predictions")(x)
    else:
        x = request.pooled(x, None, None)
    stem = f"mobilenet_{_ALPHAS.get(alpha, alpha)}_{rows}_tf"
    files = published(f"{FOLDER}mobilenet/", stem, (None, None), (".h5", "_no_top.h5"))
    return request.model(image, x, files, f"mobilenet_{alpha:0.2f}_{rows}")


def published_size(shape: Shape | None, sizes: tuple[int, ...]) -> int:
    """The size of square images in `shape` if weights for it are published, else 224."""
    rows, columns = rows_and_columns(tuple(shape)) if shape and len(shape) == 3 else (None, None)
    return rows if rows is not None and rows == columns and rows in sizes else 224


def size_of_weights(request: Request, sizes: tuple[int, ...]) -> int | None:
    """The height of images; with published weights one for which these exist."""
    rows, columns = rows_and_columns(request.shape)
    if not request.published or (rows == columns and rows in sizes):
        return rows
    if request.input_shape is not None:
        listed = ", ".join(map(str, sizes))
        warnings.warn(
            f"{request.who}: weights='imagenet' for images of 224x224: there are none for "
            f"{request.input_shape}, only for squares of {listed}.",
            stacklevel=5,
        )
    return 224


def check_alpha(who: str, alpha: float, published_alphas: tuple[float, ...]) -> None:
    """Raises a ValueError if no weights are published for this width."""
    if alpha not in published_alphas:
        listed = ", ".join(map(str, published_alphas))
        expected = f"one of {listed} with weights='imagenet'"
        raise value_error(who=who, argument="alpha", expected=expected, got=str(alpha))


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    x = ReLU(6.0, name=f"{name}_relu")(normalized(x, f"{name}_bn"))
    return x


def _block(
    x: KerasTensor, filters: int, stride: int, depth_multiplier: int, number: int
) -> KerasTensor:
    if stride == 2:
        x = ZeroPadding2D(((0, 1), (0, 1)), name=f"conv_pad_{number}")(x)
    x = DepthwiseConv2D(
        3,
        strides=stride,
        padding="same" if stride == 1 else "valid",
        depth_multiplier=depth_multiplier,
        use_bias=False,
        name=f"conv_dw_{number}",
    )(x)
    x = _activated(x, f"conv_dw_{number}")
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"conv_pw_{number}")(x)
    return _activated(x, f"conv_pw_{number}")


MobileNet = variant(build, "MobileNet", "MobileNet", source="Howard et al. 2017, arXiv:1704.04861")

preprocess_input = preprocessing("tf")
