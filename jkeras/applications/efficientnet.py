"""The family of EfficientNet: one network of inverted residual blocks, in eight sizes."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from jkeras.applications.family import Family
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import (
    Activation,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    GlobalAveragePooling2D,
    Normalization,
    Rescaling,
    Reshape,
    ZeroPadding2D,
    add,
    multiply,
)
from jkeras.applications.request import (
    Request,
    channel_axis,
    channels,
    divisible,
    image_shape,
    normalized,
    strided_padding,
)
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import PLAIN, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor
from jkeras.ops.random_initializers import VarianceScaling

__all__ = [
    "EfficientNetB0",
    "EfficientNetB1",
    "EfficientNetB2",
    "EfficientNetB3",
    "EfficientNetB4",
    "EfficientNetB5",
    "EfficientNetB6",
    "EfficientNetB7",
    "decode_predictions",
    "preprocess_input",
]

KERNEL = VarianceScaling(2.0, "fan_out", "truncated_normal")
"""The first weights of convolutions."""
CLASSIFIER = VarianceScaling(1 / 3, "fan_out", "uniform")
"""The first weights of the classifier."""

_STAGES = (
    (3, 1, 16, 1, 1),
    (3, 2, 24, 6, 2),
    (5, 2, 40, 6, 2),
    (3, 3, 80, 6, 2),
    (5, 3, 112, 6, 1),
    (5, 4, 192, 6, 2),
    (3, 1, 320, 6, 1),
)
"""Kernel, number of blocks, channels, expansion, stride of the first block."""

_DEVIATION = (0.229, 0.224, 0.225)
_DROP = 0.2


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      label: the name of the function.
      width, depth: factors of channels and of blocks.
      size: height and width of images.
      dropout: the rate before the classifier.
      checksums: of the published files, with the classifier and without.
    """

    label: str
    width: float
    depth: float
    size: int
    dropout: float
    checksums: tuple[str, str]


def _outputs(sizes: Sizes, request: Request, x: KerasTensor) -> KerasTensor:
    statistics = Normalization(axis=channel_axis()).start_as_identity()  # until a file has some
    x = statistics(Rescaling(1 / 255)(x))
    if request.published:  # these weights expect the root of the deviation once more
        x = Rescaling([1 / math.sqrt(deviation) for deviation in _DEVIATION])(x)
    x = ZeroPadding2D(strided_padding(x, 3), name="stem_conv_pad")(x)
    x = convolution(x, "stem_conv", divisible(32 * sizes.width), 3, strides=2, padding="valid")
    x = activated(x, "stem_bn", "stem_activation")
    repeats = [math.ceil(sizes.depth * stage[1]) for stage in _STAGES]
    done = 0
    for number, (kernel, _, filters, expansion, stride) in enumerate(_STAGES):
        for i in range(repeats[number]):
            prefix = f"block{number + 1}{chr(ord('a') + i)}_"
            drop = _DROP * done / sum(repeats)
            width = divisible(filters * sizes.width)
            x = _block(x, prefix, width, kernel, stride if i == 0 else 1, expansion, drop)
            done += 1
    x = convolution(x, "top_conv", divisible(1280 * sizes.width), 1)
    x = activated(x, "top_bn", "top_activation")
    return classified(request, x, sizes.dropout)


def _files(sizes: Sizes) -> WeightFiles:
    return published("keras-applications/", sizes.label.lower(), sizes.checksums, PLAIN)


build = Family(_outputs, _files)


def classified(request: Request, x: KerasTensor, dropout: float) -> KerasTensor:
    """The end of the network, with or without its classifier."""
    if not request.include_top:
        return request.pooled(x)
    x = GlobalAveragePooling2D(name="avg_pool")(x)
    x = Dropout(dropout, name="top_dropout")(x)
    return request.predictions(x, kernel_initializer=CLASSIFIER)


def convolution(
    x: KerasTensor, name: str, filters: int, kernel: int, **options: Any
) -> KerasTensor:
    """A convolution without biases that keeps the size, unless `options` say otherwise."""
    options = {"padding": "same", "use_bias": False, "kernel_initializer": KERNEL} | options
    x = Conv2D(filters, kernel, name=name, **options)(x)
    return x


def activated(x: KerasTensor, name: str, activation: str, **options: Any) -> KerasTensor:
    """Normalization and swish, under these names of layers."""
    x = Activation("swish", name=activation)(normalized(x, name, **options))
    return x


