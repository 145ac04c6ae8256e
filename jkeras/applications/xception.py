"""Xception: separable convolutions in blocks with shortcuts."""

from __future__ import annotations

from jkeras.applications.family import Family, Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import Activation, Conv2D, MaxPooling2D, SeparableConv2D, add
from jkeras.applications.request import Request, normalized
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

__all__ = ["Xception", "decode_predictions", "preprocess_input"]

_BLOCKS: tuple[tuple[int, tuple[int, ...], bool], ...] = (
    (2, (128, 128), True),
    (3, (256, 256), True),
    (4, (728, 728), True),
    *((number, (728, 728, 728), False) for number in range(5, 13)),
    (13, (728, 1024), True),
)
"""Number, channels of the convolutions, and whether the block halves height and width."""

_ROW = Row(
    "Xception",
    ("0a58e3b7378bc2990ea3b43d5981f1f6", "b0042744bf5b25fce3cb969f33bebb97"),
    size=299,
)


def _outputs(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    x = Conv2D(32, 3, strides=2, use_bias=False, name="block1_conv1")(x)
    x = Activation("relu", name="block1_conv1_act")(normalized(x, "block1_conv1_bn"))
    x = Conv2D(64, 3, use_bias=False, name="block1_conv2")(x)
    x = Activation("relu", name="block1_conv2_act")(normalized(x, "block1_conv2_bn"))
    for number, filters, halves in _BLOCKS:
        x = _block(x, number, filters, halves)
    for i, size in enumerate((1536, 2048), 1):
        x = _separable(x, f"block14_sepconv{i}", size)
        x = Activation("relu", name=f"block14_sepconv{i}_act")(x)
    return request.classified(x) if request.include_top else request.pooled(x, None, None)


def _files(row: Row) -> WeightFiles:
    return published(f"{FOLDER}xception/", "xception", row.checksums, KERNELS)


build = Family(_outputs, _files, min_size=71)


def _separable(x: KerasTensor, name: str, filters: int) -> KerasTensor:
    x = SeparableConv2D(filters, 3, padding="same", use_bias=False, name=name)(x)
    return normalized(x, f"{name}_bn")


def _block(x: KerasTensor, number: int, filters: tuple[int, ...], halves: bool) -> KerasTensor:
    shortcut = x
    if halves:
        shortcut = Conv2D(filters[-1], 1, strides=2, padding="same", use_bias=False)(x)
        shortcut = normalized(shortcut)
    for i, size in enumerate(filters, 1):
        name = f"block{number}_sepconv{i}"
        if (number, i) != (2, 1):  # the activation of block 1 is in front of it
            x = Activation("relu", name=f"{name}_act")(x)
        x = _separable(x, name, size)
    if halves:
        x = MaxPooling2D(3, strides=2, padding="same", name=f"block{number}_pool")(x)
    x = add([x, shortcut])
    return x


Xception = variant(
    build, "Xception", _ROW, name="xception", source="Chollet 2016, arXiv:1610.02357", min_size=71
)

preprocess_input = preprocessing("tf")
