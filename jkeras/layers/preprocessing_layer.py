"""The base of preprocessing layers, which can be called on arrays directly.

    images = Rescaling(1 / 255)(images)
    dataset = dataset.map(lambda x, y: (normalize(x), y))

The call runs `init` and `apply`. This works because the description of a preprocessing layer
determines its outputs; other layers have weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.layer import State
from jkeras.core.symbols import has_symbols
from jkeras.layers.deterministic import Deterministic

if TYPE_CHECKING:
    import numpy.typing as npt


class PreprocessingLayer(Deterministic):
    """Base of layers without trained weights and without randomness.

    Example:
      >>> class Doubled(PreprocessingLayer):
      ...     def apply(self, params, state, inputs, *, key=None, training=False):
      ...         return 2 * inputs, state
      >>> Doubled()([1, 2]).tolist()
      [2, 4]
    """

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
        arrays = [_array(x) for x in inputs]
        named: dict[str, Any] = {name: _array(x) for name, x in kwargs.items() if x is not None}
        params, state = self.init(None, *arrays, **named)
        self.check_ready(state)
        return self.apply(params, state, *arrays, **named)[0]


def _array(x: npt.ArrayLike) -> jax.Array:
    return x if isinstance(x, jax.Array) else jnp.asarray(np.asarray(x))
