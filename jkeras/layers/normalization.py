"""Normalization: subtract a mean, divide by a deviation, scale and shift.

The families differ in where the statistics come from.
"""

from __future__ import annotations

import operator
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, PaddedRows, Params, State, option
from jkeras.layers.options import constraint, initializer, non_negative, rate, regularizer
from jkeras.ops.linear import along


class BatchNormalization(Layer):
    """Normalizes each feature over the batch while training, by moving statistics afterwards.

    `gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`. While training, mean and (biased)
    variance are the batch's, and `moving = momentum * moving + (1 - momentum) * batch` is carried.

    Shapes: any, `axis` is the feature axis. Weights: `gamma`, `beta`; state: `moving_mean`,
    `moving_variance`; all (features,). Statistics are computed in float32 at least.

    Args:
      axis: the feature axis; the batch axis is 0.
      momentum: how much of the moving statistics a step keeps, in [0, 1].
      epsilon: added to the variance.
      center, scale: whether `beta` and `gamma` exist.
      beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: names or objects.

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167; `keras.layers.BatchNormalization`.
    """

    axis: int = option(default=-1, convert=operator.index)
    momentum: float = option(default=0.99, convert=rate)
    epsilon: float = option(default=1e-3, convert=non_negative)
    center: bool = True
    scale: bool = True
    beta_initializer: Any = initializer("zeros")
    gamma_initializer: Any = initializer("ones")
    moving_mean_initializer: Any = initializer("zeros")
    moving_variance_initializer: Any = initializer("ones")
    beta_regularizer: Any = regularizer()
    gamma_regularizer: Any = regularizer()
    beta_constraint: Any = constraint()
    gamma_constraint: Any = constraint()

    padded_rows: ClassVar[PaddedRows] = "masked"

    def init(self, key: Key, inputs: Any) -> tuple[Params, State]:
        shape = (self._features(inputs),)
        params, state = {}, {}
        if self.scale:
            params["gamma"] = self.gamma_initializer(shape, key=child(key, "gamma"))
        if self.center:
            params["beta"] = self.beta_initializer(shape, key=child(key, "beta"))
        for name in ("moving_mean", "moving_variance"):
            state[name] = getattr(self, f"{name}_initializer")(shape, key=child(key, name))
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: Any,
        *,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
    ) -> tuple[Array, State]:
        """The base's `apply`; `rows` [batch] bool says which examples the statistics count."""
        x = self.cast(inputs)
        self._check_features(x, state["moving_mean"].shape[0])
        mean, variance = state["moving_mean"], state["moving_variance"]
        if training:
            mean, variance = batch_moments(x, self.axis, rows)
            state = {
                "moving_mean": self._moved(state["moving_mean"], mean),
                "moving_variance": self._moved(state["moving_variance"], variance),
            }
        return self._normalized(params, x, mean, variance), state

    def _features(self, inputs: Any) -> int:
        shape = tuple(inputs.shape)
        if not -len(shape) <= self.axis < len(shape):
            raise ValueError(
                f"{self.who}: expected `axis` to name an axis of the inputs, got {self.axis} for "
                f"inputs of shape {shape}."
            )
        return int(shape[self.axis])

    def _check_features(self, x: Array, features: int) -> None:
        if self._features(x) != features:
            raise ValueError(
                f"{self.who}: expected `inputs` with {features} features on axis {self.axis}, as "
                f"when its weights were made, got shape {x.shape}."
            )

    def _moved(self, moving: Array, batch: Array) -> Array:
        return moving * self.momentum + batch.astype(moving.dtype) * (1 - self.momentum)

    def _normalized(self, params: Params, x: Array, mean: Array, variance: Array) -> Array:
        scale = lax.rsqrt(variance + self.epsilon)
        if self.scale:
            scale = scale * params["gamma"].astype(scale.dtype)
        shift = -mean * scale
        if self.center:
            shift = shift + params["beta"].astype(shift.dtype)
        wide = x.astype(scale.dtype)
        outputs = wide * along(self.axis, scale, x.ndim) + along(self.axis, shift, x.ndim)
        return outputs.astype(x.dtype)


def batch_moments(x: Array, axis: int, rows: Array | None) -> tuple[Array, Array]:
    """Mean and biased variance of each feature over all other axes, in float32 at least.

    Args:
      x: `[batch, ...]` floating.
      axis: the feature axis.
      rows: `[batch]` bool, the examples that count; None for all.

    Returns:
      Two arrays `[features]`.
    """
    others = [i for i in range(x.ndim) if i != axis % x.ndim]
    x = x.astype(np.promote_types(x.dtype, np.float32))
    where = None if rows is None else along(0, rows, x.ndim)
    mean = jnp.mean(x, others, where=where)
    centered = x - along(axis, mean, x.ndim)
    return mean, jnp.mean(lax.square(centered), others, where=where)
