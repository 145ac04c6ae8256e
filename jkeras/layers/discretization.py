"""Discretization: numbers as the indices of their intervals between boundaries or quantiles.

`adapt` computes quantiles batch by batch from a summary of the data so far: sorted values, each
with a `weight`, the number of data up to it. Two summaries are merged by sorting, and compressed by
interpolation at equal steps of the cumulated weight.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import jax.numpy as jnp
import numpy as np

from jkeras.core.description import fields
from jkeras.core.errors import WrongTypeError, describe, quoted, value_error
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Params, State, option
from jkeras.core.tracing import is_shapes_only
from jkeras.layers.adapting import Adaptable, batches
from jkeras.layers.category_encoding import MODES, dense_only, encode, output_mode
from jkeras.layers.options import non_negative, optional, positive_int

if TYPE_CHECKING:
    from collections.abc import Iterable

    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec
    from jkeras.layers.adapting import Data

Boundaries = tuple[float, ...]


def _boundaries(value: Iterable[float]) -> Boundaries:
    """`value` as a tuple of increasing floats."""
    try:
        boundaries = tuple(float(item) for item in value)
    except (TypeError, ValueError):
        raise WrongTypeError(f"expected a list of numbers, got {describe(value)}.") from None
    if any(not a <= b for a, b in itertools.pairwise(boundaries)):
        raise ValueError(f"expected increasing numbers, got {list(boundaries)}.")
    return boundaries


class Discretization(Adaptable):
    """The index of the interval of each input.

    Boundaries b0 ≤ b1 ≤ … cut the numbers into intervals x < b0, b0 ≤ x < b1, …, of which the
    outermost are open. The boundaries are an argument, or computed by `adapt`, which modifies the
    layer in place and returns it: `num_bins` intervals with about equally many numbers each. The
    boundaries are part of the description, not weights of a model, because the shape of the outputs
    depends on their number.

    Shapes: any; the outputs have the shapes of `CategoryEncoding`, with one entry for each
    interval. In the mode "int" outputs are int32 of the inputs' shape.

    Args:
      bin_boundaries: the boundaries, increasing.
      num_bins: the number of intervals that `adapt` computes, instead of `bin_boundaries`.
      epsilon: the error of the quantiles, as a fraction of the data; above 0.
      output_mode: "int", "one_hot", "multi_hot" or "count".
      sparse: must be False.

    Raises:
      ValueError: both or none of `bin_boundaries` and `num_bins`.

    Example:
      >>> layer = Discretization([0.0, 1.0, 2.0])
      >>> layer.apply({}, {}, jnp.array([[-1.5, 1.0, 3.4, 0.5]]))[0].tolist()
      [[0, 2, 3, 1]]

    Source: `keras.layers.Discretization`.
    """

    bin_boundaries: Boundaries | None = option(default=None, convert=optional(_boundaries))
    num_bins: int | None = option(default=None, convert=optional(positive_int))
    epsilon: float = option(default=0.01, convert=non_negative)
    output_mode: str = option(default="int", convert=output_mode("int", *MODES))
    sparse: bool = option(default=False, convert=dense_only)

    hidden_arguments: ClassVar[tuple[str, ...]] = ("bin_boundaries",)
    takes_integers: ClassVar[bool] = True
    follows_policy: ClassVar[bool] = False  # boundaries are compared in full precision

    def check(self) -> None:
        if (self.bin_boundaries is None) == (self.num_bins is None):
            raise self.value_error(
                "either `bin_boundaries` or `num_bins`",
                f"bin_boundaries={self.bin_boundaries} and num_bins={self.num_bins}",
            )
        if not 0 < self.epsilon <= 1:
            raise self.value_error(
                "a fraction above 0 and up to 1", self.epsilon, argument="epsilon"
            )

    @property
    def boundaries(self) -> Boundaries | None:
        """The boundaries, from the argument or from `adapt`; None before `adapt`."""
        return self.bin_boundaries

    def adapt(self, data: Data, steps: int | None = None) -> Self:
        """Computes the boundaries from data; they replace those of an earlier call.

        Args:
          data: an array, or an iterable of batches: arrays, or tuples (x, ...).
          steps: the number of batches to read from an iterable; all when left out.

        Returns:
          The layer itself.

        Raises:
          TypeError: `data` holds no arrays.
          ValueError: `data` has no examples, or NaN; or the layer has `bin_boundaries`.
        """
        if self.num_bins is None:
            raise value_error(
                "adapt: `bin_boundaries` were given already. Pass `num_bins` instead to take "
                "them from data.",
                who=self.who,
            )
        if steps is not None:
            try:
                positive_int(steps)
            except (TypeError, ValueError) as error:
                raise quoted(error, who=f"{self.who}: adapt", argument="steps") from None
        summary = np.zeros((2, 0), np.float32)
        for batch in itertools.islice(batches(self.who, data), steps):
            new = summarized(batch.astype(np.float32), self.epsilon)
            merged = np.concatenate([new, summary], axis=1)
            summary = compressed(merged[:, np.argsort(merged[0])], self.epsilon)
        quantiles = compressed(summary, 1.0 / self.num_bins)[0, :-1]
        return self._set_adapted(tuple(quantiles.tolist()))

    def get_config(self) -> dict[str, Any]:
        """The arguments by name, with the boundaries of `adapt`, as in Keras."""
        config = super().get_config()
        if config["trainable"]:  # Keras's Discretization does not take it
            del config["trainable"]
        boundaries = None if self.boundaries is None else list(self.boundaries)
        return {**config, "bin_boundaries": boundaries}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The layer with these arguments; with boundaries and `num_bins` the layer is adapted."""
        boundaries = config.get("bin_boundaries") if isinstance(config, Mapping) else None
        if boundaries is None or config.get("num_bins") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})
        return layer._set_adapted(_boundaries(boundaries))

    def init(self, key: Key | None, inputs: ArraySpec) -> tuple[Params, State]:
        return {}, {}

    def check_ready(self, state: State) -> None:
        self._required_boundaries()

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        if self.boundaries is None and self.output_mode == "int" and is_shapes_only():
            return jnp.zeros(x.shape, jnp.int32)  # `adapt` comes later
        boundaries = self._required_boundaries()
        edges = jnp.asarray(boundaries, jnp.float32)
        ids = jnp.searchsorted(edges, x.astype(jnp.float32), side="right").astype(jnp.int32)
        if self.output_mode == "int":
            return ids
        return encode(ids, len(boundaries) + 1, self.output_mode, x.dtype)

    def _required_boundaries(self) -> Boundaries:
        if self.boundaries is None:
            raise value_error(
                "expected boundaries, and it has none yet. Compute them: layer.adapt(x_train); "
                "or pass `bin_boundaries`.",
                who=self.who,
            )
        return self.boundaries


