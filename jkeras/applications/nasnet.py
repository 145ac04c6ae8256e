"""The family of NASNet: two kinds of cells that a search found, each with two inputs."""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from jkeras.applications.imagenet_utils import decode_predictions, preprocessing
from jkeras.applications.parts import (
    Activation,
    AveragePooling2D,
    Conv2D,
    Cropping2D,
    MaxPooling2D,
    SeparableConv2D,
    ZeroPadding2D,
    add,
    concatenate,
)
from jkeras.applications.request import Request, Shape, channels, normalized, strided_padding
from jkeras.applications.variants import variant
from jkeras.applications.weight_files import FOLDER, WeightFile, WeightFiles
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

_NORM = {"momentum": 0.9997, "epsilon": 1e-3}
_SOURCE = "Zoph et al. 2017, arXiv:1707.07012"


class Sizes(NamedTuple):
    """A row of the table.

    Attributes:
      label: the name of the function.
      size: height and width of images.
      filters: the channels of cells in the first stage.
      blocks: how many cells each stage has.
      stem: the channels of the first convolution.
      skips: whether the cell behind a reduction sees what the reduction saw as its second input.
      checksums: of the published files, with the classifier and without.
    """

    label: str
    size: int
    filters: int
    blocks: int
    stem: int
    skips: bool
    checksums: tuple[str, str]

    def files(self) -> WeightFiles:
        """The published files, which Keras keeps under other names than it fetches them by."""
        kind = self.label.removeprefix("NASNet").lower()
        pairs = zip((("", ""), ("-no-top", "_no_top")), self.checksums, strict=True)
        return WeightFiles(
            *(
                WeightFile(
                    f"{FOLDER}nasnet/NASNet-{kind}{there}.h5", known, f"nasnet_{kind}{here}.h5"
                )
                for (there, here), known in pairs
            )
        )


