"""Dropout that keeps the mean and the variance of selu's outputs."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from jkeras.core.keys import Key
from jkeras.core.layer import Array
from jkeras.layers.regularization import Dropout

_LIMIT = -1.6732632423543772 * 1.0507009873554805
"""What selu tends to for large negative inputs: minus its alpha times its scale."""


class AlphaDropout(Dropout):
    """While training, sets a fraction `rate` of its inputs to selu's lower limit, then rescales.

    With L that limit, entries dropped become L, and all are then a · x + b, with
    a = ((1 - rate) · (1 + rate · L²))^(-1/2) and b = -a · rate · L: inputs of mean 0 and variance 1
    keep both.

    Shapes: any, kept.

    Args:
      rate: the fraction dropped, in [0, 1); at 1 nothing would be left to rescale.
      noise_shape: shape of the mask, None entries as the inputs'; axes of size 1 drop together.
      seed: folded into the key, so that equal layers with different seeds have different masks.

    Raises:
      ValueError: while training without a `key`; a `noise_shape` that does not fit the inputs.

    Source: Klambauer et al. 2017, arXiv:1706.02515; `keras.layers.AlphaDropout`.
    """

    def check(self) -> None:
        if self.rate == 1:
            raise self.value_error("`rate` below 1", "1.0")

    def disturb(self, x: Array, key: Key) -> Array:
        a = ((1 - self.rate) * (1 + self.rate * _LIMIT**2)) ** -0.5
        stays = jax.random.bernoulli(key, 1 - self.rate, self.mask_shape(x))
        return a * (jnp.where(stays, x, _LIMIT) - self.rate * _LIMIT)
