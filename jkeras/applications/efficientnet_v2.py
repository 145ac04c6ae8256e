"""The family of EfficientNetV2: its first blocks are plain convolutions."""

from __future__ import annotations

import math
import os
from typing import Any, NamedTuple

from jkeras.applications.efficientnet import (
    KERNEL,
    activated,
    classified,
    convolution,
    squeezed,
    with_shortcut,
)
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import DepthwiseConv2D, Normalization, Rescaling
from jkeras.applications.request import Request, Shape, channel_axis, channels, normalized
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, PLAIN, published
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model

__all__ = [
    "EfficientNetV2B0",
    "EfficientNetV2B1",
    "EfficientNetV2B2",
    "EfficientNetV2B3",
    "EfficientNetV2L",
    "EfficientNetV2M",
    "EfficientNetV2S",
    "decode_predictions",
    "preprocess_input",
]

_STAGES = (
    (True, 1, 1),
    (True, 4, 2),
    (True, 4, 2),
    (False, 4, 2),
    (False, 6, 1),
    (False, 6, 2),
    (False, 6, 1),
)
"""Fused, expansion, stride of the first block, in all sizes; the smaller have six stages."""

_STEM_AND_STAGES = {
    "b": ((1, 2, 2, 3, 5, 8), (32, 16, 32, 48, 96, 112, 192)),
    "s": ((2, 4, 4, 6, 9, 15), (24, 24, 48, 64, 128, 160, 256)),
    "m": ((3, 5, 5, 7, 14, 18, 5), (24, 24, 48, 80, 160, 176, 304, 512)),
    "l": ((4, 7, 7, 10, 19, 25, 7), (32, 32, 64, 96, 192, 224, 384, 640)),
}
"""How many blocks each stage has, and the channels of the first convolution and of each stage."""

_MEAN = (0.485, 0.456, 0.406)
_VARIANCE = (0.229**2, 0.224**2, 0.225**2)
_DROP = 0.2
_DROPOUT = 0.2
_NORM = {"momentum": 0.9}


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      name: of the model and its files.
      width, depth: factors of channels and of blocks.
      size: height and width of images.
      blocks: how many each stage has.
      filters: the channels of the first convolution and of each stage.
      checksums: of the published files, with the classifier and without.
    """

    name: str
    width: float
    depth: float
    size: int
    blocks: tuple[int, ...]
    filters: tuple[int, ...]
    checksums: tuple[str, str]

    @property
    def label(self) -> str:
        """The name of the function."""
        return f"EfficientNetV2{self.name.rpartition('-')[2].upper()}"

    def widened(self, count: int) -> int:
        """A number of channels in this width."""
        return max(8, int(count * self.width + 4) // 8 * 8)


def build(
    sizes: Sizes,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    include_preprocessing: bool = True,
    name: str = "efficientnetv2",
) -> Model:
    request = Request(sizes.label, include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, name, sizes.size)  # fmt: skip
    image = x = request.image()
    if include_preprocessing:
        x = _scaled(x, sizes)
    x = convolution(x, "stem_conv", sizes.widened(sizes.filters[0]), 3, strides=2)
    x = activated(x, "stem_bn", "stem_activation", **_NORM)
    done = 0
    for number, (count, filters) in enumerate(zip(sizes.blocks, sizes.filters[1:], strict=True)):
        fused, expansion, stride = _STAGES[number]
        for i in range(math.ceil(sizes.depth * count)):
            prefix, width = f"block{number + 1}{chr(ord('a') + i)}_", sizes.widened(filters)
            block = _fused_block if fused else _block
            before, step = x, stride if i == 0 else 1
            x = block(x, prefix, width, step, expansion)
            if step == 1 and channels(before) == width:
                x = with_shortcut(x, before, prefix, _DROP * done / sum(sizes.blocks))
            done += 1
    x = convolution(x, "top_conv", sizes.widened(1280), 1)
    x = activated(x, "top_bn", "top_activation", **_NORM)
    x = classified(request, x, _DROPOUT)
    files = published(f"{FOLDER}efficientnet_v2/", sizes.name, sizes.checksums, PLAIN)
    return request.model(image, x, files)


def _scaled(x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Pixels of 0 to 255 as the network was trained on them."""
    if sizes.label[:-1].endswith("B") and channels(x) == 3:
        x = Rescaling(1 / 255)(x)
        x = Normalization(mean=_MEAN, variance=_VARIANCE, axis=channel_axis())(x)
    else:
        x = Rescaling(1 / 128, offset=-1)(x)
    return x


def _block(x: KerasTensor, prefix: str, filters: int, stride: int, expansion: int) -> KerasTensor:
    count = channels(x)
    x = convolution(x, f"{prefix}expand_conv", count * expansion, 1)
    x = activated(x, f"{prefix}expand_bn", f"{prefix}expand_activation", **_NORM)
    x = DepthwiseConv2D(
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=KERNEL,
        name=f"{prefix}dwconv2",
    )(x)
    x = activated(x, f"{prefix}bn", f"{prefix}activation", **_NORM)
    x = squeezed(x, prefix, max(1, count // 4))
    x = convolution(x, f"{prefix}project_conv", filters, 1)
    return normalized(x, f"{prefix}project_bn", **_NORM)


def _fused_block(
    x: KerasTensor, prefix: str, filters: int, stride: int, expansion: int
) -> KerasTensor:
    if expansion == 1:
        x = convolution(x, f"{prefix}project_conv", filters, 3, strides=stride)
        return activated(x, f"{prefix}project_bn", f"{prefix}project_activation", **_NORM)
    width = channels(x) * expansion
    x = convolution(x, f"{prefix}expand_conv", width, 3, strides=stride)
    x = activated(x, f"{prefix}expand_bn", f"{prefix}expand_activation", **_NORM)
    x = convolution(x, f"{prefix}project_conv", filters, 1)
    return normalized(x, f"{prefix}project_bn", **_NORM)


_TABLE = {
    "b0": (1.0, 1.0, 224,
           ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")),
    "b1": (1.0, 1.1, 240,
           ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37")),
    "b2": (1.1, 1.2, 260,
           ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb")),
    "b3": (1.2, 1.4, 300,
           ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856")),
    "s": (1.0, 1.0, 384,
           ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")),
    "m": (1.0, 1.0, 480,
           ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")),
    "l": (1.0, 1.0, 480,
           ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")),
}  # fmt: skip
"""Width, depth, size of images, and checksums."""

(
    EfficientNetV2B0,
    EfficientNetV2B1,
    EfficientNetV2B2,
    EfficientNetV2B3,
    EfficientNetV2S,
    EfficientNetV2M,
    EfficientNetV2L,
) = (
    variant(
        build,
        f"EfficientNetV2{size.upper()}",
        Sizes(f"efficientnetv2-{size}", *row[:3], *_STEM_AND_STAGES[size[0]], row[3]),
        source="Tan and Le 2021, arXiv:2104.00298",
        name=f"efficientnetv2-{size}",
    )
    for size, row in _TABLE.items()
)

preprocess_input = preprocessing(None)
