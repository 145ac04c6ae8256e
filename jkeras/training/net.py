"""What training asks of a network, as a type."""

from __future__ import annotations

from typing import Any, Protocol


class Net(Protocol):
    """The two pure functions of the layer contract: a `Layer`, or anything else that has them.

    What a network may have besides (`penalty`, `constrain`, `apply_with_mask`, …) is asked for by
    name where it is used.
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """`init(key, *specs)`: fresh params and state."""

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """`apply(params, state, *inputs, key=None, training=False)`: outputs and new state."""


__all__ = ["Net"]
