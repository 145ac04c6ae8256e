"""`Net`: the type of what training needs of a network."""

from __future__ import annotations

from typing import Any, Protocol


class Net(Protocol):
    """The two pure functions of the layer contract: a `Layer`, or anything else that has them.

    Optional methods of a network (`penalty`, `constrain`, `apply_with_mask`, …) are looked up by
    name where they are used.
    """

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """`init(key, *specs)`: fresh params and state."""

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """`apply(params, state, *inputs, key=None, training=False)`: outputs and new state."""
