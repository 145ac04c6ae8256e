"""The family of ConvNeXt: depthwise convolutions of 7x7 between layers as in transformers."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.own_layers import LayerScale
from jkeras.applications.parts import (
    Activation,
    Conv2D,
    Dense,
    GlobalAveragePooling2D,
    LayerNormalization,
    Normalization,
)
from jkeras.applications.request import Request, Shape, channels
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, PLAIN, published
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model, Sequential

__all__ = [
    "ConvNeXtBase",
    "ConvNeXtLarge",
    "ConvNeXtSmall",
    "ConvNeXtTiny",
    "ConvNeXtXLarge",
    "decode_predictions",
    "preprocess_input",
]

_MEAN = tuple(255 * n for n in (0.485, 0.456, 0.406))
_VARIANCE = tuple((255 * n) ** 2 for n in (0.229, 0.224, 0.225))
_EPSILON = 1e-6
_FIRST_SCALE = 1e-6


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      label: the name of the function.
      blocks: how many each stage has.
      filters: the channels of each stage.
      checksums: of the published files, with the classifier and without.
    """

    label: str
    blocks: tuple[int, int, int, int]
    filters: tuple[int, int, int, int]
    checksums: tuple[str, str]


def build(
    sizes: Sizes,
    include_top: bool = True,
    include_preprocessing: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "convnext",
) -> Model:
    request = Request(sizes.label, include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, name, channels_first=False)  # fmt: skip
    image = x = request.image()
    if include_preprocessing and channels(x) == 3:
        label = f"{name}_prestem_normalization"
        x = Normalization(mean=_MEAN, variance=_VARIANCE, name=label)(x)
    for stage, (filters, blocks) in enumerate(zip(sizes.filters, sizes.blocks, strict=True)):
        x = _reduced(name, stage, filters)(x)
        for i in range(blocks):
            x = _block(x, filters, f"{name}_stage_{stage}_block_{i}")
    if include_top:
        x = GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
        x = LayerNormalization(epsilon=_EPSILON, name=f"{name}_head_layernorm")(x)
        x = Dense(classes, activation=classifier_activation, name=f"{name}_head_dense")(x)
    else:
        x = request.pooled(x, None, None)
        x = LayerNormalization(epsilon=_EPSILON)(x)
    stem = f"convnext_{sizes.label.removeprefix('ConvNeXt').lower()}"
    files = published(f"{FOLDER}convnext/", stem, sizes.checksums, PLAIN)
    return request.model(image, x, files)


def _reduced(name: str, stage: int, filters: int) -> Sequential:
    """The layers in front of a stage, which make images a fourth as high, then half."""
    if stage == 0:
        layers = [
            Conv2D(filters, 4, strides=4, name=f"{name}_stem_conv"),
            LayerNormalization(epsilon=_EPSILON, name=f"{name}_stem_layernorm"),
        ]
        return Sequential(layers, name=f"{name}_stem")
    start, number = f"{name}_downsampling", stage - 1
    layers = [
        LayerNormalization(epsilon=_EPSILON, name=f"{start}_layernorm_{number}"),
        Conv2D(filters, 2, strides=2, name=f"{start}_conv_{number}"),
    ]
    return Sequential(layers, name=f"{start}_block_{number}")


def _block(x: KerasTensor, filters: int, name: str) -> KerasTensor:
    before = x
    x = Conv2D(filters, 7, padding="same", groups=filters, name=f"{name}_depthwise_conv")(x)
    x = LayerNormalization(epsilon=_EPSILON, name=f"{name}_layernorm")(x)
    x = Dense(4 * filters, name=f"{name}_pointwise_conv_1")(x)
    x = Activation("gelu", name=f"{name}_gelu")(x)
    x = Dense(filters, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(_FIRST_SCALE, filters, name=f"{name}_layer_scale")(x)
    x = Activation("linear", name=f"{name}_identity")(x)
    return before + x


_TABLE = {
    "Tiny": ((3, 3, 9, 3), 96,
             "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
             "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1"),
    "Small": ((3, 3, 27, 3), 96,
              "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
              "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab"),
    "Base": ((3, 3, 27, 3), 128,
             "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
             "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45"),
    "Large": ((3, 3, 27, 3), 192,
              "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
              "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd"),
    "XLarge": ((3, 3, 27, 3), 256,
               "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
               "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05"),
}  # fmt: skip
"""Blocks, channels of the first stage, and checksums; each stage doubles the channels."""

ConvNeXtTiny, ConvNeXtSmall, ConvNeXtBase, ConvNeXtLarge, ConvNeXtXLarge = (
    variant(
        build,
        f"ConvNeXt{size}",
        Sizes(f"ConvNeXt{size}", blocks, (n, 2 * n, 4 * n, 8 * n), (known[0], known[1])),
        source="Liu et al. 2022, arXiv:2201.03545",
        name=f"convnext_{size.lower()}",
    )
    for size, (blocks, n, *known) in _TABLE.items()
)

preprocess_input = preprocessing(None)
