"""The regularization losses of a model's weights, each by itself: what `losses` lists."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Layer, Params
from jkeras.models.tracking import inside, origin_of, own_variables


def penalties(layer: Any, params: Params) -> list[Any]:
    """The loss of every weight that has a regularizer, layer by layer; none of a frozen one.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.layers import Dense
      >>> layer = Dense(1, kernel_regularizer="l2", bias_regularizer="l1")
      >>> params = {"kernel": jnp.full((2, 1), 2.0), "bias": jnp.ones(1)}
      >>> [round(float(loss), 3) for loss in penalties(layer, params)]
      [0.08, 0.01]
    """
    if not getattr(layer, "trainable", True):
        return []
    parts = list({part.name: part for part in inside(layer)}.values())
    found = [loss for part in parts for loss in penalties(part, params.get(part.name, {}))]
    if getattr(type(layer), "is_written", False):
        rules = own_variables(origin_of(layer)).items()
        own = [v.regularizer(params[n]) for v, n in rules if v.regularizer and n in params]
        return own + found
    if found or parts:
        return found
    if isinstance(layer, Layer) and not hasattr(layer, "layer"):
        return [rule(params[weight]) for weight, rule in layer.weight_rules("regularizer", params)]
    whole = layer.penalty(params) if hasattr(layer, "penalty") else 0.0
    return [] if isinstance(whole, float | int) and whole == 0 else [whole]


__all__ = ["penalties"]
