"""Convolution layers: one base for every rank; Conv1D, Conv2D and Conv3D set axes and defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.errors import value_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, InSlices, Layer, Params, State, option
from jkeras.layers.options import (
    activation,
    constraint,
    data_format,
    initializer,
    one_of,
    positive_int,
    regularizer,
    sizes,
)
from jkeras.layers.spatial import (
    channel_axis,
    check_channels,
    check_image,
    check_window,
    finish,
    reach,
)
from jkeras.ops.convolution import convolve

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


class Convolution(Layer):
    """Base of Conv1D, Conv2D and Conv3D. See Conv2D for the arguments."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=sizes(0))
    strides: tuple[int, ...] = ()
    padding: str = option(default="valid", convert=one_of("valid", "same"))
    data_format: str | None = data_format()
    dilation_rate: tuple[int, ...] = ()
    groups: int = option(default=1, convert=positive_int)
    activation: Any = activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    in_slices: ClassVar[InSlices] = "faster"
    rank: ClassVar[int]
    """The number of spatial axes."""

    def check(self) -> None:
        if max(self.strides) > 1 and max(self.dilation_rate) > 1:
            raise value_error(
                who=self.who,
                expected="`strides` or `dilation_rate` of 1",
                got=f"{self.strides} and {self.dilation_rate}",
                fix="Set one of them to 1.",
            )
        if self.filters % self.groups:
            raise value_error(
                who=self.who,
                expected="`filters` to be a multiple of `groups`",
                got=f"{self.filters} filters in {self.groups} groups",
            )

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self._check_inputs(inputs)
        channels = inputs.shape[channel_axis(str(self.data_format))]
        if channels % self.groups:
            raise value_error(
                who=self.who,
                expected=(
                    f"`inputs` with a multiple of {self.groups} channels, one share for each of "
                    "`groups`"
                ),
                got=f"shape {tuple(inputs.shape)}",
            )
        shape = (*self.kernel_size, channels // self.groups, self.filters)
        params = {"kernel": self.kernel_initializer(shape, key=child(key, "kernel"))}
        if self.use_bias:
            params["bias"] = self.bias_initializer((self.filters,), key=child(key, "bias"))
        return params, {}

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        x = self.cast(inputs)
        self._check_inputs(x)
        weights = self.weights_like(params, x)
        expected = weights["kernel"].shape[-2] * self.groups
        check_channels(self, x, expected, str(self.data_format))
        outputs = convolve(
            x,
            weights["kernel"],
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=self.groups,
            data_format=str(self.data_format),
        )
        return finish(self, outputs, weights), state

    def _check_inputs(self, inputs: ArraySpec) -> None:
        layout = str(self.data_format)
        check_image(self, inputs, self.rank, layout)
        if self.padding == "valid":
            window = reach(self.kernel_size, self.dilation_rate)
            check_window(self, inputs, window, "kernel_size", layout)


class Conv1D(Convolution):
    """A convolution over one axis: `[batch, steps, channels]` to `[batch, positions, filters]`.

    Arguments as Conv2D's, with one number where that has two; `padding` may also be "causal": an
    output then depends on no later input.

    Source: `keras.layers.Conv1D`.
    """

    kernel_size: tuple[int, ...] = option(convert=sizes(1))
    strides: tuple[int, ...] = option(default=1, convert=sizes(1))
    padding: str = option(default="valid", convert=one_of("valid", "same", "causal"))
    dilation_rate: tuple[int, ...] = option(default=1, convert=sizes(1))

    rank: ClassVar[int] = 1


class Conv2D(Convolution):
    """A convolution over images: `activation(kernel * inputs + bias)`.

    Shapes: `[batch, height, width, channels]` to `[batch, rows, columns, filters]`. Weights:
    `kernel` (*kernel_size, channels / groups, filters), `bias` (filters,). A strided axis of n
    entries keeps ceil(n / stride) positions with "same" padding, ceil((n - window + 1) / stride)
    with "valid".

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel; one integer for both.
      strides: steps between positions; one integer for both axes.
      padding: "valid" (none) or "same" (zeros; an odd one goes right or below).
      data_format: "channels_last" (the default) or "channels_first".
      dilation_rate: steps between the kernel's entries; not together with strides.
      groups: channels are split into so many groups, each convolved with its own filters.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      kernel_…, bias_… initializer, regularizer, constraint: names or objects.
      activity_regularizer: a regularizer of the outputs.

    Raises:
      ValueError: another rank, channels that `groups` does not divide, or a kernel that does not
        fit.

    Source: `keras.layers.Conv2D`.
    """

    kernel_size: tuple[int, ...] = option(convert=sizes(2))
    strides: tuple[int, ...] = option(default=(1, 1), convert=sizes(2))
    dilation_rate: tuple[int, ...] = option(default=(1, 1), convert=sizes(2))

    rank: ClassVar[int] = 2


class Conv3D(Convolution):
    """A convolution over volumes or video: `[batch, depth, height, width, channels]`. See Conv2D.

    Source: `keras.layers.Conv3D`.
    """

    kernel_size: tuple[int, ...] = option(convert=sizes(3))
    strides: tuple[int, ...] = option(default=(1, 1, 1), convert=sizes(3))
    dilation_rate: tuple[int, ...] = option(default=(1, 1, 1), convert=sizes(3))

    rank: ClassVar[int] = 3
