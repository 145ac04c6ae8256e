"""The `seed`s of the layers that draw random numbers, and the keys that they fix.

As in Keras, a layer's seed fixes its numbers whatever the model's seed is; here that holds where
every layer that draws has one.
"""

from __future__ import annotations

from typing import Any

import jax

from jkeras.core.freezing import parts_of
from jkeras.core.keys import Key, child

_AMOUNTS = ("rate", "stddev", "dropout", "recurrent_dropout")


def fixed_seed(net: object) -> int | None:
    """The first seed in a layer or model; None where there is none, or where one is missing."""
    seeds = _seeds(net)
    return seeds[0] if seeds and all(isinstance(seed, int) for seed in seeds) else None


def step_key(net: object, key: Key, step: jax.Array) -> Key:
    """The key of a training step: it follows from the step and the seeds of the layers, or from the
    step and the model's own key.
    """
    seed = fixed_seed(net)
    return child(child(key if seed is None else jax.random.key(seed), "step"), step)


def _seeds(layer: Any) -> list[Any]:
    if hasattr(layer, "seed"):
        amounts = [getattr(layer, name) for name in _AMOUNTS if hasattr(layer, name)]
        draws = not amounts or any(amount != 0 for amount in amounts)
        return [layer.seed] if draws and getattr(layer, "takes_rng", True) else []
    parts = [part for _, part in parts_of(layer, {})]
    if not parts and hasattr(layer, "named_sublayers"):
        parts = layer.named_sublayers()
    parts += [layer.cell] if hasattr(layer, "cell") else []
    return [seed for part in parts for seed in _seeds(part)]
