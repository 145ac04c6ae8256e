"""A Haiku transform as a layer: what `hk.transform` or `hk.transform_with_state` returned.

`params` and `state` are Haiku's own. The function inside may take the flag `is_training` (also
`training` or `train`): it is True when the weights are made, because Haiku's moving averages begin
in a training step, and then what the step is. Random numbers inside come from `hk.next_rng_key()`.

Haiku's averages begin with the statistics of the inputs that made the weights. These are standard
normal here, so that a network that was not trained yet is evaluated with a variance above 0.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.keys import Key, child
from jkeras.core.layer import option
from jkeras.models.adapters.foreign import zeros_of
from jkeras.models.adapters.pair import Pair, name_of


def _transform(value: object) -> Any:
    kind = type(value).__name__
    if kind not in ("Transformed", "TransformedWithState"):
        raise WrongTypeError(
            f"expected what hk.transform or hk.transform_with_state returns, got {describe(value)}."
            " Choose one of the functions: hk.transform_with_state(lambda x: network(x))."
        )
    return value


class Haiku(Pair):
    """A pair of functions made by Haiku.

    Args:
      module: what `hk.transform` or `hk.transform_with_state` returned.

    Example:
      >>> import haiku as hk, jax, jax.numpy as jnp
      >>> net = hk.transform(lambda x: hk.nets.MLP([8, 2])(x))
      >>> layer = Haiku(net)
      >>> params, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((1, 3), jnp.float32))
      >>> sorted(params), layer.apply(params, state, jnp.ones((5, 3)))[0].shape
      (['mlp/~/linear_0', 'mlp/~/linear_1'], (5, 2))
    """

    library: ClassVar[str] = "Haiku"
    initial_flag: ClassVar[bool] = True

    module: Any = option(convert=_transform)

    @property
    def shown_as(self) -> str:
        function = getattr(self.module.init, "_original_fn", None)
        name = name_of(function, "Haiku")
        return "Haiku" if name == "Lambda" else name

    def examples(self, key: Key, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
        own = child(key, "inputs")
        return jax.tree.map(
            lambda x: (
                jax.random.normal(own, x.shape, x.dtype)
                if jnp.issubdtype(x.dtype, jnp.floating)
                else zeros_of(x)
            ),
            inputs,
        )
