"""The family of DenseNet: each block's outputs are joined to its inputs."""

from __future__ import annotations

from jkeras.applications.family import Family, Row
from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import (
    Activation,
    AveragePooling2D,
    Concatenate,
    Conv2D,
    MaxPooling2D,
    ZeroPadding2D,
)
from jkeras.applications.request import Request, channel_axis, channels, normalized
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

__all__ = [
    "DenseNet121",
    "DenseNet169",
    "DenseNet201",
    "decode_predictions",
    "preprocess_input",
]

_EPSILON = 1.001e-5
_GROWTH = 32


def _outputs(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    x = ZeroPadding2D(3)(x)
    x = Conv2D(64, 7, strides=2, use_bias=False, name="conv1_conv")(x)
    x = _activated(x, "conv1_bn", "conv1_relu")
    x = ZeroPadding2D(1)(x)
    x = MaxPooling2D(3, strides=2, name="pool1")(x)
    for stage, blocks in enumerate(row.blocks, 2):
        for i in range(1, blocks + 1):
            x = _block(x, f"conv{stage}_block{i}")
        if stage < 5:
            x = _transition(x, f"pool{stage}")
    x = _activated(x, "bn", "relu")
    return request.classified(x) if request.include_top else request.pooled(x)


def _files(row: Row) -> WeightFiles:
    return published(f"{FOLDER}densenet/", row.label.lower(), row.checksums, KERNELS)


build = Family(_outputs, _files, channels_first=False)


def _activated(x: KerasTensor, name: str, activation: str) -> KerasTensor:
    x = Activation("relu", name=activation)(normalized(x, name, epsilon=_EPSILON))
    return x


def _block(x: KerasTensor, name: str) -> KerasTensor:
    new = _activated(x, f"{name}_0_bn", f"{name}_0_relu")
    new = Conv2D(4 * _GROWTH, 1, use_bias=False, name=f"{name}_1_conv")(new)
    new = _activated(new, f"{name}_1_bn", f"{name}_1_relu")
    new = Conv2D(_GROWTH, 3, padding="same", use_bias=False, name=f"{name}_2_conv")(new)
    x = Concatenate(axis=channel_axis(), name=f"{name}_concat")([x, new])
    return x


def _transition(x: KerasTensor, name: str) -> KerasTensor:
    x = _activated(x, f"{name}_bn", f"{name}_relu")
    x = Conv2D(channels(x) // 2, 1, use_bias=False, name=f"{name}_conv")(x)
    x = AveragePooling2D(2, strides=2, name=f"{name}_pool")(x)
    return x


_TABLE = {
    121: (
        (6, 12, 24, 16),
        ("9d60b8095a5708f2dcce2bca79d332c7", "30ee3e1110167f948a6b9946edeeb738"),
    ),
    169: (
        (6, 12, 32, 32),
        ("d699b8f76981ab1b30698df4c175e90b", "b8c4d4c20dd625c148057b9ff1c1176b"),
    ),
    201: (
        (6, 12, 48, 32),
        ("1ceb130c1ea1b78c3bf6114dbdfd8807", "c13680b51ded0fb44dff2d8f86ac8bb1"),
    ),
}

DenseNet121, DenseNet169, DenseNet201 = (
    variant(
        build,
        f"DenseNet{depth}",
        Row(f"DenseNet{depth}", checksums, blocks),
        source="Huang et al. 2016, arXiv:1608.06993",
        name=f"densenet{depth}",
    )
    for depth, (blocks, checksums) in _TABLE.items()
)

preprocess_input = preprocessing("torch")
