"""LoRA in Keras's files, which hold the sum of a kernel and its low-rank part."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp

from jkeras.core.parts import Path, at, layers_by_path, put
from jkeras.training.state import TrainState

if TYPE_CHECKING:
    from jkeras.trainer.state.description import Net


def with_merged(net: Net, values: TrainState) -> TrainState:
    """The values with each frozen weight as it is with its low-rank part, for a file."""
    params = values.params
    for path, layer in _adapted(net):
        own = at(params, path)
        if own:
            params = put(params, path, layer.with_delta(own))
    return values if params is values.params else values.replace(params=params)


def with_reset(net: Net, values: TrainState, loaded: Collection[tuple[str, ...]]) -> TrainState:
    """The values with a low-rank part of zero where the weight beside it is loaded.

    The first factor stays as it is: with two factors of zero no gradient would reach either.
    """
    params = values.params
    for path, layer in _adapted(net):
        own, name = at(params, path), layer.lora_names[1]
        if own and (*path, layer.lora_target) in loaded:
            params = put(params, path, {**own, name: jnp.zeros_like(own[name])})
    return values if params is values.params else values.replace(params=params)


def _adapted(net: Net) -> list[tuple[Path, Any]]:
    """The layers with LoRA, and the paths to their values."""
    found = layers_by_path(net).items()
    return [(path, layer) for path, layer in found if getattr(layer, "lora_enabled", False)]
