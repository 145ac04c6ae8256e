"""Attention without projections: each query gives a weighted mean of the values.

The two layers differ in the score of a query and a key: a product, or a sum of tanh. The layers
with heads and projections are in `multi_head_attention`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import jax
import jax.numpy as jnp

from jkeras.core.dtype_policy import weight_dtype
from jkeras.core.errors import describe, type_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import Array, Layer, Params, State, check_rank, option
from jkeras.core.serialization import if_set
from jkeras.layers.deterministic import checked_mask
from jkeras.layers.options import one_of, rate
from jkeras.layers.regularization import drop
from jkeras.ops.initializers import GlorotUniform
from jkeras.ops.masks import causal_mask, joined

if TYPE_CHECKING:
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks

Mask = Sequence[Any] | None

SINGLE = "[batch, ..., steps, features]"


def query_value_key(layer: Layer, inputs: tuple[Any, ...]) -> tuple[Any, Any, Any]:
    """Query, value and key from one, two or three inputs: the key is the value unless given.

    One input is all three: self-attention, as in a `Sequential`.

    Raises:
      ValueError: no inputs, or more than three.
    """
    if not 1 <= len(inputs) <= 3:
        raise layer.value_error(
            "one input (which attends to itself), or query and value, or query, value and key",
            len(inputs),
            fix="Pass them side by side: apply(params, state, query, value).",
        )
    return inputs[0], inputs[min(1, len(inputs) - 1)], inputs[-1]


class ScoredAttention(Layer):
    """Base of Attention and AdditiveAttention: all but `scores`. The base adds no arguments.

    Raises:
      ValueError: inputs that are not `[batch, ..., steps, features]` or do not fit each other; a
        mask of another shape; dropout while training without a `key`.
    """

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """The mask of the query; scores have none."""
        return mask[0] if isinstance(mask, tuple | list) else mask

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The pair (query mask, value mask); one input is both."""
        return {"mask": (masks[0], masks[min(1, len(masks) - 1)])}

    def scores(self, params: Params, query: Array, key: Array) -> Array:
        """The scores `[batch, queries, keys]` of every query and key."""
        raise NotImplementedError(f"{self.who}: expected the class to define `scores`.")

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        mask: Mask = None,
        return_attention_scores: bool | None = None,
        use_causal_mask: bool | None = None,
    ) -> tuple[Any, State]:
        """`Layer.apply`, with Keras's options of a call.

        Args:
          params: the params of `init`.
          state: empty.
          *inputs: query `[batch, queries, d]`, value `[batch, keys, v]`, key `[batch, keys, d]`;
            further axes behind `batch` hold independent steps.
          key: a random key, where `dropout` needs one.
          training: whether `dropout` is on.
          mask: a pair (query mask, value mask), each bool `[batch, steps]` or None. Masked queries
            give zeros, masked values have no weight.
          return_attention_scores: whether `[batch, queries, keys]` is returned too, after dropout;
            the field of that name when left out.
          use_causal_mask: whether query i attends to keys 0 to i only; the field when left out.
        """
        query, value, keys = self._checked(inputs)
        query_mask, value_mask = self._masks(mask, query, value)
        weights = self.weights_like(params, query)
        causal = chosen(self, "use_causal_mask", use_causal_mask)
        over_batch = (None,) * (query.ndim - 2)
        allowed = joined(
            None if value_mask is None else value_mask[..., None, :],
            causal_mask(query.shape[-2], keys.shape[-2])[over_batch] if causal else None,
        )
        scores = self.scores(weights, query, keys)
        if allowed is not None:  # as in Keras, less a large number where masked
            large = 65504.0 if scores.dtype == jnp.float16 else 1e9
            scores = jnp.where(allowed, scores, scores - large)
        scores = self._dropped(jax.nn.softmax(scores), key, training)
        outputs = scores @ value
        if query_mask is not None:
            outputs = jnp.where(query_mask[..., None], outputs, 0)
        both = chosen(self, "return_attention_scores", return_attention_scores)
        return ((outputs, scores) if both else outputs), state

    def _checked(self, inputs: tuple[Any, ...]) -> tuple[Array, ...]:
        query, value, key = query_value_key(self, inputs)
        query = self.cast(query)
        arrays = query, self.cast(value).astype(query.dtype), self.cast(key).astype(query.dtype)
        for x in arrays:
            check_rank(self, x, max(3, query.ndim), SINGLE)
        _, value, key = arrays
        alike = query.shape[:-2] == key.shape[:-2], query.shape[-1] == key.shape[-1]
        if value.shape[:-1] != key.shape[:-1] or not all(alike):
            raise self.value_error(
                "query [batch, ..., queries, d], value [batch, ..., keys, v] and key [batch, ..., "
                "keys, d]",
                f"shapes {query.shape}, {value.shape} and {key.shape}",
            )
        return arrays

    def _masks(self, mask: Mask, query: Array, value: Array) -> tuple[Array | None, ...]:
        """The masks of query and value as bool arrays; Keras's third, of the key, is not used."""
        if mask is None:
            return None, None
        if not isinstance(mask, tuple | list) or len(mask) not in (2, 3):
            raise type_error(
                who=self.who,
                expected="`mask` as a pair (query mask, value mask)",
                got=describe(mask),
                fix="None stands for a mask that hides nothing.",
            )
        return _steps_mask(self, mask[0], query), _steps_mask(self, mask[1], value)

    def _dropped(self, scores: Array, key: Key | None, training: bool) -> Array:
        dropped, seed = getattr(self, "dropout", 0.0), getattr(self, "seed", None)
        if not training or dropped == 0:
            return scores
        key = child(self.need_key(key), "dropout")
        return drop(scores, dropped, key if seed is None else child(key, seed), scores.shape)


