"""Normalization: subtract a mean, divide by a deviation, scale and shift.

The families differ in where the statistics come from.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jkeras.core.description import Description, fields
from jkeras.core.errors import WrongTypeError, describe, unknown_name, value_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Layer, PaddedRows, Params, State, option
from jkeras.layers.deterministic import broadcasts, checked_mask, initial_weights
from jkeras.layers.options import constraint, initializer, non_negative, rate, regularizer
from jkeras.ops.linear import along
from jkeras.ops.masks import joined

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec


class Clipping(Description):
    """The bounds of batch renormalization: `rmin` ≤ r ≤ `rmax` and |d| ≤ `dmax`.

    Args:
      rmax, rmin: bounds of the ratio of deviations, at least 0; unbounded when left out.
      dmax: bound of the distance of means, in deviations, at least 0; unbounded when left out.
    """

    rmax: float = option(default=math.inf, convert=non_negative)
    rmin: float = option(default=0.0, convert=non_negative)
    dmax: float = option(default=math.inf, convert=non_negative)

    def in_config(self) -> dict[str, float] | None:
        """The finite bounds as a dict; None without any."""
        bounds = {"rmax": self.rmax, "rmin": self.rmin, "dmax": self.dmax}
        return {name: bound for name, bound in bounds.items() if 0 < bound < math.inf} or None

    def check(self) -> None:
        if self.rmin > self.rmax:
            raise value_error(
                who=self.who,
                expected="`rmin` of at most `rmax`",
                got=f"{self.rmin} and {self.rmax}",
            )


def clipping(value: object) -> Clipping:
    """`value` as a `Clipping`: from a dict with some of its names, or None for no bounds.

    Example:
      >>> clipping({"rmax": 3, "dmax": 5.0}), clipping(None)
      (Clipping(rmax=3.0, dmax=5.0), Clipping())

    Raises:
      TypeError: `value` is not a dict, or a bound is not a number.
      ValueError: a name is unknown, a bound is negative, or `rmin` is above `rmax`.
    """
    if isinstance(value, Clipping):
        return value
    known = [field.name for field in fields(Clipping)]
    if not isinstance(value, Mapping | None):
        listed = ", ".join(repr(name) for name in known)
        raise WrongTypeError(f"expected a dict with some of {listed}, got {describe(value)}.")
    for name in value or {}:
        if name not in known:
            raise unknown_name("key", str(name), known)
    return Clipping(**{name: bound for name, bound in (value or {}).items() if bound is not None})


class BatchNormalization(Layer):
    """Normalizes each feature by statistics of the batch in training, else by moving statistics.

    `gamma * (inputs - mean) / sqrt(variance + epsilon) + beta`. While training, mean and (biased)
    variance are the batch's, and `moving = momentum * moving + (1 - momentum) * batch` is carried.

    With `renorm`, the normalized batch is corrected towards statistics of many batches: before
    `gamma` and `beta` it becomes `r * normalized + d`, where `r = stddev / renorm_stddev`,
    `d = (mean - renorm_mean) / renorm_stddev`, `stddev = sqrt(variance + epsilon)`. Gradients take
    both as constants. `moving_variance` then follows the averaged deviation.

    Shapes: any, `axis` is the feature axis. Weights: `gamma`, `beta`; state: `moving_mean`,
    `moving_variance`, with `renorm` also `moving_stddev`, `renorm_mean`, `renorm_stddev`; all
    (features,). Statistics are computed in float32 at least.

    Args:
      axis: the feature axis; the batch axis is 0.
      momentum: the share of the old value in a moving statistic, in [0, 1].
      epsilon: added to the variance.
      center, scale: whether `beta` and `gamma` exist.
      beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer,
        beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint: names or objects.
      renorm: whether to correct while training, as above.
      renorm_clipping: a dict of bounds with some of `rmax`, `rmin` (for r) and `dmax` (for |d|);
        no bounds when left out.
      renorm_momentum: the share of the old value in `renorm_mean` and `renorm_stddev`, in [0, 1].
      synchronized: changes nothing: the statistics are always those of the whole batch, on any
        number of devices. (Keras on JAX raises for True.)

    Example:
      >>> BatchNormalization(renorm=True, renorm_clipping={"rmax": 3})
      BatchNormalization(renorm=True, renorm_clipping=Clipping(rmax=3.0))

    Source: Ioffe and Szegedy 2015, arXiv:1502.03167; renorm: Ioffe 2017, arXiv:1702.03275;
    `keras.layers.BatchNormalization`.
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
    renorm: bool = False
    renorm_clipping: Any = option(default=None, convert=clipping)
    renorm_momentum: float = option(default=0.99, convert=rate)
    synchronized: bool = False

    padded_rows: ClassVar[PaddedRows] = "masked"
    supports_masking: ClassVar[bool] = True

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        shape = (self._features(inputs),)
        gamma, beta = shape if self.scale else None, shape if self.center else None
        params = initial_weights(self, key, gamma=gamma, beta=beta)
        state = initial_weights(self, key, moving_mean=shape, moving_variance=shape)
        if self.renorm:
            # New arrays of the same values: a donated tree may not contain one buffer twice.
            again = initial_weights(self, key, moving_mean=shape, moving_variance=shape)
            stddev = jnp.sqrt(again["moving_variance"])
            state |= {"moving_stddev": stddev, "renorm_mean": again["moving_mean"]}
            state["renorm_stddev"] = jnp.sqrt(again["moving_variance"])
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        rows: Array | None = None,
        mask: ArrayLike | None = None,
    ) -> tuple[Array, State]:
        """`Layer.apply`.

        Args:
          params: the params of `init`.
          state: the moving statistics.
          inputs: any shape.
          key: not needed.
          training: whether to normalize by the batch's statistics.
          rows: `[batch]` bool, the examples that count in the statistics; all when left out.
          mask: bool, the shape of the inputs without the last axis, or with one in place of a size
            there: the positions that count in the statistics. Ignored in evaluation.
        """
        x = self.cast(inputs)
        self._check_features(x, state["moving_mean"].shape[0])
        if mask is not None:
            mask = self._mask_of(x, mask)
        if not (training and self.trainable):
            moving = state["moving_mean"], state["moving_variance"]
            return self._normalized(params, x, *moving), state
        mean, variance = batch_moments(x, self.axis, rows, mask)
        if not self.renorm:
            return self._normalized(params, x, mean, variance), {
                "moving_mean": moved(state["moving_mean"], mean, self.momentum),
                "moving_variance": moved(state["moving_variance"], variance, self.momentum),
            }
        stddev = jnp.sqrt(variance + self.epsilon)
        corrected = self._corrected(params, state, mean, stddev)
        outputs = self._normalized(corrected, x, mean, variance)
        return outputs, self._renorm_moved(state, mean, stddev)

    def _mask_of(self, x: Array, mask: ArrayLike) -> Array:
        """A mask for the positions of `x`; an axis of it may be one that stands for all."""
        mask, shape = jnp.asarray(mask), x.shape[:-1]
        if mask.ndim == len(shape) and broadcasts(mask.shape, shape):
            mask = jnp.broadcast_to(mask, shape)
        expected = f"a `mask` of the inputs' shape without the last axis, {shape}"
        return checked_mask(self, mask, shape, expected)

    def _features(self, inputs: ArraySpec) -> int:
        shape = tuple(inputs.shape)
        if not -len(shape) <= self.axis < len(shape):
            raise self.value_error(
                "`axis` to name an axis of the inputs", f"{self.axis} for inputs of shape {shape}"
            )
        return int(shape[self.axis])

    def _check_features(self, x: Array, features: int) -> None:
        if self._features(x) != features:
            raise self.value_error(
                f"`inputs` with {features} features on axis {self.axis}, as when its weights "
                "were made",
                f"shape {x.shape}",
            )

    def _renorm_moved(self, state: State, mean: Array, stddev: Array) -> State:
        moving_stddev = moved(state["moving_stddev"], stddev, self.momentum)
        return {
            "moving_mean": moved(state["moving_mean"], mean, self.momentum),
            # Rounding must not make it negative.
            "moving_variance": jax.nn.relu(lax.square(moving_stddev) - self.epsilon),
            "moving_stddev": moving_stddev,
            "renorm_mean": moved(state["renorm_mean"], mean, self.renorm_momentum),
            "renorm_stddev": moved(state["renorm_stddev"], stddev, self.renorm_momentum),
        }

    def _corrected(self, params: Params, state: State, mean: Array, stddev: Array) -> Params:
        """The `gamma` and `beta` with which `normalized` gives what `r * normalized + d` should."""
        bounds = self.renorm_clipping
        carried = self.weights_like(state, mean)
        reference = jnp.maximum(carried["renorm_stddev"], math.sqrt(self.epsilon))
        r = jnp.clip(stddev / reference, bounds.rmin, bounds.rmax)
        d = jnp.clip((mean - carried["renorm_mean"]) / reference, -bounds.dmax, bounds.dmax)
        r, d = lax.stop_gradient((r, d))
        weights = self.weights_like(params, r)
        gamma, beta = weights.get("gamma", 1.0), weights.get("beta", 0.0)
        return {"gamma": r * gamma, "beta": d * gamma + beta}

    def _normalized(self, params: Params, x: Array, mean: Array, variance: Array) -> Array:
        scale = lax.rsqrt(variance + self.epsilon)
        if "gamma" in params:
            scale = scale * params["gamma"].astype(scale.dtype)
        shift = -mean * scale
        if "beta" in params:
            shift = shift + params["beta"].astype(shift.dtype)
        wide = x.astype(scale.dtype)
        outputs = wide * along(self.axis, scale, x.ndim) + along(self.axis, shift, x.ndim)
        return outputs.astype(x.dtype)


