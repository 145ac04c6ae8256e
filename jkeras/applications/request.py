"""What a caller asks of a network with published weights, and the parts that all families share.

request = Request("ResNet50", include_top, weights, ..., default_size=224)
x = request.image()
...
return request.model(request.classified(x), files)
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from typing import Any

import numpy as np

from jkeras.applications.parts import (
    BatchNormalization,
    Dense,
    GlobalAveragePooling2D,
    GlobalMaxPooling2D,
    Input,
)
from jkeras.applications.weight_files import WeightFiles, load
from jkeras.core.data_format import image_data_format
from jkeras.core.errors import (
    describe,
    message_of,
    nearest,
    type_error,
    value_error,
    with_message,
)
from jkeras.core.keras_tensor import KerasTensor
from jkeras.ops import activations
from jkeras.trainer import Model
from jkeras.utils import get_source_inputs

Shape = tuple[int | None, ...]

IMAGENET = "imagenet"
IMAGENET_CLASSES = 1000
_POOLING = {"avg": GlobalAveragePooling2D, "max": GlobalMaxPooling2D}


def channel_axis() -> int:
    """The axis of channels of images in a batch."""
    return -1 if image_data_format() == "channels_last" else 1


def channels(x: KerasTensor) -> int:
    """How many channels images have."""
    count = x.shape[channel_axis()]
    if count is None:
        raise value_error(who="applications", expected="images with a known number of channels",
                          got=f"shape {x.shape}")  # fmt: skip
    return count


def rows_and_columns(shape: Shape) -> tuple[int | None, int | None]:
    """Height and width in the shape of one image."""
    first = 0 if image_data_format() == "channels_last" else 1
    return shape[first], shape[first + 1]


def image_shape(rows: int | None, columns: int | None, count: int | None = 3) -> Shape:
    """The shape of one image in the layout that is set."""
    if image_data_format() == "channels_last":
        return rows, columns, count
    return count, rows, columns


def normalized(x: KerasTensor, name: str | None = None, **options: Any) -> KerasTensor:
    """`BatchNormalization` over the axis of channels."""
    x = BatchNormalization(axis=channel_axis(), name=name, **options)(x)
    return x


def strided_padding(x: KerasTensor, kernel_size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """The zeros around images with which a valid convolution of stride 2 is centred as in Keras."""
    rows, columns = rows_and_columns(x.shape[1:])
    half = kernel_size // 2
    even = (1, 1) if rows is None or columns is None else (1 - rows % 2, 1 - columns % 2)
    return (half - even[0], half), (half - even[1], half)


def divisible(size: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to a number of channels, at least 0.9 of it."""
    rounded = max(divisor, int(size + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * size else rounded


@dataclasses.dataclass(frozen=True)
class Request:
    """Keras's arguments of a network, checked when it is made.

    Attributes:
      who: the name of the function, for errors.
      name: of the model.
      default_size: height and width of images with the classifier, unless `input_shape` says more.
      min_size: the least height and width.
      channels_first: whether the family has that layout.
      fixed_size: whether the classifier needs images of known size.

    Raises:
      TypeError: `input_tensor` is no symbol.
      ValueError: an argument does not fit, or not beside another.
    """

    who: str
    include_top: bool
    weights: str | os.PathLike[str] | None
    input_tensor: KerasTensor | None
    input_shape: Shape | None
    pooling: str | None
    classes: int
    classifier_activation: Any
    name: str | None
    default_size: int = 224
    min_size: int = 32
    channels_first: bool = True
    fixed_size: bool = True

    def __post_init__(self) -> None:
        if not self.channels_first and image_data_format() == "channels_first":
            fix = "Set it: jkeras.config.set_image_data_format('channels_last')."
            raise self.error("the image data format 'channels_last'", "'channels_first'", fix=fix)
        self._check_weights()
        if self.pooling not in (None, *_POOLING):
            raise self.error("None, 'avg' or 'max'", repr(self.pooling), argument="pooling")
        if not isinstance(self.classes, int | np.integer) or self.classes < 1:
            got = describe(self.classes)
            raise self.error("an integer of at least 1", got, argument="classes")
        self._check_activation()
        given: object = self.input_tensor
        if given is not None and not isinstance(given, KerasTensor):
            fix = "Make one by jkeras.Input, and give it the array when the model runs."
            raise type_error(who=self.who, argument="input_tensor", expected="a symbol",
                             got=describe(given), fix=fix)  # fmt: skip
        if self.input_shape is not None:
            self._check_shape(self.input_shape)
        if self.include_top and self.fixed_size and None in self.shape:
            fix = "Give the size of images, or leave the classifier out: include_top=False."
            raise self.error(
                "a known size with include_top=True", self.shape, argument="input_shape", fix=fix
            )

    def error(self, expected: str, got: object, argument: str = "", fix: str = "") -> ValueError:
        """An error about an argument."""
        return value_error(
            who=self.who, argument=argument, expected=expected, got=str(got), fix=fix
        )

    @property
    def published(self) -> bool:
        """Whether the weights are those that Keras publishes."""
        return isinstance(self.weights, str) and self.weights == IMAGENET

    def _check_weights(self) -> None:
        if self.weights is None:
            return
        if not self.published and not (
            isinstance(self.weights, str | os.PathLike) and os.path.exists(self.weights)
        ):
            raise self.error(
                "None, 'imagenet' or the path of a file that is there",
                repr(self.weights),
                argument="weights",
                fix=nearest(str(self.weights), [IMAGENET]).strip(),
            )
        if self.published and self.include_top and self.classes != IMAGENET_CLASSES:
            fix = "Leave the classifier out, include_top=False, and add a Dense of your own."
            raise self.error(
                "1000 with weights='imagenet'", self.classes, argument="classes", fix=fix
            )

    def _check_activation(self) -> None:
        if not self.include_top:
            return
        argument = "classifier_activation"
        try:
            activation = activations.get(self.classifier_activation)
        except (TypeError, ValueError) as error:
            message = message_of(error).replace(who=self.who, argument=argument)
            raise with_message(error, message) from error
        plain = (activations.get("softmax"), activations.get(None))
        if self.weights is not None and activation not in plain:
            expected = "'softmax' or None with weights that were trained"
            raise self.error(expected, repr(self.classifier_activation), argument=argument)

    def _check_shape(self, given: object) -> None:
        shape = tuple(given) if isinstance(given, list | tuple) else ()
        if len(shape) != 3 or not all(isinstance(n, int | np.integer | None) for n in shape):
            expected = "three sizes, those of one image without the batch"
            raise self.error(expected, given, argument="input_shape")
        count = shape[channel_axis()] if channel_axis() < 0 else shape[0]
        if self.published and count != 3:
            fix = "Images with other channels need weights=None."
            raise self.error(
                "3 channels with weights='imagenet'", shape, argument="input_shape", fix=fix
            )
        sizes = rows_and_columns(shape)
        if any(size is not None and size < self.min_size for size in sizes):
            expected = f"images of at least {self.min_size}x{self.min_size}"
            raise self.error(expected, shape, argument="input_shape")
        default = image_shape(self.default_size, self.default_size)
        if self.published and self.include_top and self.fixed_size and shape != default:
            expected = f"{default} with include_top=True and weights='imagenet'"
            raise self.error(expected, shape, argument="input_shape")
        if count not in (1, 3):
            text = f"{self.who}: `input_shape`: {shape} has {count} channels, images 1 or 3."
            warnings.warn(text, stacklevel=6)

    def check_tensor(self) -> None:
        """Raises a ValueError if `input_tensor` and `input_shape` are both given and differ."""
        if self.input_tensor is None or self.input_shape is None:
            return
        given, own = self.input_tensor.shape[1:], tuple(self.input_shape)
        if rows_and_columns(given) != rows_and_columns(own):
            expected = f"the shape of `input_tensor`, {given}"
            fix = "Leave one of both out."
            raise self.error(expected, own, argument="input_shape", fix=fix)

    @property
    def shape(self) -> Shape:
        """The shape of one image."""
        if self.input_shape:
            return tuple(self.input_shape)
        size = self.default_size if self.include_top and self.fixed_size else None
        return image_shape(size, size)

    def image(self) -> KerasTensor:
        """The symbol of the images."""
        if self.input_tensor is not None:
            return self.input_tensor
        x: KerasTensor = Input(self.shape)
        return x

    def pooled(
        self, x: KerasTensor, average: str | None = "avg_pool", largest: str | None = "max_pool"
    ) -> KerasTensor:
        """The end of a network without classifier: `pooling`, under these names of layers."""
        if self.pooling is not None:
            name = average if self.pooling == "avg" else largest
            x = _POOLING[self.pooling](name=name)(x)
        return x

    def classified(
        self, x: KerasTensor, average: str | None = "avg_pool", **options: Any
    ) -> KerasTensor:
        """The classifier over the mean of the last convolution.

        Args:
          x: the outputs of the last convolution.
          average: the name of the layer that takes the mean.
          **options: of the `Dense`.
        """
        x = GlobalAveragePooling2D(name=average)(x)
        return self.predictions(x, **options)

    def predictions(self, x: KerasTensor, **options: Any) -> KerasTensor:
        """The last layer: a probability or a logit for each class."""
        activation = self.classifier_activation
        x = Dense(self.classes, activation=activation, name="predictions", **options)(x)
        return x

    def model(
        self,
        image: KerasTensor,
        x: KerasTensor,
        files: WeightFiles | None,
        name: str | None = None,
    ) -> Model:
        """The model from the images to `x`, with its weights.

        Args:
          image: what `image` gave.
          x: the outputs.
          files: the published files; None where there are none.
          name: of the model, unless the caller gave one.
        """
        inputs: Any = image if self.input_tensor is None else get_source_inputs(image)
        inputs = inputs[0] if isinstance(inputs, list) and len(inputs) == 1 else inputs
        model = Model(inputs, x, name=self.name or name)
        if self.published and files is not None:
            load(model, (files.top if self.include_top else files.no_top).fetch())
        elif self.weights is not None:
            load(model, self.weights)
        return model
