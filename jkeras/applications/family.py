"""The builder of a family whose networks have Keras's common arguments, and none of their own.

build = Family(outputs, files)
VGG16 = variant(build, "VGG16", Row("VGG16", checksums, blocks), name="vgg16", source=...)

A family with arguments of its own is a function instead: see `mobilenet`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from jkeras.applications.request import Request, Shape
from jkeras.applications.weight_files import WeightFiles
from jkeras.core.keras_tensor import KerasTensor
from jkeras.trainer import Model


class Row(NamedTuple):
    """A row of the table of a family.

    Attributes:
      label: the name of the function.
      checksums: of the published files, with the classifier and without.
      blocks: how many each stage has, in families whose networks differ by that alone.
      size: height and width of images with the classifier.
    """

    label: str
    checksums: tuple[str, str]
    blocks: tuple[int, ...] = ()
    size: int = 224


class _AnyRow(Protocol):
    @property
    def label(self) -> str: ...
    @property
    def size(self) -> int: ...


R = TypeVar("R", bound=_AnyRow)


class Family(Generic[R]):
    """Builds the networks of a family from rows of its table.

    Args:
      outputs: of (row, request, images): the outputs of the last layer.
      files: the published files of a row.
      min_size: the least height and width of images.
      channels_first: whether the family has that layout.
    """

    def __init__(
        self,
        outputs: Callable[[R, Request, KerasTensor], KerasTensor],
        files: Callable[[R], WeightFiles],
        *,
        min_size: int = 32,
        channels_first: bool = True,
    ) -> None:
        self.outputs, self.files = outputs, files
        self.min_size, self.channels_first = min_size, channels_first
        self.__module__ = outputs.__module__  # the home of the networks, which `variant` reads

    def __call__(
        self,
        row: R,
        include_top: bool = True,
        weights: str | os.PathLike[str] | None = "imagenet",
        input_tensor: KerasTensor | None = None,
        input_shape: Shape | None = None,
        pooling: str | None = None,
        classes: int = 1000,
        classifier_activation: Any = "softmax",
        name: str | None = None,
    ) -> Model:
        """The network of a row; the arguments are those of `variants.ARGUMENTS`."""
        request = Request(row.label, include_top, weights, input_tensor, input_shape, pooling,
                          classes, classifier_activation, name, row.size, self.min_size,
                          self.channels_first)  # fmt: skip
        image = request.image()
        return request.model(image, self.outputs(row, request, image), self.files(row))
