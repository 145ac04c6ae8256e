"""Normalization of features by statistics of the data, which are constant while training.

(BatchNormalization, with statistics of the batches, is in `normalization`.)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.description import fields
from jkeras.core.errors import describe, value_error
from jkeras.core.fixed_values import FixedArray
from jkeras.core.keys import Key
from jkeras.core.layer import Array, InSlices, Params, State, option
from jkeras.core.trees import widest_float
from jkeras.layers.adapting import Adaptable, batches
from jkeras.layers.deterministic import broadcasts
from jkeras.layers.options import axis_tuple, optional
from jkeras.layers.preprocessing import numbers

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec
    from jkeras.layers.adapting import Data

EPSILON = 1e-7
"""The smallest deviation that is divided by: a feature that never varies stays finite."""

Moments = tuple[int, np.ndarray, np.ndarray]
"""How many numbers each entry of a mean and a variance is made of, and the two."""


def _axes(value: object) -> tuple[int, ...]:
    """`axis` as a tuple; None is no axis."""
    if value is None or value in ((), []):
        return ()
    return axis_tuple(value)


class Normalization(Adaptable):
    """`(inputs - mean) / sqrt(variance)`, with the mean and variance of the data.

    Mean and variance are arguments, or computed by `adapt`, which modifies the layer in place and
    returns it. After `adapt` they are state entries `mean`, `variance` (one number for each index
    on the axes of `axis`) and `count` (0, as in Keras; -1 while `adapt` is awaited), saved and
    loaded with a model's weights; so a model may also be built without `adapt` to load them. As
    arguments they are constants. The attributes `mean` and `variance` show them, with axes of size
    1 for the rest of the inputs.

    A layer that a configuration or a file of Keras describes begins with mean 0 and variance 1, as
    in Keras. One that code makes needs `adapt`, weights or arguments, and a model that has none of
    them refuses to run.

    Shapes: any, kept. Integers become float32.

    Args:
      axis: the feature axis or axes, whose indices have separate statistics; None for one mean and
        variance of all numbers. The batch axis is 0.
      mean, variance: numbers, or arrays that broadcast along the axes of `axis`; both or none.
      invert: the inverse, `inputs * sqrt(variance) + mean`.

    Raises:
      ValueError: only one of `mean` and `variance`, shapes that differ, or a negative variance.

    Example:
      >>> layer = Normalization().adapt(np.array([[0.0, 7.0], [2.0, 9.0]]))
      >>> params, state = layer.init(None, jnp.zeros((1, 2)))
      >>> layer.apply(params, state, jnp.array([[0.0, 9.0]]))[0].tolist()
      [[-1.0, 1.0]]

    Source: `keras.layers.Normalization`.
    """

    axis: tuple[int, ...] = option(default=-1, convert=_axes)
    mean: Any = option(default=None, convert=optional(numbers))
    variance: Any = option(default=None, convert=optional(numbers))
    invert: bool = False

    hidden_arguments: ClassVar[tuple[str, ...]] = ("mean", "variance")
    takes_integers: ClassVar[bool] = True
    supports_masking: ClassVar[bool] = True
    in_slices: ClassVar[InSlices] = "same"

    @property
    def keeps_statistics(self) -> bool:
        """Whether mean and variance are weights, not arguments."""
        return self.argument("mean") is None

    def check(self) -> None:
        mean, variance = self.argument("mean"), self.argument("variance")
        if (mean is None) != (variance is None):
            raise self.value_error(
                "both `mean` and `variance`, or none of them",
                f"mean={mean} and variance={variance}",
            )
        if mean is None:
            return
        shapes = np.shape(mean), np.shape(variance)
        if shapes[0] != shapes[1] or len(shapes[0]) > len(self.axis):
            raise self.value_error(
                "`mean` and `variance` of one shape with at most as many axes as `axis` names",
                f"shapes {shapes[0]} and {shapes[1]} with axis={self.axis}",
            )
        if np.min(variance, initial=0) < 0:
            raise self.value_error("numbers of at least 0", variance, argument="variance")

    @property
    def adapt_mean(self) -> np.ndarray | None:
        """The mean of `adapt`; None before `adapt`."""
        return self._adapted_value[0].values if self.adapted else None

    @property
    def adapt_variance(self) -> np.ndarray | None:
        """The variance of `adapt`; None before `adapt`."""
        return self._adapted_value[1].values if self.adapted else None

    def adapt(self, data: Data) -> Self:
        """Computes mean and variance from data; they replace those of an earlier call.

        Args:
          data: an array `[examples, ...]`, or an iterable of batches: arrays, or tuples (x, ...).

        Returns:
          The layer itself.

        Raises:
          TypeError: `data` holds no arrays.
          ValueError: `data` has no examples, NaN, or batches of different shapes; or the layer has
            the argument `mean`.
        """
        if not self.keeps_statistics:
            raise value_error(
                "adapt: `mean` and `variance` were given already. Leave them out of the "
                "constructor to take them from data.",
                who=self.who,
            )
        (_, *found), shape = self._moments(data)
        value = tuple(FixedArray(np.asarray(x, widest_float())) for x in found)
        return self._set_adapted(value, (jax.ShapeDtypeStruct((1, *shape), widest_float()),))

    def take_statistics(self, mean: np.ndarray, variance: np.ndarray) -> None:
        """Takes a mean and a variance as if `adapt` had found them.

        Args:
          mean, variance: one number for each index on the feature axes.
        """
        value = tuple(FixedArray(np.asarray(x, widest_float())) for x in (mean, variance))
        self._set_adapted(value, (jax.ShapeDtypeStruct((1, *mean.shape), widest_float()),))

    def start_as_identity(self) -> Self:
        """Lets the layer run with mean 0 and variance 1 until it gets others; returns it."""
        self.fit_box.is_awaited = False
        return self

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer with these arguments; it begins with mean 0 and variance 1, as in Keras."""
        return super().from_config(config).start_as_identity()

    def _moments(self, data: Data) -> tuple[Moments, tuple[int, ...]]:
        """Count, mean and variance of all batches together, in float64, and the shape of the last
        example.
        """
        total: Moments | None = None
        shape: tuple[int, ...] = ()
        for batch in batches(self.who, data):
            kept = self.kept_axes(batch.shape)
            others = tuple(axis for axis in range(batch.ndim) if axis not in kept)
            count = math.prod(batch.shape[axis] for axis in others)
            exact: Any = {"axis": others, "dtype": np.float64}
            new = count, batch.mean(**exact), batch.var(**exact)
            if total is not None and total[1].shape != new[1].shape:
                raise value_error(
                    f"adapt: `data`: expected batches of one shape along axis {self.axis}, got "
                    f"{total[1].shape} and then {new[1].shape}.",
                    who=self.who,
                )
            total = new if total is None else _merged(total, new)
            shape = batch.shape[1:]
        assert total is not None  # `batches` yields one or raises
        return total, shape

    def kept_axes(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """The feature axes, counted from 0, sorted."""
        rank = len(shape)
        if any(not -rank <= axis < rank for axis in self.axis):
            raise self.value_error(
                "`axis` to name axes of the inputs",
                f"{self.axis} for inputs of shape {tuple(shape)}",
            )
        return tuple(sorted(axis % rank for axis in self.axis))

    def fitted_state(self) -> State:
        if not self.adapted:
            return {}
        mean, variance = (jnp.asarray(part.values) for part in self._adapted_value)
        return {"mean": mean, "variance": variance, "count": jnp.zeros((), jnp.int32)}

    def init(self, key: Key | None, inputs: ArraySpec) -> tuple[Params, State]:
        kept = self.kept_axes(inputs.shape)
        shape = tuple(inputs.shape[axis] for axis in kept)
        if not self.keeps_statistics:
            self._check_constants(shape)
            return {}, {}
        if not self.adapted:
            count = jnp.asarray(-1 if self.awaits_adapt else 0, jnp.int32)
            return {}, {"mean": jnp.zeros(shape), "variance": jnp.ones(shape), "count": count}
        adapted = self._adapted_value[0].values.shape
        if adapted != shape:
            fix = " Axis 0 is the batch: for one number per example pass axis=None."
            raise value_error(
                f"expected inputs with {adapted} features on axis {self.axis}, as in the data it "
                f"was adapted to, got {shape} in shape "
                f"{tuple(inputs.shape)}.{fix if 0 in kept else ''}",
                who=self.who,
            )
        return {}, self.fitted_state()

    def _check_constants(self, shape: tuple[int, ...]) -> None:
        given = np.shape(self.argument("mean"))
        if not broadcasts(given, shape):
            raise self.value_error(
                f"`mean` and `variance` to broadcast to {shape}, the inputs' sizes on axis "
                f"{self.axis}",
                f"shape {given}",
            )

    def check_ready(self, state: State) -> None:
        if not self.keeps_statistics or self.adapted or not state:
            return  # a model that does not call the layer has no values of it
        is_identity = not np.any(state["mean"]) and np.all(np.asarray(state["variance"]) == 1)
        if is_identity and np.asarray(state["count"]) < 0:
            raise value_error(
                "expected statistics of the data, and it has none yet. Compute them: "
                "layer.adapt(x_train); or load weights, or pass `mean` and `variance`.",
                who=self.who,
            )

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        x = self.cast(inputs)
        constants = {name: np.asarray(self.argument(name)) for name in ("mean", "variance")}
        source = state if self.keeps_statistics else constants
        mean, variance = (self._beside(source[name], x) for name in ("mean", "variance"))
        deviation = jnp.maximum(jnp.sqrt(variance), jnp.asarray(EPSILON, x.dtype))
        return x * deviation + mean if self.invert else (x - mean) / deviation, state

    def _beside(self, statistic: Array | np.ndarray, x: Array) -> Array:
        """A statistic in the rank and dtype of `x`, along the feature axes."""
        kept = self.kept_axes(x.shape)
        shape = [1] * x.ndim
        for axis, size in zip(reversed(kept), reversed(np.shape(statistic)), strict=False):
            shape[axis] = size
        if not broadcasts(shape, x.shape):
            raise self.value_error(
                f"`inputs` whose axes {self.axis} have the sizes of its statistics, "
                f"{np.shape(statistic)}",
                describe(x),
            )
        return jnp.asarray(statistic).astype(x.dtype).reshape(shape)


class Statistic:
    """The attribute `mean` or `variance`: the argument, else the weight of the name; None before.

    Args:
      name: of the two.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, layer: Normalization | None, owner: type) -> Any:
        if layer is None:
            return self
        given = vars(layer)[self.name]
        views = [] if given is not None else layer.weights
        value = next((view.value for view in views if view.name == self.name), None)
        if value is None or not layer.known_specs:
            return given if value is None else value
        kept, rank = layer.kept_axes(layer.known_specs[0].shape), layer.known_specs[0].ndim
        sizes = iter(value.shape)
        return value.reshape([next(sizes) if axis in kept else 1 for axis in range(rank)])

    def __set__(self, layer: object, value: object) -> None:
        vars(layer)[self.name] = value  # by the constructor


fields(Normalization)  # completes the class, which puts the arguments' defaults where these belong:
for name in Normalization.hidden_arguments:
    setattr(Normalization, name, Statistic(name))


def _merged(a: Moments, b: Moments) -> Moments:
    """Count, mean and variance of two sets of numbers together.

    Source: Chan, Golub and LeVeque 1979, Stanford STAN-CS-79-773.
    """
    count = a[0] + b[0]
    share = b[0] / count
    step = b[1] - a[1]
    mean = a[1] + step * share
    return count, mean, a[2] * (1 - share) + b[2] * share + step**2 * share * (1 - share)
