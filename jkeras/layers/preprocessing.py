"""The base of preprocessing layers, which can be called on arrays directly, and Rescaling.

    images = Rescaling(1 / 255)(images)
    dataset = dataset.map(lambda x, y: (normalize(x), y))

The call runs `init` and `apply`. This works because the description of a preprocessing layer
determines its outputs; other layers have weights. One with statistics of data has them as weights
in a model, so there it is called as every layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.arrays import as_jax
from jkeras.core.data_format import image_data_format
from jkeras.core.errors import WrongTypeError, describe, quoted
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.core.object_api import object_api
from jkeras.core.symbols import has_symbols
from jkeras.layers.deterministic import Deterministic, broadcasts

if TYPE_CHECKING:
    import numpy.typing as npt
    from jax.typing import ArrayLike

Numbers = float | tuple[Any, ...]


class PreprocessingLayer(Deterministic):
    """Base of layers without trained weights and without randomness.

    Example:
      >>> class Doubled(PreprocessingLayer):
      ...     def apply(self, params, state, inputs, *, key=None, training=False):
      ...         return 2 * inputs, state
      >>> Doubled()([1, 2]).tolist()
      [2, 4]
    """

    @property
    def keeps_statistics(self) -> bool:
        """Whether the layer has statistics of data among its weights."""
        return False

    def check_ready(self, state: State) -> None:
        """Raises if the layer needs `adapt` first.

        Args:
          state: the state of the layer, with values.
        """

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The outputs for arrays; for symbols, the symbols of every layer's call.

        Args:
          *inputs: arrays, or lists of numbers.
          **kwargs: further inputs by name; `training` is ignored.
        """
        if has_symbols(inputs, kwargs):
            return super().__call__(*inputs, **kwargs)
        kwargs.pop("training", None)
        arrays = [self._array(x) for x in inputs]
        if self.keeps_statistics and object_api().has_weights(self):
            return super().__call__(*arrays, **kwargs)
        named: dict[str, Any] = {
            name: self._array(x) for name, x in kwargs.items() if x is not None
        }
        params, state = self.init(None, *arrays, **named)
        self.check_ready(state)
        return self.apply(params, state, *arrays, **named)[0]

    def _array(self, x: Any) -> Any:
        """An input as an array, or a dict of them."""
        if isinstance(x, Mapping):
            return {name: self._array(value) for name, value in x.items()}
        try:
            return x if isinstance(x, jax.Array) else as_jax(np.asarray(x))
        except WrongTypeError as error:
            raise quoted(error, who=self.who) from None


def numbers(value: object) -> Numbers:
    """`value` as a float, or as nested tuples of floats where it is an array or a list."""
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError):
        raise WrongTypeError(
            f"expected a number or an array of them, got {describe(value)}."
        ) from None
    return _nested(array.tolist())


def _nested(value: float | list[Any]) -> Numbers:
    return tuple(_nested(item) for item in value) if isinstance(value, list) else float(value)


def channel_numbers(value: npt.ArrayLike) -> Numbers:
    """`numbers` for each channel, with axes of height and width behind channels that come first."""
    value = numbers(value)
    if isinstance(value, float) or image_data_format() == "channels_last":
        return value
    array = np.asarray(value)
    return _nested(array.reshape(array.shape + (1,) * (3 - array.ndim)).tolist())


class Rescaling(PreprocessingLayer):
    """`inputs * scale + offset`, such as raw pixels to [0, 1] with `Rescaling(1 / 255)`.

    Shapes: any, kept. Integers become float32.

    Args:
      scale: a number, or an array that broadcasts along the last axes: `[1 / 255, 1 / 255, 1 /
        128]`. Where `image_data_format()` is "channels_first", the first of the last three.
      offset: a number, or an array, like `scale`.

    Raises:
      ValueError: `scale` or `offset` does not broadcast with the inputs.

    Example:
      >>> pixels = jnp.array([[0, 255]], jnp.uint8)
      >>> Rescaling(1 / 127.5, offset=-1).apply({}, {}, pixels)[0].tolist()
      [[-1.0, 1.0]]

    Source: `keras.layers.Rescaling`.
    """

    in_slices: ClassVar[InSlices] = "same"
    supports_masking: ClassVar[bool] = True

    scale: Numbers = option(convert=channel_numbers)
    offset: Numbers = option(default=0.0, convert=channel_numbers)

    takes_integers: ClassVar[bool] = True

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        return x * self._beside("scale", x) + self._beside("offset", x)

    def _beside(self, argument: str, x: Array) -> Array:
        """`scale` or `offset` as an array that broadcasts with `x`."""
        factor = np.asarray(getattr(self, argument))
        if not broadcasts(factor.shape, x.shape):
            raise self.value_error(
                f"`{argument}` to broadcast along the last axes of inputs of shape {x.shape}",
                f"shape {factor.shape}",
            )
        return lax.expand_dims(jnp.asarray(factor, x.dtype), range(x.ndim - factor.ndim))
