"""Convolution layers: one base for every rank; Conv1D, Conv2D and Conv3D set axes and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Layer, Params, State, option
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic, initial_weights
from jkeras.layers.options import constraint, initializer, positive_int, regularizer
from jkeras.layers.spatial import PerAxis, Spatial
from jkeras.ops.convolution import convolve
from jkeras.ops.linear import add_bias

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


def reach(window: Sequence[int], dilation: Sequence[int]) -> tuple[int, ...]:
    """The number of entries that a window with dilation extends over.

    Example:
      >>> reach((3, 2), (2, 1))
      (5, 2)
    """
    pairs = zip(window, dilation, strict=True)
    return tuple((size - 1) * step + 1 for size, step in pairs)


def check_strides(layer: Layer, strides: Sequence[int], dilation_rate: Sequence[int]) -> None:
    """Raises if both strides and dilation are more than 1."""
    if max(strides) > 1 and max(dilation_rate) > 1:
        got, fix = f"{strides} and {dilation_rate}", "Set one of them to 1."
        raise layer.value_error("`strides` or `dilation_rate` of 1", got, fix)


class ConvolutionBase(Spatial, Deterministic):
    """Base of all convolutions: `activation(convolve(inputs) + bias)`."""

    if TYPE_CHECKING:
        # The fields stand in the subclasses, because Keras has them in another order in each.
        def __getattr__(self, name: str) -> Any: ...

    in_slices: ClassVar[InSlices] = "faster"

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        self.check_inputs(x)
        weights = self.weights_like(params, x)
        outputs = self.convolve(x, weights)
        if self.use_bias:
            outputs = add_bias(outputs, weights["bias"], self.channel_axis)
        return self.activation(outputs)

    def convolve(self, x: Array, weights: Params) -> Array:
        """The outputs before bias and activation."""
        raise NotImplementedError(f"{self.who}: expected the class to define `convolve`.")

    def check_inputs(self, inputs: ArraySpec) -> None:
        """Raises unless `inputs` has the right axes, and the window fits into them."""
        example = "x[..., None]" if self.layout == "channels_last" else "x[:, None]"
        self.check_axes(inputs, f"For data without channels add the axis: {example}.")
        if self.padding == "valid":
            self.check_window(inputs, reach(self.kernel_size, self.dilation_rate), "kernel_size")

    def convolve_windows(self, x: Array, kernel: Array, groups: int) -> Array:
        """`x` convolved with a kernel `[*window, channels / groups, filters]`."""
        self.check_channels(x, kernel.shape[-2] * groups)
        return convolve(
            x,
            kernel,
            strides=self.strides,
            padding=self.padding,
            dilation=self.dilation_rate,
            groups=groups,
            data_format=self.layout,
        )

    def check_channels(self, x: Array, expected: int) -> None:
        """Raises unless the number of channels of `x` is that of the weights."""
        if x.shape[self.channel_axis] != expected:
            raise self.value_error(
                f"`inputs` with {expected} channels, as when its weights were made",
                f"shape {x.shape}",
            )


class Convolution(ConvolutionBase):
    """Base of Conv1D, Conv2D and Conv3D. See Conv2D for the arguments."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis())
    padding: str = options.padding()
    data_format: str | None = options.data_format()
    dilation_rate: tuple[int, ...] = option(default=1, convert=PerAxis())
    groups: int = option(default=1, convert=positive_int)
    activation: Any = options.activation()
    use_bias: bool = True
    kernel_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    kernel_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    kernel_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def check(self) -> None:
        check_strides(self, self.strides, self.dilation_rate)
        if self.filters % self.groups:
            got = f"{self.filters} filters in {self.groups} groups"
            raise self.value_error("`filters` to be a multiple of `groups`", got)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self.check_inputs(inputs)
        channels = inputs.shape[self.channel_axis]
        if channels % self.groups:
            raise self.value_error(
                f"`inputs` with a multiple of {self.groups} channels, one share for each of "
                "`groups`",
                f"shape {tuple(inputs.shape)}",
            )
        kernel = (*self.kernel_size, channels // self.groups, self.filters)
        bias = (self.filters,) if self.use_bias else None
        return initial_weights(self, key, kernel=kernel, bias=bias), {}

    def convolve(self, x: Array, weights: Params) -> Array:
        return self.convolve_windows(x, weights["kernel"], self.groups)


class Conv1D(Convolution, rank=1):
    """A convolution over one axis: `[batch, steps, channels]` to `[batch, positions, filters]`.

    Arguments as Conv2D's, with one number where that has two; `padding` may also be "causal": an
    output then depends on no later input.

    Source: `keras.layers.Conv1D`.
    """

    padding: str = options.padding("causal")


class Conv2D(Convolution, rank=2):
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


class Conv3D(Convolution, rank=3):
    """A convolution over volumes or video: `[batch, depth, height, width, channels]`. See Conv2D.

    Source: `keras.layers.Conv3D`.
    """
