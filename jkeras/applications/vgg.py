"""The family of VGG: five stages of plain 3x3 convolutions, and two large dense layers."""

from __future__ import annotations

from jkeras.applications.family import Family, Row
from jkeras.applications.parts import Conv2D, Dense, Flatten, MaxPooling2D
from jkeras.applications.request import Request
from jkeras.applications.weight_files import FOLDER, KERNELS, WeightFiles, published
from jkeras.core.keras_tensor import KerasTensor

SOURCE = "Simonyan and Zisserman 2014, arXiv:1409.1556"
_FILTERS = (64, 128, 256, 512, 512)


def _outputs(row: Row, request: Request, x: KerasTensor) -> KerasTensor:
    for stage, (filters, count) in enumerate(zip(_FILTERS, row.blocks, strict=True), 1):
        for i in range(1, count + 1):
            name = f"block{stage}_conv{i}"
            x = Conv2D(filters, 3, activation="relu", padding="same", name=name)(x)
        x = MaxPooling2D(2, strides=2, name=f"block{stage}_pool")(x)
    if not request.include_top:
        return request.pooled(x, None, None)
    x = Flatten(name="flatten")(x)
    for layer in ("fc1", "fc2"):
        x = Dense(4096, activation="relu", name=layer)(x)
    return request.predictions(x)


def _files(row: Row) -> WeightFiles:
    stem = row.label.lower()
    return published(f"{FOLDER}{stem}/", stem, row.checksums, KERNELS)


build = Family(_outputs, _files)
