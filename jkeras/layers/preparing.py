"""Layers that prepare data: called on arrays, they compute.

    images = Rescaling(1 / 255)(images)
    dataset = dataset.map(lambda x, y: (normalize(x), y))

That is `init` and `apply` in one call. They can, because all they know is in their description;
other layers have weights.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.layer import Layer, State
from jkeras.core.symbols import has_symbols

if TYPE_CHECKING:
    import numpy.typing as npt


class Preparing(Layer):
    """A layer without weights to train and without randomness.

    Example:
      >>> class Doubled(Preparing):
      ...     def apply(self, params, state, inputs, *, key=None, training=False):
      ...         return 2 * inputs, state
      >>> Doubled()([1, 2]).tolist()
      [2, 4]
    """

    def check_ready(self, state: State) -> None:
        """Raises when the layer cannot work yet because something about the data is not known.

        Args:
          state: the layer's own state, with values.
        """

    def __call__(self, *inputs: Any, **kwargs: Any) -> Any:
        """The outputs for arrays; on symbols, as every layer.

        Args:
          *inputs: arrays, or lists of numbers.
          **kwargs: further inputs by name; `training`, which changes nothing.
        """
        if has_symbols(inputs, kwargs):
            return super().__call__(*inputs, **kwargs)
        kwargs.pop("training", None)
        arrays = [_array(x) for x in inputs]
        named = {name: _array(x) for name, x in kwargs.items() if x is not None}
        params, state = self.init(None, *arrays, **named)
        self.check_ready(state)
        return self.apply(params, state, *arrays, **named)[0]


def _array(x: npt.ArrayLike) -> jax.Array:
    return x if isinstance(x, jax.Array) else jnp.asarray(np.asarray(x))
