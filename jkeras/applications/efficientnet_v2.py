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
from jkeras.applications.weight_files import FOLDER, published
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

Stage = tuple[bool, int, int, int, int, int]
"""Fused, number of blocks, channels before and after, expansion, stride of the first block."""

_B: tuple[Stage, ...] = (
    (True, 1, 32, 16, 1, 1),
    (True, 2, 16, 32, 4, 2),
    (True, 2, 32, 48, 4, 2),
    (False, 3, 48, 96, 4, 2),
    (False, 5, 96, 112, 6, 1),
    (False, 8, 112, 192, 6, 2),
)
_S: tuple[Stage, ...] = (
    (True, 2, 24, 24, 1, 1),
    (True, 4, 24, 48, 4, 2),
    (True, 4, 48, 64, 4, 2),
    (False, 6, 64, 128, 4, 2),
    (False, 9, 128, 160, 6, 1),
    (False, 15, 160, 256, 6, 2),
)
_M: tuple[Stage, ...] = (
    (True, 3, 24, 24, 1, 1),
    (True, 5, 24, 48, 4, 2),
    (True, 5, 48, 80, 4, 2),
    (False, 7, 80, 160, 4, 2),
    (False, 14, 160, 176, 6, 1),
    (False, 18, 176, 304, 6, 2),
    (False, 5, 304, 512, 6, 1),
)
_L: tuple[Stage, ...] = (
    (True, 4, 32, 32, 1, 1),
    (True, 7, 32, 64, 4, 2),
    (True, 7, 64, 96, 4, 2),
    (False, 10, 96, 192, 4, 2),
    (False, 19, 192, 224, 6, 1),
    (False, 25, 224, 384, 6, 2),
    (False, 7, 384, 640, 6, 1),
)

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
      stages: the blocks.
      checksums: of the published files, with the classifier and without.
    """

    name: str
    width: float
    depth: float
    size: int
    stages: tuple[Stage, ...]
    checksums: tuple[str, str]

    @property
    def label(self) -> str:
        """The name of the function."""
        return f"EfficientNetV2{self.name.rpartition('-')[2].upper()}"

    def filters(self, count: int) -> int:
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
    x = convolution(x, "stem_conv", sizes.filters(sizes.stages[0][2]), 3, strides=2)
    x = activated(x, "stem_bn", "stem_activation", **_NORM)
    blocks = sum(stage[1] for stage in sizes.stages)
    done = 0
    for number, (fused, count, _, filters, expansion, stride) in enumerate(sizes.stages, 1):
        for i in range(math.ceil(sizes.depth * count)):
            prefix, width = f"block{number}{chr(ord('a') + i)}_", sizes.filters(filters)
            block = _fused_block if fused else _block
            before, step = x, stride if i == 0 else 1
            x = block(x, prefix, width, step, expansion)
            if step == 1 and channels(before) == width:
                x = with_shortcut(x, before, prefix, _DROP * done / blocks)
            done += 1
    x = convolution(x, "top_conv", sizes.filters(1280), 1)
    x = activated(x, "top_bn", "top_activation", **_NORM)
    x = classified(request, x, _DROPOUT)
    folder, endings = f"{FOLDER}efficientnet_v2/", (".h5", "_notop.h5")
    return request.model(image, x, published(folder, sizes.name, sizes.checksums, endings))


def _scaled(x: KerasTensor, sizes: Sizes) -> KerasTensor:
    """Pixels of 0 to 255 as the network was trained on them."""
    if sizes.stages is _B and channels(x) == 3:
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
    "b0": (1.0, 1.0, 224, _B,
           ("21ecbf6da12460d5c40bb2f29ceb2188", "893217f2bb855e2983157299931e43ff")),
    "b1": (1.0, 1.1, 240, _B,
           ("069f0534ff22adf035c89e2d9547a9dc", "0e80663031ca32d657f9caa404b6ec37")),
    "b2": (1.1, 1.2, 260, _B,
           ("424e49f28180edbde1e94797771950a7", "1dfe2e7a5d45b6632553a8961ea609eb")),
    "b3": (1.2, 1.4, 300, _B,
           ("1f1fc43bd98a6e4fd8fdfd551e02c7a0", "f6abf7b5849ac99a89b50dd3fd532856")),
    "s": (1.0, 1.0, 384, _S,
          ("e1d88a8495beba45748fedd0cecbe016", "af0682fb74e8c54910f2d4393339c070")),
    "m": (1.0, 1.0, 480, _M,
          ("a3bf6aa3276309f4fc6a34aa114c95cd", "1b8dc055df72dde80d614482840fe342")),
    "l": (1.0, 1.0, 480, _L,
          ("27e6d408b53c7ebc868fefa357689935", "b0b66b5c863aef5b46e8608fe1711615")),
}  # fmt: skip
"""Width, depth, size of images, stages and checksums."""

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
        Sizes(f"efficientnetv2-{size}", *row),
        source="Tan and Le 2021, arXiv:2104.00298",
        name=f"efficientnetv2-{size}",
    )
    for size, row in _TABLE.items()
)

preprocess_input = preprocessing(None)