def squeezed(x: KerasTensor, prefix: str, filters: int) -> KerasTensor:
    """The channels times weights that their means give, through `filters` channels."""
    width = channels(x)
    weight = GlobalAveragePooling2D(name=f"{prefix}se_squeeze")(x)
    weight = Reshape(image_shape(1, 1, width), name=f"{prefix}se_reshape")(weight)
    options = {"use_bias": True}
    weight = convolution(weight, f"{prefix}se_reduce", filters, 1, activation="swish", **options)
    weight = convolution(weight, f"{prefix}se_expand", width, 1, activation="sigmoid", **options)
    x = multiply([x, weight], name=f"{prefix}se_excite")
    return x


def with_shortcut(x: KerasTensor, before: KerasTensor, prefix: str, drop: float) -> KerasTensor:
    """The outputs of a block plus its inputs; while training whole examples are dropped."""
    if drop > 0:
        x = Dropout(drop, noise_shape=(None, 1, 1, 1), name=f"{prefix}drop")(x)
    x = add([x, before], name=f"{prefix}add")
    return x


def _block(
    x: KerasTensor,
    prefix: str,
    filters: int,
    kernel: int,
    stride: int,
    expansion: int,
    drop: float,
) -> KerasTensor:
    before, count = x, channels(x)
    if expansion != 1:
        x = convolution(x, f"{prefix}expand_conv", count * expansion, 1)
        x = activated(x, f"{prefix}expand_bn", f"{prefix}expand_activation")
    if stride == 2:
        x = ZeroPadding2D(strided_padding(x, kernel), name=f"{prefix}dwconv_pad")(x)
    x = DepthwiseConv2D(
        kernel,
        strides=stride,
        padding="valid" if stride == 2 else "same",
        use_bias=False,
        depthwise_initializer=KERNEL,
        name=f"{prefix}dwconv",
    )(x)
    x = activated(x, f"{prefix}bn", f"{prefix}activation")
    x = squeezed(x, prefix, max(1, count // 4))
    x = convolution(x, f"{prefix}project_conv", filters, 1)
    x = normalized(x, f"{prefix}project_bn")
    return with_shortcut(x, before, prefix, drop) if stride == 1 and count == filters else x


_TABLE = (
    (1.0, 1.0, 224, 0.2, "902e53a9f72be733fc0bcb005b3ebbac", "50bc09e76180e00e4465e1a485ddc09d"),
    (1.0, 1.1, 240, 0.2, "1d254153d4ab51201f1646940f018540", "74c4e6b3e1f6a1eea24c589628592432"),
    (1.1, 1.2, 260, 0.3, "b15cce36ff4dcbd00b6dd88e7857a6ad", "111f8e2ac8aa800a7a99e3239f7bfb39"),
    (1.2, 1.4, 300, 0.3, "ffd1fdc53d0ce67064dc6a9c7960ede0", "af6d107764bb5b1abb91932881670226"),
    (1.4, 1.8, 380, 0.4, "18c95ad55216b8f92d7e70b3a046e2fc", "ebc24e6d6c33eaebbd558eafbeedf1ba"),
    (1.6, 2.2, 456, 0.4, "ace28f2a6363774853a83a0b21b9421a", "38879255a25d3c92d5e44e04ae6cec6f"),
    (1.8, 2.6, 528, 0.5, "165f6e37dce68623721b423839de8be5", "9ecce42647a20130c1f39a5d4cb75743"),
    (2.0, 3.1, 600, 0.5, "8c03f828fec3ef71311cd463b6759d99", "cbcfe4450ddf6f3ad90b1b398090fe4a"),
)
"""Width, depth, size of images, dropout and checksums of B0 to B7."""

(
    EfficientNetB0,
    EfficientNetB1,
    EfficientNetB2,
    EfficientNetB3,
    EfficientNetB4,
    EfficientNetB5,
    EfficientNetB6,
    EfficientNetB7,
) = (
    variant(
        build,
        f"EfficientNetB{i}",
        Sizes(f"EfficientNetB{i}", *row[:4], row[4:]),
        source="Tan and Le 2019, arXiv:1905.11946",
        name=f"efficientnetb{i}",
    )
    for i, row in enumerate(_TABLE)
)

preprocess_input = preprocessing(None)
