"""The base of the layers over sequences, images and volumes: rank, axes and checks."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.layer import Layer, check_rank, option
from jkeras.layers.options import Convert, sizes
from jkeras.ops.convolution import spatial_axes

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec

_NAMES = {
    1: ("steps",),
    2: ("height", "width"),
    3: ("depth", "height", "width"),
}


def image_axes(rank: int, layout: str) -> str:
    """The axes of a batch with `rank` spatial axes in words, for error messages.

    Example:
      >>> image_axes(2, "channels_last")
      '[batch, height, width, channels]'
    """
    names = ", ".join(_NAMES[rank])
    inner = f"{names}, channels" if layout == "channels_last" else f"channels, {names}"
    return f"[batch, {inner}]"


@dataclasses.dataclass(frozen=True)
class PerAxis:
    """The converter of a field with one integer for each spatial axis, in a base of any rank.

    Attributes:
      for_rank: from a rank to the converter of the classes of that rank.
      repeats_default: whether a default of 1 is written (1, 1), as in most layers of Keras.
    """

    for_rank: Callable[[int], Convert] = sizes
    repeats_default: bool = True

    def __call__(self, value: object) -> Any:
        return value


class Spatial(Layer):
    """Base of the layers over `[batch, *spatial, channels]`, or with the channels in front.

    `class Conv2D(Convolution, rank=2)` has two spatial axes, and two integers in every `PerAxis`
    field of its base.
    """

    rank: ClassVar[int]
    """The number of spatial axes."""

    def __init_subclass__(cls, rank: int | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if rank is None:
            return
        cls.rank = rank
        for field in dataclasses.fields(cls):  # those of the base class
            convert = field.metadata.get("convert")
            if isinstance(convert, PerAxis):
                several = isinstance(field.default, int) and rank > 1 and convert.repeats_default
                default = (field.default,) * rank if several else field.default
                setattr(cls, field.name, option(default, convert=convert.for_rank(rank)))
                cls.__annotations__[field.name] = "tuple[int, ...]"

    @property
    def layout(self) -> str:
        """The argument `data_format`; "channels_last" for a layer without it, as in Keras."""
        return str(getattr(self, "data_format", "channels_last"))

    @property
    def spatial_axes(self) -> tuple[int, ...]:
        """The spatial axes of the inputs."""
        return spatial_axes(self.rank + 2, self.layout)

    @property
    def channel_axis(self) -> int:
        """The axis of the channels: -1 or 1."""
        return -1 if self.layout == "channels_last" else 1

    def check_axes(self, inputs: ArraySpec, fix: str = "") -> None:
        """Raises unless `inputs` has a batch axis, `rank` spatial axes and channels."""
        check_rank(self, inputs, self.rank + 2, image_axes(self.rank, self.layout), fix=fix)

    def check_window(self, inputs: ArraySpec, window: Sequence[int], argument: str) -> None:
        """Raises if a window without padding is larger than the inputs' spatial axes."""
        spatial = tuple(inputs.shape[axis] for axis in self.spatial_axes)
        if any(wide > size for wide, size in zip(window, spatial, strict=True)):
            raise self.value_error(
                f"`{argument}` to fit into the inputs' {spatial}",
                f"a window of {tuple(window)}",
                "Make it smaller, or pad: padding='same'.",
            )