def chosen(layer: Layer, name: str, given: bool | None) -> bool:
    """An option of a call; for None the layer's field of that name."""
    return bool(getattr(layer, name) if given is None else given)


def _steps_mask(layer: Layer, mask: ArrayLike | None, x: Array) -> Array | None:
    """A mask of the steps of `x` as a bool array, or None."""
    expected = f"a `mask` of shape {x.shape[:-1]} for inputs of shape {x.shape}"
    return None if mask is None else checked_mask(layer, mask, x.shape[:-1], expected)


def call_option() -> Any:
    """A keyword-only field for an option that is an argument of the call in Keras."""
    return dataclasses.field(default=False, kw_only=True, metadata={"to_config": if_set})


class Attention(ScoredAttention):
    """Dot-product attention without projections: `softmax(query · key) · value`.

    Shapes: query `[batch, queries, d]`, value `[batch, keys, v]`, key `[batch, keys, d]`, side by
    side, to `[batch, queries, v]`; the key is the value unless given, and one input is all three
    (Keras takes a list of two or three). Weights: `scale` () with `use_scale`,
    `concat_score_weight` () with "concat".

    Args:
      use_scale: whether a trained scalar multiplies the products.
      score_mode: "dot", or "concat": a trained scalar times the sum of tanh(query + key).
      dropout: fraction of the scores dropped while training, in [0, 1].
      seed: folded into the key, so that equal layers with different seeds have different masks.
      use_causal_mask, return_attention_scores: keyword-only, not in Keras's constructor: the
        defaults of the call's options, for models whose layers are not called one by one.

    Example:
      >>> layer = Attention(use_causal_mask=True)
      >>> x = jnp.asarray([[[1.0, 0.0], [0.0, 1.0]]])
      >>> layer.apply({}, {}, x)[0][0, 0].tolist()
      [1.0, 0.0]

    Source: Luong et al. 2015, arXiv:1508.04025; `keras.layers.Attention`.
    """

    use_scale: bool = False
    score_mode: str = option(default="dot", convert=one_of("dot", "concat"))
    dropout: float = option(default=0.0, convert=rate)
    seed: int | None = None
    use_causal_mask: bool = call_option()
    return_attention_scores: bool = call_option()

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        params = {}
        if self.use_scale:
            params["scale"] = jnp.ones((), weight_dtype())
        if self.score_mode == "concat":
            params["concat_score_weight"] = jnp.ones((), weight_dtype())
        return params, {}

    def scores(self, params: Params, query: Array, key: Array) -> Array:
        scale = params.get("scale", 1.0)
        if self.score_mode == "dot":
            return query @ jnp.swapaxes(key, -1, -2) * scale
        return params["concat_score_weight"] * jnp.sum(jnp.tanh(scale * _sums(query, key)), -1)


class AdditiveAttention(ScoredAttention):
    """Additive attention: the score of query and key is `Σ scale · tanh(query + key)`.

    Shapes: as Attention's. Weights: `scale` (d,) with `use_scale`.

    Args:
      use_scale: whether the tanh of each feature is multiplied by a trained number.
      dropout: fraction of the scores dropped while training, in [0, 1].
      seed: keyword-only; folded into the key.
      use_causal_mask, return_attention_scores: as Attention's.

    Source: Bahdanau et al. 2015, arXiv:1409.0473; `keras.layers.AdditiveAttention`.
    """

    use_scale: bool = True
    dropout: float = option(default=0.0, convert=rate)
    seed: int | None = dataclasses.field(default=None, kw_only=True)
    use_causal_mask: bool = call_option()
    return_attention_scores: bool = call_option()

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        query, _, _ = query_value_key(self, inputs)
        check_rank(self, query, max(3, len(query.shape)), SINGLE)
        if not self.use_scale:
            return {}, {}
        return {"scale": GlorotUniform()(query.shape[-1:], key=child(key, "scale"))}, {}

    def scores(self, params: Params, query: Array, key: Array) -> Array:
        bent = jnp.tanh(_sums(query, key))
        return bent @ params["scale"] if self.use_scale else jnp.sum(bent, -1)


def _sums(query: Array, key: Array) -> Array:
    """`[batch, ..., queries, keys, d]`: every query plus every key."""
    return query[..., :, None, :] + key[..., None, :, :]
