"""Two layers that stand in for what Keras's functional API draws: a sum, and one array used twice.

They are all that differs between the models of jkeras and those of Keras, and what a layer of one's
own looks like: fields, `init`, `apply`.
"""

from __future__ import annotations

from typing import Any, ClassVar

import jax

from jkeras.layers import Layer
from jkeras.models import Chain


class Residual(Layer):
    """The sum of two chains that see the same inputs; an empty shortcut is the inputs themselves.

    Args:
      main: the layers of the long way.
      shortcut: the layers of the short one.
    """

    main: Chain
    shortcut: Chain

    padded_rows: ClassVar[Any] = "masked"  # a chain takes `rows` and tells its layers

    def init(self, key: Any, inputs: Any) -> Any:
        ways = zip((self.main, self.shortcut), jax.random.split(key), strict=True)
        return tuple(map(_by_way, zip(*(way.init(own, inputs) for way, own in ways), strict=True)))

    def apply(self, params: Any, state: Any, inputs: Any, **how: Any) -> Any:
        long, state_long = self.main.apply(params["main"], state["main"], inputs, **how)
        short, state_short = self.shortcut.apply(
            params["shortcut"], state["shortcut"], inputs, **how
        )
        return long + short, _by_way((state_long, state_short))


class Twice(Layer):
    """The inputs two times, for a layer that takes queries and values."""

    def apply(self, params: Any, state: Any, inputs: Any, **how: Any) -> Any:
        return (inputs, inputs), state


def _by_way(parts: Any) -> dict[str, Any]:
    return dict(zip(("main", "shortcut"), parts, strict=True))
