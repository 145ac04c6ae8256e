"""The regularization losses of a model's weights, each by itself: what `losses` lists."""

from __future__ import annotations

from typing import Any

from jkeras.core.layer import Params


def penalties(layer: object, params: Params) -> list[Any]:
    """The loss of every weight that has a regularizer, layer by layer; none of a frozen one.

    Example:
      >>> import jax.numpy as jnp
      >>> from jkeras.layers import Dense
      >>> layer = Dense(1, kernel_regularizer="l2", bias_regularizer="l1")
      >>> params = {"kernel": jnp.full((2, 1), 2.0), "bias": jnp.ones(1)}
      >>> [round(float(loss), 3) for loss in penalties(layer, params)]
      [0.08, 0.01]
    """
    if hasattr(layer, "penalty_terms"):
        return list(layer.penalty_terms(params))
    if not getattr(layer, "trainable", True):
        return []
    whole = layer.penalty(params) if hasattr(layer, "penalty") else 0.0
    return [] if isinstance(whole, float | int) and whole == 0 else [whole]