def batch_moments(
    x: Array, axis: int, rows: Array | None = None, mask: Array | None = None
) -> tuple[Array, Array]:
    """Mean and biased variance of each feature over all other axes, in float32 at least.

    Args:
      x: `[batch, ...]` floating.
      axis: the feature axis.
      rows: `[batch]` bool, the examples that count; None for all.
      mask: bool, the shape of `x` without its last axis, the positions that count; None for all.

    Returns:
      Two arrays `[features]`; zeros if no entry counts.
    """
    others = [i for i in range(x.ndim) if i != axis % x.ndim]
    x = x.astype(np.promote_types(x.dtype, np.float32))
    where = joined(
        None if rows is None else along(0, rows, x.ndim),
        None if mask is None else mask[..., None],
    )
    mean = mean_where(x, others, where)
    centered = x - along(axis, mean, x.ndim)
    return mean, mean_where(lax.square(centered), others, where)


def mean_where(x: Array, axes: list[int], where: Array | None) -> Array:
    """The mean over some axes of the entries where `where` (broadcasts) is True; 0 without any."""
    if where is None:
        return jnp.mean(x, axes)
    count = jnp.sum(jnp.broadcast_to(where, x.shape), axes, dtype=x.dtype)
    return jnp.sum(x, axes, where=where) / jnp.maximum(count, 1)


def moved(moving: Array, batch: Array, momentum: float) -> Array:
    """A moving average after one more batch, in the dtype of `moving`."""
    return moving * momentum + batch.astype(moving.dtype) * (1 - momentum)
