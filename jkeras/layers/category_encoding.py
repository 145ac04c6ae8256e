"""Category ids as vectors with one entry for each category."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.errors import describe
from jkeras.core.keys import Key
from jkeras.core.layer import Array, Params, State, option
from jkeras.layers.options import one_of, optional, positive_int
from jkeras.layers.preprocessing import PreprocessingLayer

if TYPE_CHECKING:
    from jax.typing import ArrayLike, DTypeLike

    from jkeras.core.typing import ArraySpec

MODES = ("one_hot", "multi_hot", "count")


def output_mode(*words: str) -> Any:
    """A converter to one of these words; "binary" is an older name of "multi_hot"."""
    known = one_of(*words)
    return lambda value: known("multi_hot" if value == "binary" else value)


def dense_only(value: object) -> bool:
    """False; raises a ValueError for another value."""
    if value:
        raise ValueError(f"expected False, got {value!r}: outputs here are dense arrays.")
    return False


class CategoryEncoding(PreprocessingLayer):
    """Integers from 0 to `num_tokens` - 1 as vectors of length `num_tokens`.

    Modes and shapes, for `[batch, ids]`:

    - "one_hot": each integer a vector that is 1 at its place: `[batch, ids, num_tokens]`; where
      there is one id per example, `[batch, num_tokens]`.
    - "multi_hot": 1 at the place of every integer of the example: `[batch, num_tokens]`.
    - "count": the number of occurrences of each id, or the sum of their weights:
      `[batch, num_tokens]`.

    An integer out of range counts nowhere; in the inputs of a model whose first layer this is, it
    raises before training. Outputs are float32, or `dtype`.

    Args:
      num_tokens: the number of categories.
      output_mode: "one_hot", "multi_hot" or "count".
      sparse: must be False.

    Raises:
      ValueError: `num_tokens` is missing.

    Example:
      >>> layer = CategoryEncoding(4, output_mode="count")
      >>> layer.apply({}, {}, jnp.array([[3, 1, 3]]))[0].tolist()
      [[0.0, 1.0, 0.0, 2.0]]

    Source: `keras.layers.CategoryEncoding`.
    """

    num_tokens: int | None = option(default=None, convert=optional(positive_int))
    output_mode: str = option(default="multi_hot", convert=output_mode(*MODES))
    sparse: bool = option(default=False, convert=dense_only)

    takes_integers: ClassVar[bool] = True

    def check(self) -> None:
        if self.num_tokens is None:
            raise self.value_error(
                "`num_tokens`, the number of categories",
                "none",
                fix="For ids from 0 it is ids.max() + 1.",
            )

    @property
    def depth(self) -> int:
        """`num_tokens`, which `check` requires."""
        return int(self.num_tokens or 0)

    def init(
        self, key: Key | None, inputs: ArraySpec, count_weights: ArraySpec | None = None
    ) -> tuple[Params, State]:
        """Empty params and state.

        Args:
          key: not needed.
          inputs: integers of any shape.
          count_weights: see `apply`.
        """
        return {}, {}

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        count_weights: ArrayLike | None = None,
        *,
        key: Key | None = None,
        training: bool = False,
    ) -> tuple[Array, State]:
        """The base's `apply`.

        Args:
          params, state: none.
          inputs: integers, `[batch]` or `[batch, ids]`.
          count_weights: the weight of each id, in the shape of `inputs`, for the mode "count".
          key, training: ignored.

        Raises:
          ValueError: weights in another mode, or of another shape.
        """
        ids = as_jax(inputs)
        if count_weights is not None:
            self._check_weights(ids, count_weights)
        dtype = self.dtype or jnp.dtype(jnp.float32)
        return encode(ids, self.depth, self.output_mode, dtype, count_weights), state

    def check_values(self, ids: np.ndarray) -> None:
        """Raises when an integer is out of range.

        Args:
          ids: the inputs' values.
        """
        if ids.size and (ids.min() < 0 or ids.max() >= self.depth):
            raise self.value_error(
                f"ids from 0 to {self.depth - 1}",
                f"values from {ids.min()} to {ids.max()}",
                fix="Set `num_tokens` above the largest id.",
            )

    def _check_weights(self, ids: Array, weights: ArrayLike) -> None:
        if self.output_mode != "count":
            raise self.value_error(
                f"no `count_weights` with output_mode={self.output_mode!r}",
                describe(weights),
                fix="Make it output_mode='count'.",
            )
        if np.shape(weights) != ids.shape:
            raise self.value_error(
                f"`count_weights` of the inputs' shape {ids.shape}", describe(weights)
            )


def encode(
    ids: Array, depth: int, mode: str, dtype: DTypeLike, weights: ArrayLike | None = None
) -> Array:
    """Integers as vectors of length `depth`, in one of the modes of `CategoryEncoding`.

    The ids of an example lie on axis 1, as in Keras; an array of rank 1 is one example.
    """
    ids = ids.astype(jnp.int32).reshape(ids.shape or (1,))
    if mode == "one_hot":
        squeezed = ids.reshape(ids.shape[:-1]) if ids.ndim > 1 and ids.shape[-1] == 1 else ids
        return jax.nn.one_hot(squeezed, depth, dtype=dtype)
    vectors = jax.nn.one_hot(ids, depth, dtype=dtype)
    axis = 1 if ids.ndim > 1 else 0
    if mode == "multi_hot":
        return vectors.max(axis)
    if weights is not None:
        vectors = vectors * jnp.asarray(weights).astype(dtype).reshape(ids.shape)[..., None]
    return vectors.sum(axis)
