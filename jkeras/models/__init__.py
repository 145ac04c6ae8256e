"""Layers made from layers. `Sequential` is reached here too, where a Keras user looks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jkeras.models.chain import Chain

if TYPE_CHECKING:
    from jkeras.trainer import Sequential

__all__ = ["Chain", "Sequential"]


def __getattr__(name: str) -> Any:
    # The trainer stands on top of the models, so this one name is fetched when it is asked for.
    if name == "Sequential":
        from jkeras.trainer import Sequential

        return Sequential
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
