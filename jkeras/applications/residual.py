"""The family of ResNet and ResNetV2: bottleneck blocks with shortcuts, in four stages.

In the first version an activation follows each sum; in the second, normalization and activation
stand in front of the convolutions, and the last block of a stage has its stride.
"""

from __future__ import annotations

from jkeras.applications.family import Family, Row
from jkeras.applications.parts import Activation, Add, Conv2D, MaxPooling2D, ZeroPadding2D
from jkeras.applications.request import Request, normalized
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

SOURCES = {
    1: "He et al. 2015, arXiv:1512.03385",
    2: "He et al. 2016, arXiv:1603.05027",
}
_EPSILON = 1.001e-5
_FILTERS = (64, 128, 256, 512)


def _outputs(
    row: Row, request: Request, x: KerasTensor, *, preactivation: bool = False
) -> KerasTensor:
    x = ZeroPadding2D(3, name="conv1_pad")(x)
    x = Conv2D(64, 7, strides=2, name="conv1_conv")(x)
    if not preactivation:
        x = _activated(x, "conv1")
    x = ZeroPadding2D(1, name="pool1_pad")(x)
    x = MaxPooling2D(3, strides=2, name="pool1_pool")(x)
    stage = _stage_of_version_2 if preactivation else _stage_of_version_1
    for number, (filters, blocks) in enumerate(zip(_FILTERS, row.blocks, strict=True)):
        x = stage(x, filters, blocks, number)
    if preactivation:
        x = _activated(x, "post")
    return request.classified(x) if request.include_top else request.pooled(x)


def _outputs_of_version_2(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    return _outputs(row, request, x, preactivation=True)


def _files(row: Row) -> WeightFiles:
    return published(f"{FOLDER}resnet/", row.label.lower(), row.checksums, KERNELS)


VERSIONS = {1: Family(_outputs, _files), 2: Family(_outputs_of_version_2, _files)}
"""The builder of each version."""


def _activated(x: KerasTensor, name: str) -> KerasTensor:
    x = normalized(x, f"{name}_bn", epsilon=_EPSILON)
    x = Activation("relu", name=f"{name}_relu")(x)
    return x


def _stage_of_version_1(x: KerasTensor, filters: int, blocks: int, number: int) -> KerasTensor:
    for i in range(blocks):
        name = f"conv{number + 2}_block{i + 1}"
        stride = 2 if i == 0 and number > 0 else 1
        shortcut = x
        if i == 0:
            shortcut = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(x)
            shortcut = normalized(shortcut, f"{name}_0_bn", epsilon=_EPSILON)
        x = Conv2D(filters, 1, strides=stride, name=f"{name}_1_conv")(x)
        x = _activated(x, f"{name}_1")
        x = Conv2D(filters, 3, padding="same", name=f"{name}_2_conv")(x)
        x = _activated(x, f"{name}_2")
        x = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
        x = normalized(x, f"{name}_3_bn", epsilon=_EPSILON)
        x = Add(name=f"{name}_add")([shortcut, x])
        x = Activation("relu", name=f"{name}_out")(x)
    return x


def _stage_of_version_2(x: KerasTensor, filters: int, blocks: int, number: int) -> KerasTensor:
    for i in range(blocks):
        name = f"conv{number + 2}_block{i + 1}"
        stride = 2 if i == blocks - 1 and number < 3 else 1
        before = _activated(x, f"{name}_preact")
        shortcut = x
        if i == 0:
            shortcut = Conv2D(4 * filters, 1, strides=stride, name=f"{name}_0_conv")(before)
        elif stride > 1:
            shortcut = MaxPooling2D(1, strides=stride)(x)
        x = Conv2D(filters, 1, use_bias=False, name=f"{name}_1_conv")(before)
        x = _activated(x, f"{name}_1")
        x = ZeroPadding2D(1, name=f"{name}_2_pad")(x)
        x = Conv2D(filters, 3, strides=stride, use_bias=False, name=f"{name}_2_conv")(x)
        x = _activated(x, f"{name}_2")
        x = Conv2D(4 * filters, 1, name=f"{name}_3_conv")(x)
        x = Add(name=f"{name}_out")([shortcut, x])
    return x
