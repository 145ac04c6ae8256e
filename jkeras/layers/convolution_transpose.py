"""Transposed convolution layers, which enlarge the spatial axes: one base for every rank."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from jkeras.core.keys import Key
from jkeras.core.layer import Array, Params, State, option
from jkeras.layers import options
from jkeras.layers.convolution import ConvolutionBase, check_strides
from jkeras.layers.deterministic import initial_weights
from jkeras.layers.options import count, optional, positive_int, sizes
from jkeras.layers.spatial import PerAxis
from jkeras.ops.transposed import convolve_transposed

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec


class TransposedConvolution(ConvolutionBase):
    """Base of Conv1DTranspose, Conv2DTranspose and Conv3DTranspose. See Conv2DTranspose."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis())
    padding: str = options.padding()
    output_padding: tuple[int, ...] | None = option(
        default=None, convert=PerAxis(lambda rank: optional(sizes(rank, count)))
    )
    data_format: str | None = options.data_format()
    dilation_rate: tuple[int, ...] = option(default=1, convert=PerAxis())
    activation: Any = options.activation()
    use_bias: bool = True
    kernel_initializer: Any = options.initializer("glorot_uniform")
    bias_initializer: Any = options.initializer("zeros")
    kernel_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    activity_regularizer: Any = options.regularizer()
    kernel_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()

    def check(self) -> None:
        check_strides(self, self.strides, self.dilation_rate)
        pairs = zip(self.output_padding or (), self.strides, strict=False)
        if any(extra >= step for extra, step in pairs):
            expected = f"`output_padding` smaller than `strides` {self.strides} on every axis"
            raise self.value_error(expected, self.output_padding)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self.check_inputs(inputs)
        kernel = (*self.kernel_size, self.filters, inputs.shape[self.channel_axis])
        bias = (self.filters,) if self.use_bias else None
        return initial_weights(self, key, kernel=kernel, bias=bias), {}

    def convolve(self, x: Array, weights: Params) -> Array:
        self.check_channels(x, weights["kernel"].shape[-1])
        return convolve_transposed(
            x,
            weights["kernel"],
            strides=self.strides,
            padding=self.padding,
            output_padding=self.output_padding,
            dilation=self.dilation_rate,
            data_format=self.layout,
        )

    def check_window(self, inputs: ArraySpec, window: Sequence[int], argument: str) -> None:
        """Nothing: every window fits, since the outputs are larger than the inputs."""


class Conv1DTranspose(TransposedConvolution, rank=1):
    """A transposed convolution over one axis: `[batch, steps, channels]` to more steps.

    Arguments as Conv2DTranspose's, with one number where that has two.

    Source: `keras.layers.Conv1DTranspose`.
    """


class Conv2DTranspose(TransposedConvolution, rank=2):
    """A transposed convolution over images: each entry adds a scaled kernel to a larger image.

    Shapes: `[batch, height, width, channels]` to `[batch, rows, columns, filters]`. Weights:
    `kernel` (*kernel_size, filters, channels), `bias` (filters,). An axis of n entries becomes
    n · stride long with "same" padding, (n - 1) · stride + max(window, stride) with "valid".

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel; one integer for both.
      strides: steps between what neighboring entries add to; one integer for both axes.
      padding: "valid" (all that the inputs reach) or "same".
      output_padding: entries behind the last row and column, fewer than the strides; None for the
        sizes above. With "same", an axis is (n - 1) · stride + window mod 2 + output_padding long.
      data_format: "channels_last" (the default) or "channels_first".
      dilation_rate: steps between the kernel's entries; not together with strides.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      kernel_…, bias_… initializer, regularizer, constraint: names or objects.
      activity_regularizer: a regularizer of the outputs.

    Raises:
      ValueError: another rank, or an `output_padding` that is not smaller than the strides.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> layer = Conv2DTranspose(1, 2, strides=2, kernel_initializer="ones")
      >>> x = jnp.array([[1.0, 2.0]]).reshape(1, 1, 2, 1)
      >>> layer.apply(*layer.init(jax.random.key(0), x), x)[0][0, ..., 0].tolist()
      [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]

    Source: Zeiler et al. 2010, doi:10.1109/CVPR.2010.5539957; `keras.layers.Conv2DTranspose`.
    """


class LayoutFirst(ConvolutionBase):
    """The first arguments of Conv3DTranspose, in Keras's order."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis())
    padding: str = options.padding()
    data_format: str | None = options.data_format()


class Conv3DTranspose(TransposedConvolution, LayoutFirst, rank=3):
    """A transposed convolution over volumes: `[batch, depth, height, width, channels]`.

    See Conv2DTranspose. As in Keras, by position `data_format` comes before `output_padding`.

    Source: `keras.layers.Conv3DTranspose`.
    """
