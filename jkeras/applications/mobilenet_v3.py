"""MobileNetV3: inverted residual blocks with squeeze-and-excite and hard-swish."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.mobilenet import check_alpha, size_of_weights
from jkeras.applications.parts import (
    Activation,
    Add,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling2D,
    Multiply,
    ReLU,
    Rescaling,
    ZeroPadding2D,
)
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

__all__ = ["MobileNetV3Large", "MobileNetV3Small", "decode_predictions", "preprocess_input"]

Block = tuple[float, int, int, int, bool, bool]
"""Expansion, channels, kernel, stride, squeeze-and-excite, hard-swish."""


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      label: the name of the function.
      blocks: in order.
      last: the channels in front of the classifier.
      checksums: of the published files, by the end of their names.
    """

    label: str
    blocks: tuple[Block, ...]
    last: int
    checksums: dict[str, tuple[str, str]]


_SMALL = Sizes(
    "MobileNetV3Small",
    (
        (1, 16, 3, 2, True, False),
        (72 / 16, 24, 3, 2, False, False),
        (88 / 24, 24, 3, 1, False, False),
        (4, 40, 5, 2, True, True),
        (6, 40, 5, 1, True, True),
        (6, 40, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (3, 48, 5, 1, True, True),
        (6, 96, 5, 2, True, True),
        (6, 96, 5, 1, True, True),
        (6, 96, 5, 1, True, True),
    ),
    1024,
    {
        "small_224_0.75": ("cb65d4e5be93758266aa0a7f2c6708b7", "ebdb5cc8e0b497cd13a7c275d475c819"),
        "small_224_1.0": ("8768d4c2e7dee89b9d02b2d03d65d862", "d3e8ec802a04aa4fc771ee12a9a9b836"),
        "small_minimalistic_224_1.0": (
            "99cd97fb2fcdad2bf028eb838de69e37",
            "cde8136e733e811080d9fcd8a252f7e4",
        ),
    },
)
_LARGE = Sizes(
    "MobileNetV3Large",
    (
        (1, 16, 3, 1, False, False),
        (4, 24, 3, 2, False, False),
        (3, 24, 3, 1, False, False),
        (3, 40, 5, 2, True, False),
        (3, 40, 5, 1, True, False),
        (3, 40, 5, 1, True, False),
        (6, 80, 3, 2, False, True),
        (2.5, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (2.3, 80, 3, 1, False, True),
        (6, 112, 3, 1, True, True),
        (6, 112, 3, 1, True, True),
        (6, 160, 5, 2, True, True),
        (6, 160, 5, 1, True, True),
        (6, 160, 5, 1, True, True),
    ),
    1280,
    {
        "large_224_0.75": ("765b44a33ad4005b3ac83185abf1d0eb", "40af19a13ebea4e2ee0c676887f69a2e"),
        "large_224_1.0": ("59e551e166be033d707958cf9e29a6a7", "07fb09a5933dd0c8eaafa16978110389"),
        "large_minimalistic_224_1.0": (
            "675e7b876c45c57e9e63e6d90a36599c",
            "ec5221f64a2f6d1ef965a614bdae7973",
        ),
    },
)
_NORM = {"epsilon": 1e-3, "momentum": 0.999}


def build(
    sizes: Sizes,
    input_shape: Shape | None = None,
    alpha: float = 1.0,
    minimalistic: bool = False,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    classes: int = 1000,
    pooling: str | None = None,
    dropout_rate: float = 0.2,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "MobileNetV3",
) -> Model:
    request = Request(sizes.label, include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, name, fixed_size=False)  # fmt: skip
    request.check_tensor()
    if request.published:
        check_alpha(sizes.label, alpha, (1.0,) if minimalistic else (0.75, 1.0))
        size_of_weights(request, (224,))
    image = x = request.image()
    if include_preprocessing:
        x = Rescaling(1 / 127.5, offset=-1.0)(x)
    x = Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="conv")(x)
    x = _activated(x, "conv_bn", not minimalistic)
    for number, (expansion, filters, kernel, stride, squeezes, hard) in enumerate(sizes.blocks):
        block = (expansion, divisible(filters * alpha), kernel, stride, squeezes, hard)
        if minimalistic:
            block = (*block[:2], 3, stride, False, False)
        x = _block(x, block, number)
    x = Conv2D(divisible(6 * channels(x)), 1, padding="same", use_bias=False, name="conv_1")(x)
    x = _activated(x, "conv_1_bn", not minimalistic)
    if include_top:
        x = GlobalAveragePooling2D(keepdims=True)(x)
        last = divisible(sizes.last * alpha) if alpha > 1 else sizes.last
        x = _activation(Conv2D(last, 1, padding="same", name="conv_2")(x), not minimalistic)
        x = Dropout(dropout_rate)(x) if dropout_rate > 0 else x
        x = Flatten()(Conv2D(classes, 1, padding="same", name="logits")(x))
        x = Activation(classifier_activation, name="predictions")(x)
    else:
        x = request.pooled(x)
    size = sizes.label.removeprefix("MobileNetV3").lower()
    known = f"{size}{'_minimalistic' if minimalistic else ''}_224_{float(alpha)}"
    checksums = sizes.checksums.get(known, ("", ""))
    stem = f"weights_mobilenet_v3_{known}_float"
    files = published(f"{FOLDER}mobilenet_v3/", stem, checksums, (".h5", "_no_top_v2.h5"))
    return request.model(image, x, files)


def _activation(x: KerasTensor, hard: bool) -> KerasTensor:
    x = (Activation("hard_swish") if hard else ReLU())(x)
    return x


def _activated(x: KerasTensor, name: str, hard: bool) -> KerasTensor:
    return _activation(normalized(x, name, **_NORM), hard)


def _squeezed(x: KerasTensor, filters: int, prefix: str) -> KerasTensor:
    prefix = f"{prefix}squeeze_excite_"
    weight = GlobalAveragePooling2D(keepdims=True, name=f"{prefix}avg_pool")(x)
    weight = Conv2D(divisible(filters / 4), 1, padding="same", name=f"{prefix}conv")(weight)
    weight = ReLU(name=f"{prefix}relu")(weight)
    weight = Conv2D(filters, 1, padding="same", name=f"{prefix}conv_1")(weight)
    weight = ReLU(6.0)(weight + 3.0) * (1.0 / 6.0)
    x = Multiply(name=f"{prefix}mul")([x, weight])
    return x


def _block(x: KerasTensor, block: Block, number: int) -> KerasTensor:
    expansion, filters, kernel, stride, squeezes, hard = block
    before, prefix = x, f"expanded_conv_{number}_" if number else "expanded_conv_"
    width = divisible(channels(x) * expansion)
    if number:
        x = Conv2D(width, 1, padding="same", use_bias=False, name=f"{prefix}expand")(x)
        x = _activated(x, f"{prefix}expand_bn", hard)
    if stride == 2:
        x = ZeroPadding2D(strided_padding(x, kernel), name=f"{prefix}depthwise_pad")(x)
    padding = "same" if stride == 1 else "valid"
    x = DepthwiseConv2D(
        kernel, strides=stride, padding=padding, use_bias=False, name=f"{prefix}depthwise"
    )(x)
    x = _activated(x, f"{prefix}depthwise_bn", hard)
    if squeezes:
        x = _squeezed(x, width, prefix)
    x = Conv2D(filters, 1, padding="same", use_bias=False, name=f"{prefix}project")(x)
    x = normalized(x, f"{prefix}project_bn", **_NORM)
    if stride == 1 and channels(before) == filters:
        x = Add(name=f"{prefix}add")([before, x])
    return x


MobileNetV3Small, MobileNetV3Large = (
    variant(
        build,
        sizes.label,
        sizes,
        source="Howard et al. 2019, arXiv:1905.02244",
        name=sizes.label,
    )
    for sizes in (_SMALL, _LARGE)
)

preprocess_input = preprocessing(None)
