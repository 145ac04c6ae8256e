"""Global pooling: the maximum or the mean of each channel over all spatial axes."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State
from jkeras.layers.deterministic import Deterministic, cast_floating
from jkeras.layers.options import data_format
from jkeras.layers.spatial import Spatial

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks


class GlobalPooling(Spatial, Deterministic):
    """Base of the layers that pool over all spatial axes.

    Shapes: `[batch, *spatial, channels]` to `[batch, channels]`, or with `keepdims` spatial axes of
    size 1.

    Args:
      data_format: "channels_last" (the default) or "channels_first".
      keepdims: whether the spatial axes stay, with size 1.

    Raises:
      ValueError: another rank.
    """

    in_slices: ClassVar[InSlices] = "same"

    data_format: str | None = data_format()
    keepdims: bool = False

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = cast_floating(self, inputs)
        self.check_axes(x)
        return self.pool(x, self.spatial_axes)

    def pool(self, x: Array, axes: tuple[int, ...]) -> Array:
        """One number for each channel, from all entries along `axes`."""
        raise NotImplementedError(f"{self.who}: expected the class to define `pool`.")


class GlobalMaxPooling(GlobalPooling):
    """The largest entry of each channel; keeps integer dtypes."""

    def pool(self, x: Array, axes: tuple[int, ...]) -> Array:
        return jnp.max(x, axes, keepdims=self.keepdims)


class GlobalAveragePooling(GlobalPooling):
    """The mean of each channel."""

    def pool(self, x: Array, axes: tuple[int, ...]) -> Array:
        return jnp.mean(self.cast(x), axes, keepdims=self.keepdims)


class GlobalMaxPooling1D(GlobalMaxPooling, rank=1):
    """`[batch, steps, channels]` to the largest of each channel.

    Source: `keras.layers.GlobalMaxPooling1D`.
    """


class GlobalMaxPooling2D(GlobalMaxPooling, rank=2):
    """`[batch, height, width, channels]` to the largest entry of each channel.

    Source: `keras.layers.GlobalMaxPooling2D`.
    """


class GlobalMaxPooling3D(GlobalMaxPooling, rank=3):
    """`[batch, depth, height, width, channels]` to the largest entry of each channel.

    Source: `keras.layers.GlobalMaxPooling3D`.
    """


class GlobalAveragePooling1D(GlobalAveragePooling, rank=1):
    """`[batch, steps, channels]` to the mean of each channel.

    With a mask the mean is over the unmasked steps, and zeros if all steps are masked. (NaN in
    Keras.)

    Raises:
      ValueError: another rank; a `mask` that is not [batch, steps].

    Example:
      >>> x, mask = jnp.array([[[1.0], [5.0]]]), jnp.array([[True, False]])
      >>> GlobalAveragePooling1D().apply({}, {}, x, mask=mask)[0].tolist()
      [[1.0]]

    Source: `keras.layers.GlobalAveragePooling1D`.
    """

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> None:
        """None: the outputs have no steps."""

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
        """`Layer.apply`; `mask` is [batch, steps] bool."""
        if mask is None:
            return super().apply(params, state, inputs, key=key, training=training)
        x, (steps,) = self.cast(inputs), self.spatial_axes
        self.check_axes(x)
        real = jnp.expand_dims(self._checked_mask(mask, x, steps), 3 - steps)
        total = jnp.sum(jnp.where(real, x, 0), steps, keepdims=self.keepdims)
        count = jnp.sum(real, steps, keepdims=self.keepdims, dtype=x.dtype)
        return total / jnp.maximum(count, 1), state

    def _checked_mask(self, mask: ArrayLike, x: Array, steps: int) -> Array:
        mask, shape = jnp.asarray(mask), (x.shape[0], x.shape[steps])
        if mask.shape != shape:
            raise self.value_error(
                f"`mask` of shape {shape}, [batch, steps] as the inputs", mask.shape
            )
        return mask.astype(bool)


class GlobalAveragePooling2D(GlobalAveragePooling, rank=2):
    """`[batch, height, width, channels]` to the mean of each channel.

    Example:
      >>> x = jnp.arange(8.0).reshape(1, 2, 2, 2)
      >>> GlobalAveragePooling2D().apply({}, {}, x)[0].tolist()
      [[3.0, 4.0]]

    Source: Lin et al. 2013, arXiv:1312.4400; `keras.layers.GlobalAveragePooling2D`.
    """


class GlobalAveragePooling3D(GlobalAveragePooling, rank=3):
    """`[batch, depth, height, width, channels]` to the mean of each channel.

    Source: `keras.layers.GlobalAveragePooling3D`.
    """
