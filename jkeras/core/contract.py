"""`LayerContract`: the type of what calls and traces need of a layer, whatever its class."""

from __future__ import annotations

from typing import Any, Protocol


class LayerContract(Protocol):
    """The two pure functions, and how models and messages name the layer."""

    @property
    def name(self) -> str | None:
        """Its name in its model."""

    @property
    def who(self) -> str:
        """`Dense 'dense_1'`, or `Dense` while it has no name."""

    def init(self, *args: Any, **kwargs: Any) -> Any:
        """`init(key, *inputs)`: fresh params and state."""

    def apply(self, *args: Any, **kwargs: Any) -> Any:
        """`apply(params, state, *inputs, key=None, training=False)`: outputs and new state."""