def build(
    sizes: Sizes,
    input_shape: Shape | None = None,
    include_top: bool = True,
    weights: str | os.PathLike[str] | None = "imagenet",
    input_tensor: KerasTensor | None = None,
    pooling: str | None = None,
    classes: int = 1000,
    classifier_activation: Any = "softmax",
    name: str = "NASNet",
) -> Model:
    if sizes.label == "NASNetMobile" and not include_top and input_shape is None:
        input_shape = (224, 224, 3)
    request = Request(sizes.label, include_top, weights, input_tensor, input_shape, pooling,
                      classes, classifier_activation, name, sizes.size,
                      channels_first=False)  # fmt: skip
    if request.published and input_shape is not None and None in tuple(input_shape):
        expected = "known sizes with weights='imagenet'"
        raise request.error(expected, input_shape, argument="input_shape")
    image = request.image()
    x = Conv2D(sizes.stem, 3, strides=2, use_bias=False, kernel_initializer="he_normal",
               name="stem_conv1")(image)  # fmt: skip
    x = normalized(x, "stem_bn1", **_NORM)
    x, before = _reduction(x, None, sizes.filters // 4, "stem_1")
    x, before = _reduction(x, before, sizes.filters // 2, "stem_2")
    for stage in range(3):
        filters, first = sizes.filters * 2**stage, stage * sizes.blocks
        if stage:
            x, reduced = _reduction(x, before, filters, f"reduce_{first}")
            before = before if sizes.skips else reduced
        for i in range(sizes.blocks):
            x, before = _normal(x, before, filters, str(first + i + (stage > 0)))
    x = Activation("relu")(x)
    x = request.classified(x, None) if include_top else request.pooled(x, None, None)
    return request.model(image, x, sizes.files())


def _convolved(x: KerasTensor, filters: int, name: str, normalization: str) -> KerasTensor:
    x = Activation("relu")(x)
    x = Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal",
               name=name)(x)  # fmt: skip
    return normalized(x, normalization, **_NORM)


def _separable(
    x: KerasTensor, filters: int, kernel: int, name: str, stride: int = 1
) -> KerasTensor:
    """Two separable convolutions, the first with the stride."""
    x = Activation("relu")(x)
    if stride == 2:
        x = ZeroPadding2D(strided_padding(x, kernel), name=f"separable_conv_1_pad_{name}")(x)
    for i in (1, 2):
        x = Activation("relu")(x) if i == 2 else x
        x = SeparableConv2D(
            filters,
            kernel,
            strides=stride if i == 1 else 1,
            padding="valid" if stride == 2 and i == 1 else "same",
            use_bias=False,
            name=f"separable_conv_{i}_{name}",
        )(x)
        x = normalized(x, f"separable_conv_{i}_bn_{name}", **_NORM)
    return x


def _adjusted(before: KerasTensor | None, x: KerasTensor, filters: int, name: str) -> KerasTensor:
    """The second input of a cell in the size of the first, with these channels."""
    if before is None:
        return x
    if before.shape[2] != x.shape[2]:
        before = Activation("relu", name=f"adjust_relu_1_{name}")(before)
        first = _every_second(before, filters // 2, 1, name)
        second = ZeroPadding2D(((0, 1), (0, 1)))(before)
        second = Cropping2D(((1, 0), (1, 0)))(second)
        second = _every_second(second, filters // 2, 2, name)
        return normalized(concatenate([first, second]), f"adjust_bn_{name}", **_NORM)
    if channels(before) != filters:
        return _convolved(before, filters, f"adjust_conv_projection_{name}", f"adjust_bn_{name}")
    return before


def _every_second(x: KerasTensor, filters: int, number: int, name: str) -> KerasTensor:
    x = AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{number}_{name}")(x)
    x = Conv2D(filters, 1, padding="same", use_bias=False, kernel_initializer="he_normal",
               name=f"adjust_conv_{number}_{name}")(x)  # fmt: skip
    return x


def _normal(
    x: KerasTensor, before: KerasTensor | None, filters: int, name: str
) -> tuple[KerasTensor, KerasTensor]:
    """A cell that keeps height and width; its outputs, and the second input of the next cell."""
    p = _adjusted(before, x, filters, name)
    h = _convolved(x, filters, f"normal_conv_1_{name}", f"normal_bn_1_{name}")
    left = _separable(h, filters, 5, f"normal_left1_{name}")
    right = _separable(p, filters, 3, f"normal_right1_{name}")
    x1 = add([left, right], name=f"normal_add_1_{name}")
    left = _separable(p, filters, 5, f"normal_left2_{name}")
    right = _separable(p, filters, 3, f"normal_right2_{name}")
    x2 = add([left, right], name=f"normal_add_2_{name}")
    x3 = add([_mean(h, f"normal_left3_{name}"), p], name=f"normal_add_3_{name}")
    pooled = [_mean(p, f"normal_left4_{name}"), _mean(p, f"normal_right4_{name}")]
    x4 = add(pooled, name=f"normal_add_4_{name}")
    x5 = _separable(h, filters, 3, f"normal_left5_{name}")
    x5 = add([x5, h], name=f"normal_add_5_{name}")
    return concatenate([p, x1, x2, x3, x4, x5], name=f"normal_concat_{name}"), x


def _mean(x: KerasTensor, name: str) -> KerasTensor:
    x = AveragePooling2D(3, strides=1, padding="same", name=name)(x)
    return x


def _reduction(
    x: KerasTensor, before: KerasTensor | None, filters: int, name: str
) -> tuple[KerasTensor, KerasTensor]:
    """A cell that halves height and width; its outputs, and the second input of the next cell."""
    p = _adjusted(before, x, filters, name)
    h = _convolved(x, filters, f"reduction_conv_1_{name}", f"reduction_bn_1_{name}")
    padded = ZeroPadding2D(strided_padding(h, 3), name=f"reduction_pad_1_{name}")(h)
    left = _separable(h, filters, 5, f"reduction_left1_{name}", 2)
    right = _separable(p, filters, 7, f"reduction_right1_{name}", 2)
    x1 = add([left, right], name=f"reduction_add_1_{name}")
    left = MaxPooling2D(3, strides=2, name=f"reduction_left2_{name}")(padded)
    right = _separable(p, filters, 7, f"reduction_right2_{name}", 2)
    x2 = add([left, right], name=f"reduction_add_2_{name}")
    left = AveragePooling2D(3, strides=2, name=f"reduction_left3_{name}")(padded)
    right = _separable(p, filters, 5, f"reduction_right3_{name}", 2)
    x3 = add([left, right], name=f"reduction_add3_{name}")
    x4 = add([x2, _mean(x1, f"reduction_left4_{name}")])
    left = _separable(x1, filters, 3, f"reduction_left4_{name}")
    right = MaxPooling2D(3, strides=2, name=f"reduction_right5_{name}")(padded)
    x5 = add([left, right], name=f"reduction_add4_{name}")
    return concatenate([x2, x3, x4, x5], name=f"reduction_concat_{name}"), x


_TABLE = (
    Sizes(
        "NASNetMobile",
        224,
        44,
        4,
        32,
        False,
        ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
    ),
    Sizes(
        "NASNetLarge",
        331,
        168,
        6,
        96,
        True,
        ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
    ),
)

NASNetMobile, NASNetLarge = (
    variant(
        build,
        sizes.label,
        sizes,
        source=_SOURCE,
        name=f"nasnet_{sizes.label.removeprefix('NASNet').lower()}",
    )
    for sizes in _TABLE
)

preprocess_input = preprocessing("tf")
