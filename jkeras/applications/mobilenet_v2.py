"""MobileNetV2: inverted residual blocks, wide inside and narrow between."""

from __future__ import annotations

import os
from typing import Any

from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.mobilenet import check_alpha, published_size, size_of_weights
from jkeras.applications.parts import Add, Conv2D, DepthwiseConv2D, ReLU, ZeroPadding2D
from jkeras.applications.request import (
    Request,
    Shape,
    channels,
    divisible,
    normalized,
    strided_padding,
)
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, published
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model

__all__ = ["MobileNetV2", "decode_predictions", "preprocess_input"]

_STAGES = (
    (16, 1, 1, 1),
    (24, 2, 2, 6),
    (32, 3, 2, 6),
    (64, 4, 2, 6),
    (96, 3, 1, 6),
    (160, 3, 2, 6),
    (320, 1, 1, 6),
)
"""Channels, number of blocks, stride of the first, and how much wider blocks are inside."""

_NORM = {"epsilon": 1e-3, "momentum": 0.999}
_SIZES = (96, 128, 160, 192, 224)
_ALPHAS = (0.35, 0.5, 0.75, 1.0, 1.3, 1.4)


def build(
    label: str,
    input_shape: Shape | None = None,
    alpha: float = 1.0,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str | None = None,
) -> Model:
    shape = input_shape
    if shape is None and isinstance(input_tensor, KerasTensor):
        shape = input_tensor.shape[1:]
    request = Request(label, include_top, weights, input_tensor, input_shape, pooling, classes,
                      classifier_activation, name, published_size(shape, _SIZES))  # fmt: skip
    request.check_tensor()
    if request.published:
        check_alpha(label, alpha, _ALPHAS)
    rows = size_of_weights(request, _SIZES)
    image = request.image()
    filters = divisible(32 * alpha)
    x = Conv2D(filters, 3, strides=2, padding="same", use_bias=False, name="Conv1")(image)
    x = ReLU(6.0, name="Conv1_relu")(normalized(x, "bn_Conv1", **_NORM))
    number = 0
    for filters, blocks, first_stride, expansion in _STAGES:
        for i in range(blocks):
            width = divisible(int(filters * alpha))
            x = _block(x, width, first_stride if i == 0 else 1, expansion, number)
            number += 1
    last = divisible(1280 * alpha) if alpha > 1 else 1280
    x = Conv2D(last, 1, use_bias=False, name="Conv_1")(x)
    x = ReLU(6.0, name="out_relu")(normalized(x, "Conv_1_bn", **_NORM))
    x = request.classified(x, None) if include_top else request.pooled(x, None, None)
    stem = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_{float(alpha)}_{rows}"
    files = published(f"{FOLDER}mobilenet_v2/", stem, (None, None), (".h5", "_no_top.h5"))
    return request.model(image, x, files, f"mobilenetv2_{alpha:0.2f}_{rows}")


def _block(x: KerasTensor, filters: int, stride: int, expansion: int, number: int) -> KerasTensor:
    before, prefix = x, f"block_{number}_" if number else "expanded_conv_"
    if number:
        width = expansion * channels(x)
        x = Conv2D(width, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = normalized(x, f"{prefix}expand_BN", **_NORM)
        x = ReLU(6.0, name=f"{prefix}expand_relu")(x)
    if stride == 2:
        x = ZeroPadding2D(strided_padding(x, 3), name=f"{prefix}pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = DepthwiseConv2D(
        3, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise"
    )(x)
    x = normalized(x, f"{prefix}depthwise_BN", **_NORM)
    x = ReLU(6.0, name=f"{prefix}depthwise_relu")(x)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = normalized(x, f"{prefix}project_BN", **_NORM)
    if channels(before) == filters and stride == 1:
        x = Add(name=f"{prefix}add")([before, x])
    return x


MobileNetV2 = variant(
    build, "MobileNetV2", "MobileNetV2", source="Sandler et al. 2018, arXiv:1801.04381"
)

preprocess_input = preprocessing("tf")