class KnownBoundaries:
    """The attribute `bin_boundaries`: the argument, else what `adapt` found; None before."""

    def __get__(self, layer: Discretization | None, owner: type) -> Any:
        if layer is None:
            return self
        given = vars(layer)["bin_boundaries"]
        return layer.fit_box.value if given is None else given

    def __set__(self, layer: object, value: object) -> None:
        vars(layer)["bin_boundaries"] = value  # by the constructor


fields(Discretization)  # completes the class, which puts the argument's default where this belongs:
setattr(Discretization, "bin_boundaries", KnownBoundaries())  # noqa: B010  # mypy: an argument


def summarized(values: np.ndarray, epsilon: float) -> np.ndarray:
    """Numbers as [values, weights], about 1 / epsilon of them.

    Example:
      >>> summarized(np.arange(8, dtype=np.float32), 0.25).tolist()
      [[1.0, 3.0, 5.0, 7.0], [2.0, 2.0, 2.0, 2.0]]
    """
    ordered = np.sort(values.ravel())
    step = max(ordered.size / (1.0 / epsilon), 1.0)
    chosen = ordered[int(step - 1) :: int(step)]
    return np.stack([chosen, np.full_like(chosen, step)])


def compressed(summary: np.ndarray, epsilon: float) -> np.ndarray:
    """A summary with about 1 / epsilon values, one for each step of `epsilon` in the cumulated
    weight; a smaller one as it is.
    """
    if summary.shape[1] * epsilon < 1:
        return summary
    fractions = epsilon + np.arange(0.0, 1.0, epsilon)
    total = summary[1].cumsum()
    reached = total / total[-1]
    values = np.interp(fractions, reached, summary[0])
    weights = np.diff(np.interp(fractions, reached, total), prepend=0)
    return np.stack([values, weights]).astype(np.float32)
