"""Embeddings: tables of vectors for ids, and the reverse product to one logit for each id.

Law: with `mask_zero` id 0 is padding: the mask of the outputs is `ids != 0`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from jkeras.core.arrays import as_jax
from jkeras.core.description import fields
from jkeras.core.dtype_policy import weight_dtype
from jkeras.core.fixed_values import FixedArray
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Params, State, option
from jkeras.core.layer_object import WeightsArgument
from jkeras.core.serialization import if_set
from jkeras.core.symbols import Symbol, has_symbols
from jkeras.core.trees import dtype_of
from jkeras.layers import low_rank, options
from jkeras.layers.deterministic import initial_weights
from jkeras.layers.options import non_negative, optional, positive_int
from jkeras.layers.quantized import Quantizable

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.typing import ArraySpec, Masks


def _matrix(value: object) -> FixedArray:
    """An initial table: an array, or Keras's list of one array."""
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    return FixedArray(only)


def _positive(value: object) -> float:
    positive = non_negative(value)
    if not positive > 0:
        raise ValueError(f"expected a number greater than 0, got {value!r}.")
    return positive


class Table(Quantizable):
    """Base of the embedding layers; the base adds no arguments."""

    takes_integers: ClassVar[bool] = True
    weights_need_shapes: ClassVar[bool] = False
    hidden_arguments: ClassVar[tuple[str, ...]] = ("weights",)

    lora_target: ClassVar[str] = "embeddings"
    is_transposed: ClassVar[bool] = True

    def check(self) -> None:
        super().check()
        shape = (self.input_dim, self.output_dim)
        table = self.argument("weights")
        if table is not None and table.values.shape != shape:
            raise self.value_error(f"`weights` of shape (input_dim, output_dim) = {shape}", table)

    @property
    def embeddings(self) -> Any:
        """The table; that of the argument `weights` from the start."""
        if self.argument("weights") is not None and not self.built:
            self.build()
        weight = self.shown_weight("embeddings")
        if weight is not None:
            return weight
        raise AttributeError(f"{self.who} has no `embeddings` before it is built. Call it once.")

    @property
    def supports_masking(self) -> bool:  # type: ignore[override]  # here it depends on arguments
        """`mask_zero`: whether the layer masks id 0."""
        return bool(self.mask_zero)

    @property
    def makes_masks(self) -> bool:  # type: ignore[override]  # here it depends on arguments
        """`mask_zero`: whether the layer masks id 0."""
        return bool(self.mask_zero)

    def compute_mask(self, inputs: ArrayLike | Symbol, mask: Masks = None) -> Any:
        """True where ids are not 0, with `mask_zero`; None without `mask_zero`."""
        if not self.mask_zero:
            return None
        # A script may ask for the mask of a symbol, to pass it on by hand.
        return (inputs if has_symbols(inputs) else as_jax(inputs)) != 0

    def check_values(self, inputs: np.ndarray[Any, Any]) -> None:
        """Raises for ids outside the table; a trainer calls this before training.

        Args:
          inputs: all ids, on the host.

        Raises:
          ValueError: an id is negative, or at least `input_dim`.
        """
        low, high = (inputs.min(), inputs.max()) if inputs.size else (0, 0)
        if low < 0 or high >= self.input_dim:
            raise self.value_error(
                f"ids from 0 to {self.input_dim - 1} (`input_dim` is {self.input_dim})",
                f"values from {low} to {high}",
            )

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        table = self.argument("weights")
        if table is not None:
            params: Params = {"embeddings": jnp.asarray(table.values, weight_dtype())}
        else:
            params = initial_weights(self, key, embeddings=(self.input_dim, self.output_dim))
        return self.with_whole_numbers(self.with_lora(params, key)), {}

    def compute_outputs(self, params: Params, inputs: ArrayLike) -> Array:
        """The rows of the table under these ids; NaN for an id outside it."""
        ids = as_jax(inputs)
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            ids = ids.astype(jnp.int32)
        if self.quantization is None:
            table = params["embeddings"]
            vectors = jnp.take(table, ids, axis=0, mode="fill", fill_value=jnp.nan)
        else:
            table = params["embeddings_scale"]
            vectors = self._looked_up(params, ids)
        if self.lora_rank:
            rows = jnp.take(params["lora_embeddings_a"], ids, axis=0, mode="fill")
            vectors = vectors + self.lora_scale * (rows @ params["lora_embeddings_b"])
        return vectors.astype(self.dtype or table.dtype)

    def _looked_up(self, params: Params, ids: Array) -> Array:
        """The rows of a quantized table."""
        by_id = ("embeddings", "embeddings_scale", "embeddings_zero")
        flat = ids.reshape(-1)
        rows = {
            name: jnp.take(value, flat, axis=0, mode="fill") if name in by_id else value
            for name, value in params.items()
        }
        dtype = self.dtype or params["embeddings_scale"].dtype
        vectors = self.floating(rows, (flat.size, self.output_dim), dtype)
        is_known = (flat >= -self.input_dim) & (flat < self.input_dim)
        vectors = jnp.where(is_known[:, None], vectors, jnp.nan)
        return vectors.reshape((*ids.shape, self.output_dim))

    def _adapted_shape(self, params: Params) -> tuple[int, ...]:
        return self.input_dim, self.output_dim


