"""Activation functions as layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
from jax import lax

from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, PaddedRows, Params, State, option
from jkeras.layers import options
from jkeras.layers.deterministic import Deterministic, broadcasts, initial_weights
from jkeras.layers.options import axes, axis_tuple, non_negative, number, optional
from jkeras.ops import activations

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


class Elementwise(Deterministic):
    """Base of layers that apply one function to their inputs. Shapes: any, kept."""

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        return self.transform(self.cast(inputs))

    def transform(self, x: Array) -> Array:
        """The function; `x` is floating."""
        raise NotImplementedError(f"{self.who}: expected the class to define `transform`.")


class Activation(Elementwise):
    """`activation(inputs)`.

    Shapes: any, kept.

    Args:
      activation: a name, a function, or None for the identity.

    Example:
      >>> Activation("relu").apply({}, {}, jnp.array([-1.0, 2.0]))[0].tolist()
      [0.0, 2.0]

    Source: `keras.layers.Activation`.
    """

    activation: Any = option(convert=activations.get, to_config=activations.serialize)

    def transform(self, x: Array) -> Array:
        return self.activation(x)


class ReLU(Elementwise):
    """`min(x, max_value)` above `threshold`, `negative_slope * (x - threshold)` below.

    Shapes: any, kept.

    Args:
      max_value: the largest output, at least 0; None for no limit.
      negative_slope: slope below the threshold, at least 0.
      threshold: where the function starts to rise, at least 0.

    Source: `keras.layers.ReLU`.
    """

    max_value: float | None = option(default=None, convert=optional(non_negative))
    negative_slope: float = option(default=0.0, convert=non_negative)
    threshold: float = option(default=0.0, convert=non_negative)

    def transform(self, x: Array) -> Array:
        return activations.relu(x, self.negative_slope, self.max_value, self.threshold)


class LeakyReLU(Elementwise):
    """`x` where positive, else `negative_slope * x`.

    Shapes: any, kept.

    Args:
      negative_slope: at least 0. (The function `leaky_relu` has another default, 0.2.)

    Source: Maas et al. 2013, Rectifier nonlinearities; `keras.layers.LeakyReLU`.
    """

    negative_slope: float = option(default=0.3, convert=non_negative)

    def transform(self, x: Array) -> Array:
        return activations.leaky_relu(x, self.negative_slope)


class ELU(Elementwise):
    """`x` where positive, else `alpha * (exp(x) - 1)`.

    Shapes: any, kept.

    Args:
      alpha: minus the limit at minus infinity.

    Source: Clevert et al. 2015, arXiv:1511.07289; `keras.layers.ELU`.
    """

    alpha: float = option(default=1.0, convert=number)

    def transform(self, x: Array) -> Array:
        return activations.elu(x, self.alpha)


class Softmax(Elementwise):
    """`exp(x) / sum(exp(x))` over `axis`: positive, with sum 1.

    Shapes: any, kept.

    Args:
      axis: the axis, or a tuple of axes with one common sum.

    Raises:
      ValueError: the inputs have no such axis, or a `mask` does not broadcast to them.

    Source: `keras.layers.Softmax`.
    """

    axis: int | tuple[int, ...] = option(default=-1, convert=axes)

    @property
    def padded_rows(self) -> PaddedRows:
        """Rows are apart unless they are summed, along axis 0."""
        return "seen" if 0 in axis_tuple(self.axis) else "ignored"

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        mask: ArrayLike | None = None,
    ) -> tuple[Array, State]:
        """`Layer.apply`; entries that `mask` (broadcast along the last axes) hides become 0."""
        x = self.cast(inputs)
        if mask is None:
            return self.transform(x), state
        mask = self._checked_mask(mask, x)
        large = 3e4 if x.dtype == jnp.float16 else 1e9
        return jnp.where(mask, self.transform(jnp.where(mask, x, -large)), 0), state

    def _checked_mask(self, mask: ArrayLike, x: Array) -> Array:
        mask = jnp.asarray(mask)
        if not broadcasts(mask.shape, x.shape):
            raise self.value_error(
                f"a `mask` that broadcasts to inputs of shape {x.shape}",
                f"shape {mask.shape}",
                fix=(
                    "To take the softmax of the features of masked steps, use "
                    'Activation("softmax").'
                ),
            )
        mask = mask if mask.dtype == bool else mask > 0.5
        return jnp.broadcast_to(lax.expand_dims(mask, range(x.ndim - mask.ndim)), x.shape)

    def transform(self, x: Array) -> Array:
        if any(not -x.ndim <= axis < x.ndim for axis in axis_tuple(self.axis)):
            raise self.value_error(
                "`axis` to name axes of the inputs", f"{self.axis} for inputs of shape {x.shape}"
            )
        return activations.softmax(x, self.axis)


def _shared_axes(value: object) -> tuple[int, ...]:
    several = axis_tuple(value)
    if min(several) < 1:
        raise ValueError(f"expected axes counted from 1, behind the batch axis, got {value!r}.")
    return several


class PReLU(Deterministic):
    """`x` where positive, else `alpha * x` with a learned `alpha` for every feature.

    Shapes: `[batch, ...]`, kept. Weights: `alpha`, of the inputs' shape without the batch axis, and
    1 on `shared_axes`.

    Args:
      alpha_initializer, alpha_regularizer, alpha_constraint: names or objects.
      shared_axes: axes (from 1) along which one `alpha` serves: `(1, 2)` for one per image channel.

    Raises:
      ValueError: the inputs have no such axis.

    Source: He et al. 2015, arXiv:1502.01852; `keras.layers.PReLU`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    alpha_initializer: Any = options.initializer("Zeros")
    alpha_regularizer: Any = options.regularizer()
    alpha_constraint: Any = options.constraint()
    shared_axes: tuple[int, ...] | None = option(default=None, convert=optional(_shared_axes))

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        shape, shared = tuple(inputs.shape), self.shared_axes or ()
        if shared and max(shared) >= len(shape):
            raise self.value_error(
                "`shared_axes` to name axes of the inputs", f"{shared} for inputs of shape {shape}"
            )
        sizes = tuple(1 if axis in shared else n for axis, n in enumerate(shape) if axis)
        return initial_weights(self, key, alpha=sizes), {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        alpha = lax.expand_dims(self.weights_like(params, x)["alpha"], [0])
        return jnp.maximum(x, 0) - alpha * jnp.maximum(-x, 0)
