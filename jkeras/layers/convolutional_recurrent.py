"""LSTM over images: both products of its step are convolutions, over any number of axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, Params, State, option
from jkeras.layers import options
from jkeras.layers.cells import States
from jkeras.layers.convolution import check_strides, reach
from jkeras.layers.options import positive_int, rate
from jkeras.layers.recurrent import CellByName
from jkeras.layers.recurrent_cells import GatedCell, forget_bias, kernels_and_bias
from jkeras.layers.spatial import PerAxis, Spatial, image_axes
from jkeras.ops.convolution import convolve
from jkeras.ops.recurrence import along_time, lstm_states

if TYPE_CHECKING:
    from jkeras.core.typing import ArraySpec


class ConvLSTMArguments(Layer):
    """The arguments of ConvLSTM1D, ConvLSTM2D and ConvLSTM3D. See ConvLSTM2D."""

    filters: int = option(convert=positive_int)
    kernel_size: tuple[int, ...] = option(convert=PerAxis())
    strides: tuple[int, ...] = option(default=1, convert=PerAxis(repeats_default=False))
    padding: str = options.padding()
    data_format: str | None = options.data_format()
    dilation_rate: tuple[int, ...] = option(default=1, convert=PerAxis(repeats_default=False))
    activation: Any = options.activation("tanh")
    recurrent_activation: Any = options.activation("sigmoid")
    use_bias: bool = True
    kernel_initializer: Any = options.initializer("glorot_uniform")
    recurrent_initializer: Any = options.initializer("orthogonal")
    bias_initializer: Any = options.initializer("zeros")
    unit_forget_bias: bool = True
    kernel_regularizer: Any = options.regularizer()
    recurrent_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    kernel_constraint: Any = options.constraint()
    recurrent_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()
    dropout: float = option(default=0.0, convert=rate)
    recurrent_dropout: float = option(default=0.0, convert=rate)
    seed: int | None = None


class ConvLSTMCell(ConvLSTMArguments, GatedCell):
    """One step of ConvLSTM; sizes come as tuples, one number for each spatial axis."""

    gates: ClassVar[int] = 4

    @property
    def _draws(self) -> int:
        return self.gates

    @property
    def feature_axis(self) -> int:
        """The axis of channels, from the end."""
        return -1 if self.data_format == "channels_last" else -1 - len(self.kernel_size)

    def initial_states(self, inputs: ArraySpec) -> States:
        """Zeros for h and c, of the shape that the convolution of the inputs has."""
        channels = inputs.shape[self.feature_axis]
        kernel = jax.ShapeDtypeStruct((*self.kernel_size, channels, self.filters), inputs.dtype)
        step = jax.ShapeDtypeStruct(inputs.shape, inputs.dtype)
        h = jax.eval_shape(lambda x, kernel: self._from_inputs(x, kernel, None), step, kernel)
        return jnp.zeros(h.shape, h.dtype), jnp.zeros(h.shape, h.dtype)

    def init(self, key: Key, inputs: ArraySpec, *states: Any) -> tuple[Params, State]:
        window, wide = self.kernel_size, 4 * self.filters
        shapes = {
            "kernel": (*window, inputs.shape[self.feature_axis], wide),
            "recurrent_kernel": (*window, self.filters, wide),
        }
        return kernels_and_bias(self, key, shapes, self._bias), {}

    def _bias(self, key: Key) -> Array:
        return forget_bias(self, self.filters, key)

    def _from_inputs(self, x: Array, kernel: Array, kept: Array | None) -> Array:
        return self._convolved(x, kernel, kept, self.strides, self.padding, self.dilation_rate)

    def _from_h(self, h: Array, kernel: Array, kept: Array | None) -> Array:
        ones = (1,) * len(self.kernel_size)
        return self._convolved(h, kernel, kept, ones, "same", ones)

    def _convolved(
        self,
        x: Array,
        kernel: Array,
        kept: Array | None,
        strides: tuple[int, ...],
        padding: str,
        dilation: tuple[int, ...],
    ) -> Array:
        """Like `dense_product`, with a convolution instead of the matrix product."""
        if kept is not None:
            parts = zip(kept, jnp.split(kernel, len(kept), -1), strict=True)
            each = [
                self._convolved(
                    x * along_time(factor, x.ndim), part, None, strides, padding, dilation
                )
                for factor, part in parts
            ]
            return jnp.concatenate(each, self.feature_axis)
        rank = len(self.kernel_size) + 1  # of one example: the axes in front are all examples
        outputs = convolve(
            x.reshape(-1, *x.shape[-rank:]),
            kernel,
            strides=strides,
            padding=padding,
            dilation=dilation,
            data_format=str(self.data_format),
        )
        return outputs.reshape(*x.shape[:-rank], *outputs.shape[1:])

    def _advance(self, z: Array, states: States) -> States:
        return lstm_states(
            z,
            states[1],
            activation=self.activation,
            gate=self.recurrent_activation,
            axis=self.feature_axis,
        )


class ConvLSTM(Spatial, CellByName, ConvLSTMArguments):
    """Base of ConvLSTM1D, ConvLSTM2D and ConvLSTM3D. See ConvLSTM2D for the arguments."""

    cell_type: ClassVar[Any] = ConvLSTMCell

    def check(self) -> None:
        check_strides(self, self.strides, self.dilation_rate)

    @property
    def input_axes(self) -> str:  # type: ignore[override]  # here it depends on the arguments
        """The axes of the inputs in words, for messages."""
        return image_axes(self.rank, self.layout).replace("[batch,", "[batch, time,")

    @property
    def _fix(self) -> str:
        example = "x[..., None]" if self.data_format == "channels_last" else "x[:, :, None]"
        return f"For data without channels add the axis: {example}."

    def _check_inputs(self, inputs: ArraySpec) -> None:
        super()._check_inputs(inputs)
        if self.padding == "valid":
            step = jax.ShapeDtypeStruct((inputs.shape[0], *inputs.shape[2:]), inputs.dtype)
            self.check_window(step, reach(self.kernel_size, self.dilation_rate), "kernel_size")


class ConvLSTM1D(ConvLSTM, rank=1):
    """LSTM over sequences of rows: `[batch, time, steps, channels]`. See ConvLSTM2D.

    Source: `keras.layers.ConvLSTM1D`.
    """


class ConvLSTM2D(ConvLSTM, rank=2):
    """LSTM over sequences of images: its products with the kernels are convolutions.

    Shapes: `[batch, time, height, width, channels]` to `[batch, rows, columns, filters]`, the last
    h, or with a time axis with `return_sequences`. With `return_state` the outputs are
    `(outputs, h, c)`. Optional further inputs are the initial h and c, of the shape of h.

    Weights, with the gates in the order i, f, c, o: `kernel` (*kernel_size, channels, 4 filters),
    `recurrent_kernel` (*kernel_size, filters, 4 filters), `bias` (4 filters,).

    Args:
      filters: number of channels of h and c.
      kernel_size: height and width of both kernels; one integer for both.
      strides, padding, dilation_rate: of the inputs' convolution, as Conv2D's; that of h has
        strides of 1 and "same" padding.
      data_format: "channels_last" (the default) or "channels_first".
      all others: as LSTM's. Each gate draws its own dropout masks.

    Raises:
      ValueError: another rank, a kernel that does not fit, or strides together with dilation.

    Example:
      >>> layer = ConvLSTM2D(2, 3, padding="same", return_sequences=True)
      >>> params, state = layer.init(jax.random.key(0), jnp.ones((1, 4, 6, 5, 3)))
      >>> layer.apply(params, state, jnp.ones((1, 4, 6, 5, 3)))[0].shape
      (1, 4, 6, 5, 2)

    Source: Shi et al. 2015, arXiv:1506.04214 (without the connections from c to the gates);
    `keras.layers.ConvLSTM2D`.
    """


class ConvLSTM3D(ConvLSTM, rank=3):
    """LSTM over sequences of volumes: `[batch, time, depth, height, width, channels]`. See
    ConvLSTM2D.

    Source: `keras.layers.ConvLSTM3D`.
    """