class Embedding(Table):
    """A table of vectors, one per id: `embeddings[inputs]`.

    Shapes: ids `[batch, ...]` to `[batch, ..., output_dim]`. Weights: `embeddings` (input_dim,
    output_dim). Ids count from 0; negative ones count from the end of the table, and an id outside
    it gives NaN, as in Keras on JAX. Ids that are not integers are cut to integers.

    Args:
      input_dim: number of ids.
      output_dim: size of a vector.
      embeddings_initializer, embeddings_regularizer, embeddings_constraint: names or objects.
      mask_zero: id 0 is padding: recurrent, attention and pooling layers, the loss and the metrics
        leave it out. It has a row in the table, which counts in `input_dim`.
      weights: the initial table (input_dim, output_dim) instead of a random one.
      lora_rank, lora_alpha: as for `enable_lora`, from the start.

    Raises:
      ValueError: `weights` of another shape.

    Example:
      >>> layer = Embedding(5, 2, mask_zero=True)
      >>> layer.compute_mask(jnp.array([[3, 1, 0]])).tolist()
      [[True, True, False]]

    Source: `keras.layers.Embedding`.
    """

    input_dim: int = option(convert=positive_int)
    output_dim: int = option(convert=positive_int)
    embeddings_initializer: Any = options.initializer("uniform")
    embeddings_regularizer: Any = options.regularizer()
    embeddings_constraint: Any = options.constraint()
    mask_zero: bool = False
    weights: FixedArray | None = option(default=None, convert=optional(_matrix), to_config=if_set)
    lora_rank: int | None = low_rank.rank_option()
    lora_alpha: float | None = low_rank.alpha_option()

    def quantized_layout(self, rank: int | None) -> Any:
        return -1, lambda scale: scale[:, 0]


class ReversibleArguments(Table):
    """The first arguments of ReversibleEmbedding, in Keras's order."""

    input_dim: int = option(convert=positive_int)
    output_dim: int = option(convert=positive_int)
    tie_weights: bool = True


