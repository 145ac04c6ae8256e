"""Depthwise and separable convolution layers.

Laws: a depthwise convolution is a convolution with one group for each channel; a separable
convolution is a depthwise one followed by a convolution with a window of one entry.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.layers import options
from jkeras.layers.convolution import ConvolutionBase
from jkeras.layers.deterministic import initial_weights
from jkeras.layers.options import constraint, initializer, positive_int, regularizer
from jkeras.layers.spatial import PerAxis
from jkeras.ops.convolution import convolve

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec


class DepthwiseBase(ConvolutionBase):
    """Base of the depthwise and the separable convolutions."""

    def convolve_each(self, x: Array, kernel: Array) -> Array:
        """`x` with each channel convolved with its own filters, `[*window, channels, filters]`."""
        channels, filters = kernel.shape[-2:]
        grouped = kernel.reshape(*kernel.shape[:-2], 1, channels * filters)
        return self.convolve_windows(x, grouped, channels)


class DepthwiseConvolution(DepthwiseBase):
    """Base of DepthwiseConv1D and DepthwiseConv2D. See DepthwiseConv2D for the arguments."""

    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis())
    padding: str = options.padding()
    depth_multiplier: int = option(default=1, convert=positive_int)
    data_format: str | None = options.data_format()
    dilation_rate: tuple[int, ...] = option(default=1, convert=PerAxis())
    activation: Any = options.activation()
    use_bias: bool = True
    depthwise_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    depthwise_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    depthwise_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self.check_inputs(inputs)
        channels = inputs.shape[self.channel_axis]
        shape = (*self.kernel_size, channels, self.depth_multiplier)
        params = {"kernel": self.depthwise_initializer(shape, key=child(key, "kernel"))}
        if self.use_bias:
            outputs = channels * self.depth_multiplier
            params["bias"] = self.bias_initializer((outputs,), key=child(key, "bias"))
        return params, {}

    def convolve(self, x: Array, weights: Params) -> Array:
        return self.convolve_each(x, weights["kernel"])

    def weight_rules(self, suffix: str, params: Params) -> list[tuple[str, Any]]:
        """The weight's name is `kernel`, while its rules are called `depthwise_…`, as in Keras."""
        rules = super().weight_rules(suffix, {**params, "depthwise": params["kernel"]})
        return [("kernel" if weight == "depthwise" else weight, rule) for weight, rule in rules]


class DepthwiseConv1D(DepthwiseConvolution, rank=1):
    """A depthwise convolution over one axis. Arguments as DepthwiseConv2D's, with one number each.

    Source: `keras.layers.DepthwiseConv1D`.
    """


class DepthwiseConv2D(DepthwiseConvolution, rank=2):
    """A depthwise convolution over images: each channel is convolved with its own filters.

    Shapes: `[batch, height, width, channels]` to `[batch, rows, columns, channels *
    depth_multiplier]`, the filters of one channel side by side. Weights: `kernel` (*kernel_size,
    channels, depth_multiplier), `bias` (channels * depth_multiplier,).

    Args:
      kernel_size: height and width of the kernel; one integer for both.
      strides: steps between positions; one integer for both axes.
      padding: "valid" (none) or "same" (zeros; an odd one goes right or below).
      depth_multiplier: filters for each channel.
      data_format: "channels_last" (the default) or "channels_first".
      dilation_rate: steps between the kernel's entries.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      depthwise_…, bias_… initializer, regularizer, constraint: names or objects; `depthwise_…` are
        those of `kernel`.
      activity_regularizer: a regularizer of the outputs.

    Raises:
      ValueError: another rank, or a kernel that does not fit.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> layer = DepthwiseConv2D(2, depthwise_initializer="ones")
      >>> x = jnp.arange(8.0).reshape(1, 2, 2, 2)
      >>> layer.apply(*layer.init(jax.random.key(0), x), x)[0].ravel().tolist()
      [12.0, 16.0]

    Source: `keras.layers.DepthwiseConv2D`.
    """


class SeparableConvolution(DepthwiseBase):
    """Base of SeparableConv1D and SeparableConv2D. See SeparableConv2D for the arguments."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis())
    padding: str = options.padding()
    data_format: str | None = options.data_format()
    dilation_rate: tuple[int, ...] = option(default=1, convert=PerAxis())
    depth_multiplier: int = option(default=1, convert=positive_int)
    activation: Any = options.activation()
    use_bias: bool = True
    depthwise_initializer: Any = initializer("glorot_uniform")
    pointwise_initializer: Any = initializer("glorot_uniform")
    bias_initializer: Any = initializer("zeros")
    depthwise_regularizer: Any = regularizer()
    pointwise_regularizer: Any = regularizer()
    bias_regularizer: Any = regularizer()
    activity_regularizer: Any = regularizer()
    depthwise_constraint: Any = constraint()
    pointwise_constraint: Any = constraint()
    bias_constraint: Any = constraint()

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        self.check_inputs(inputs)
        channels = inputs.shape[self.channel_axis]
        deep = channels * self.depth_multiplier
        params = initial_weights(
            self,
            key,
            depthwise_kernel=(*self.kernel_size, channels, self.depth_multiplier),
            pointwise_kernel=(*[1] * self.rank, deep, self.filters),
            bias=(self.filters,) if self.use_bias else None,
        )
        return params, {}

    def convolve(self, x: Array, weights: Params) -> Array:
        each = self.convolve_each(x, weights["depthwise_kernel"])
        kernel, ones = weights["pointwise_kernel"], (1,) * self.rank
        return convolve(each, kernel, strides=ones, dilation=ones, data_format=self.layout)


class SeparableConv1D(SeparableConvolution, rank=1):
    """A separable convolution over one axis. Arguments as SeparableConv2D's, with one number each.

    Source: `keras.layers.SeparableConv1D`.
    """


class SeparableConv2D(SeparableConvolution, rank=2):
    """A depthwise convolution, whose channels a second one then mixes position by position.

    Shapes: `[batch, height, width, channels]` to `[batch, rows, columns, filters]`. Weights:
    `depthwise_kernel` (*kernel_size, channels, depth_multiplier), `pointwise_kernel`
    (1, 1, channels * depth_multiplier, filters), `bias` (filters,).

    Args:
      filters: number of output channels.
      kernel_size: height and width of the kernel; one integer for both.
      strides: steps between positions; one integer for both axes.
      padding: "valid" (none) or "same" (zeros; an odd one goes right or below).
      data_format: "channels_last" (the default) or "channels_first".
      dilation_rate: steps between the depthwise kernel's entries.
      depth_multiplier: depthwise filters for each channel.
      activation: a name, a function, or None for the identity.
      use_bias: whether `bias` is added.
      depthwise_…, pointwise_…, bias_… initializer, regularizer, constraint: names or objects.
      activity_regularizer: a regularizer of the outputs.

    Raises:
      ValueError: another rank, or a kernel that does not fit.

    Source: Chollet 2016, arXiv:1610.02357; `keras.layers.SeparableConv2D`.
    """
