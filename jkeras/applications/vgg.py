"""The family of VGG: five stages of plain 3x3 convolutions, and two large dense layers."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from jkeras.applications.parts import Conv2D, Dense, Flatten, MaxPooling2D
from jkeras.applications.request import Request, Shape
from jkeras.applications.weight_files import FOLDER, KERNELS, published
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model

SOURCE = "Simonyan and Zisserman 2014, arXiv:1409.1556"
_FILTERS = (64, 128, 256, 512, 512)


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      label: the name of the function.
      convolutions: how many each stage has.
      checksums: of the published files, with the classifier and without.
    """

    label: str
    convolutions: tuple[int, int, int, int, int]
    checksums: tuple[str, str]


def build(
    sizes: Sizes,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    input_shape: Shape | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "vgg",
) -> Model:
    request = Request(sizes.label, include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, name)  # fmt: skip
    image = x = request.image()
    for stage, (filters, count) in enumerate(zip(_FILTERS, sizes.convolutions, strict=True), 1):
        for i in range(1, count + 1):
            name = f"block{stage}_conv{i}"
            x = Conv2D(filters, 3, activation="relu", padding="same", name=name)(x)
        x = MaxPooling2D(2, strides=2, name=f"block{stage}_pool")(x)
    if include_top:
        x = Flatten(name="flatten")(x)
        for layer in ("fc1", "fc2"):
            x = Dense(4096, activation="relu", name=layer)(x)
        x = request.predictions(x)
    else:
        x = request.pooled(x, None, None)
    stem = sizes.label.lower()
    return request.model(image, x, published(f"{FOLDER}{stem}/", stem, sizes.checksums, KERNELS))