class ReversibleEmbedding(Embedding, ReversibleArguments):
    """An Embedding with a reverse direction: vectors to one logit for each id.

    `embeddings[inputs]`, and with `reverse=True` the product of `inputs` with the table transposed
    (or with a separate matrix), for language models.

    Shapes: ids `[batch, ...]` to `[batch, ..., output_dim]`; in reverse `[batch, ..., output_dim]`
    to `[batch, ..., input_dim]`. Weights: `embeddings` (input_dim, output_dim), and
    `reverse_embeddings` (output_dim, input_dim) without `tie_weights`. No bias.

    Args:
      input_dim: number of ids.
      output_dim: size of a vector.
      tie_weights: whether both directions use one table.
      embeddings_initializer, embeddings_regularizer, embeddings_constraint: names or objects; the
        first is also that of `reverse_embeddings`.
      mask_zero: id 0 is padding, as in Embedding; logits have no mask, as in Keras.
      reverse_dtype: the dtype of the product; that of the inputs when left out.
      logit_soft_cap: the bound of the absolute value of logits: `cap · tanh(logit / cap)`.
      weights: keyword-only; the initial table.

    Raises:
      ValueError: `weights` of another shape; in reverse, inputs without `output_dim` features.

    Example:
      >>> import jax
      >>> layer = ReversibleEmbedding(7, 4)
      >>> ids = jnp.array([[1, 2, 3]])
      >>> params, state = layer.init(jax.random.key(0), ids)
      >>> vectors, state = layer.apply(params, state, ids)
      >>> vectors.shape, layer.apply(params, state, vectors, reverse=True)[0].shape
      ((1, 3, 4), (1, 3, 7))

    Source: Press and Wolf 2016, arXiv:1608.05859; `keras.layers.ReversibleEmbedding`.
    """

    reverse_dtype: Any = option(default=None, convert=optional(dtype_of))
    logit_soft_cap: float | None = option(default=None, convert=optional(_positive))
    weights: FixedArray | None = option(
        default=None, convert=optional(_matrix), to_config=if_set, kw_only=True
    )
    lora_rank: int | None = low_rank.rank_option(kw_only=True)
    lora_alpha: float | None = low_rank.alpha_option(kw_only=True)

    def init(self, key: Key, inputs: ArraySpec) -> tuple[Params, State]:
        params, state = super().init(key, inputs)
        if not self.tie_weights:
            shape, name = (self.output_dim, self.input_dim), "reverse_embeddings"
            params[name] = self.embeddings_initializer(shape, key=child(key, name))
        return params, state

    def apply(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        key: Key | None = None,
        training: bool = False,
        reverse: bool = False,
    ) -> tuple[Array, State]:
        """`Layer.apply`; with `reverse` from vectors to logits."""
        compute = self._logits if reverse else self.compute_outputs
        return compute(params, inputs), state

    def apply_with_mask(
        self,
        params: Params,
        state: State,
        inputs: ArrayLike,
        *,
        masks: Masks = None,
        key: Key | None = None,
        training: bool = False,
        reverse: bool = False,
    ) -> tuple[Array, State, Any]:
        """Like `apply`, with the mask of the outputs; logits have no mask."""
        outputs, state = self.apply(params, state, inputs, reverse=reverse)
        return outputs, state, None if reverse else self.compute_mask(inputs)

    def _logits(self, params: Params, inputs: ArrayLike) -> Array:
        x = self.cast(inputs)
        x = x if self.reverse_dtype is None else x.astype(self.reverse_dtype)
        if x.shape[-1:] != (self.output_dim,):
            raise self.value_error(
                f"`inputs` [batch, ..., {self.output_dim}] with `reverse=True` (`output_dim` "
                f"is {self.output_dim})",
                f"shape {x.shape}",
            )
        params = self.with_delta(params)
        kernel = params["embeddings"].T if self.tie_weights else params["reverse_embeddings"]
        logits = x @ kernel.astype(x.dtype)
        cap = self.logit_soft_cap
        return logits if cap is None else jnp.tanh(logits / cap) * cap


for kind in (Embedding, ReversibleEmbedding):
    fields(kind)  # completes the class, which puts the argument's default where this belongs:
    setattr(kind, "weights", WeightsArgument())  # noqa: B010  # mypy: an argument
    low_rank.complete(kind)
