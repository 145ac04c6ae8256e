"""The base of the attention layers with heads: projections, masks, and the attention.

Inputs `[batch, ..., features]` are projected to heads, `[batch, ..., heads, h]`; the attention axes
are folded into one; the weighted means of the values are projected to the outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from jkeras.core.errors import value_error
from jkeras.core.keys import Key, child
from jkeras.core.layer import ACTIVITY_LOSS, Array, Layer, Params, State, check_rank
from jkeras.core.platform import platform
from jkeras.core.trees import widest_float
from jkeras.layers.attention import chosen, query_value_key
from jkeras.layers.deterministic import broadcasts, checked_mask
from jkeras.layers.einsum_dense import with_fan_axes
from jkeras.layers.projection_view import projection
from jkeras.layers.regularization import drop
from jkeras.ops.attention import attend, attend_with_scores
from jkeras.ops.attention_axes import Fold
from jkeras.ops.einsum_equations import contracted
from jkeras.ops.masks import causal_mask, joined, window_mask

if TYPE_CHECKING:
    import numpy as np
    from jax.typing import ArrayLike

    from jkeras.core.trees import Tree
    from jkeras.core.typing import Masks

Drop = Callable[[Array], Array]
Sizes = tuple[int, ...]


class Heads(NamedTuple):
    """The numbers and sizes of heads.

    Attributes:
      query, shared: the number of heads of the query; of key and value, a divisor of it.
      key_dim, value_dim: the size of a head of query and key; of value.
    """

    query: int
    shared: int
    key_dim: int
    value_dim: int


class ProjectedAttention(Layer):
    """Base of the attention layers with heads; it adds no arguments.

    Raises:
      ValueError: inputs whose shapes do not fit each other, or a mask that does not fit the inputs;
        dropout while training without a `key`; `flash_attention` on a device without it.
    """

    if TYPE_CHECKING:
        # The fields stand in the subclasses, because Keras has them in another order in each.
        def __getattr__(self, name: str) -> Any: ...

    supports_masking: ClassVar[bool] = True
    makes_masks: ClassVar[bool] = False

    query_dense = _query_dense = projection("query")
    key_dense = _key_dense = projection("key")
    value_dense = _value_dense = projection("value")
    output_dense = _output_dense = projection("attention_output")
    gate_dense = _gate_dense = projection("gate")

    def compute_mask(self, inputs: Tree, mask: Masks = None) -> Any:
        """The mask of the query; scores have none."""
        return mask[0] if isinstance(mask, tuple | list) else mask

    def mask_arguments(self, masks: tuple[Any, ...]) -> dict[str, Any]:
        """The masks of query, value and, if it is a separate input, key."""
        names = ("query_mask", "value_mask", "key_mask")
        beside = masks if len(masks) > 1 else masks * 2
        return dict(zip(names, beside, strict=False))

    def check(self) -> None:
        if self.flash_attention and self.dropout > 0:
            raise self.value_error(
                "`dropout` 0 with `flash_attention`, which has no scores to drop", self.dropout
            )

    @property
    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        raise NotImplementedError(f"{self.who}: expected the class to define `heads`.")

    def output_sizes(self, features: int) -> Sizes:
        """The sizes of the feature axes of the outputs; `features` is the query's."""
        return (features,)

    def attending(self, rank: int) -> Sizes:
        """The attention axes of inputs of this rank, counted from 0."""
        return tuple(range(1, rank - 1))

    def init(self, key: Key, *inputs: Any) -> tuple[Params, State]:
        self._check_shapes(inputs)
        query, value, keys = (x.shape[-1] for x in query_value_key(self, inputs))
        heads = self.heads
        sizes: dict[str, tuple[Sizes, Sizes]] = {
            "query": ((query,), (heads.query, heads.key_dim)),
            "key": ((keys,), (heads.shared, heads.key_dim)),
            "gate": ((query,), (heads.query, heads.value_dim)),
            "value": ((value,), (heads.shared, heads.value_dim)),
            "attention_output": ((heads.query, heads.value_dim), self.output_sizes(query)),
        }
        if not self.use_gate:
            del sizes["gate"]
        params = {name: self._weights(child(key, name), *pair) for name, pair in sizes.items()}
        if self.activity_regularizer is None:
            return params, {}
        # The penalty of the outputs is reported by the model that holds this layer.
        inner = [name for name in sizes if name != "attention_output"]
        return params, {name: {ACTIVITY_LOSS: jnp.zeros((), widest_float())} for name in inner}

    def _weights(self, key: Key, before: Sizes, after: Sizes) -> Params:
        """Kernel and bias of a projection from axes of sizes `before` to axes of sizes `after`."""
        at, rank = len(before), len(before) + len(after)
        rule = with_fan_axes(self.kernel_initializer, tuple(range(at)), tuple(range(at, rank)))
        weights = {"kernel": rule((*before, *after), key=child(key, "kernel"))}
        if self.use_bias:
            weights["bias"] = self.bias_initializer(after, key=child(key, "bias"))
        return weights

    def apply(
        self,
        params: Params,
        state: State,
        *inputs: Any,
        key: Key | None = None,
        training: bool = False,
        query_mask: ArrayLike | None = None,
        value_mask: ArrayLike | None = None,
        key_mask: ArrayLike | None = None,
        attention_mask: ArrayLike | None = None,
        return_attention_scores: bool | None = None,
        use_causal_mask: bool | None = None,
    ) -> tuple[Any, State]:
        """`Layer.apply`, with Keras's options of a call.

        Args:
          params: the params of `init`.
          state: empty, or the last regularization losses of the projections.
          *inputs: query, value, and key, which is the value unless given; one input is all three.
          key: a random key, where `dropout` needs one.
          training: whether `dropout` is on.
          query_mask: bool, the query's shape without features: which queries count.
          value_mask: bool, the value's shape without features: which values count.
          key_mask: bool, the key's shape without features: which keys count.
          attention_mask: bool `[batch, queries, keys]`, or a shape that broadcasts to the scores
            after axes of size 1 are inserted before the queries: which keys a query attends to.
          return_attention_scores: whether the scores `[batch, heads, queries, keys]`, before
            dropout, are returned too; the field of that name when left out.
          use_causal_mask: whether query i attends to keys 0 to i only; the field when left out.
        """
        query, value, keys = query_value_key(self, tuple(self.cast(x) for x in inputs))
        self._check_shapes((query, value, keys))
        value, keys = value.astype(query.dtype), keys.astype(query.dtype)
        weights = self.weights_like(params, query)
        parts = self._projections(weights, query, value, keys)
        fold = Fold(query.shape[:-1], keys.shape[:-1], self.attending(query.ndim))
        means, scores = self._attended(
            parts,
            fold,
            joined(
                self._steps_mask(
                    fold, query_mask=query_mask, value_mask=value_mask, key_mask=key_mask
                ),
                self._whole_mask(fold, attention_mask),
            ),
            causal=chosen(self, "use_causal_mask", use_causal_mask),
            with_scores=chosen(self, "return_attention_scores", return_attention_scores),
            drop_fn=self._drop_fn(key, training),
        )
        if self.use_gate:
            means = means * parts["gate"]
        outputs = _projected(means, weights["attention_output"], axes=2)
        state = self._reported(state, parts)
        return (outputs if scores is None else (outputs, scores)), state

    def penalty(self, params: Params) -> Array | float:
        return sum((Layer.penalty(self, part) for part in params.values()), start=0.0)

    def constrain(self, params: Params) -> Params:
        return {name: Layer.constrain(self, part) for name, part in params.items()}

    def _projections(
        self, weights: Params, query: Array, value: Array, keys: Array
    ) -> dict[str, Array]:
        """Query, key, value and gate, each `[batch, ..., heads, h]`."""
        sources = {"query": query, "key": keys, "value": value}
        parts = {name: _projected(x, weights[name]) for name, x in sources.items()}
        if self.use_gate:
            parts["gate"] = jax.nn.sigmoid(_projected(query, weights["gate"]))
        return parts

    def _attended(
        self,
        parts: dict[str, Array],
        fold: Fold,
        mask: Array | None,
        *,
        causal: bool,
        with_scores: bool,
        drop_fn: Drop | None,
    ) -> tuple[Array, Array | None]:
        """The means `[batch, ..., heads, h]`, and the scores or None."""
        if (causal or self.sliding_window) and len(fold.axes) > 1:
            raise self.value_error(
                "one axis of steps with `use_causal_mask` or `sliding_window`",
                f"several, {fold.axes}: they have no order",
                fix="Choose one in `attention_axes`.",
            )
        if self.sliding_window:
            mask = joined(mask, window_mask(*fold.steps, self.sliding_window)[None, None])
        query, keys, value = (fold.folded(parts[name]) for name in ("query", "key", "value"))
        scale = 1 / math.sqrt(self.heads.key_dim)
        # Keras's rule, whatever the phase: the two disagree about queries that may see nothing.
        fused = not with_scores and self.dropout == 0 and len(fold.queries) == 2
        fused = fused and keys.shape == value.shape
        flash = bool(self.flash_attention)
        if flash:
            self._check_flash(fused, query.dtype)
        if fused:
            means = attend(query, keys, value, scale=scale, mask=mask, causal=causal, flash=flash)
            return fold.unfolded(means), None
        if causal:
            mask = joined(mask, causal_mask(*fold.steps)[None, None])
        means, scores = attend_with_scores(
            query, keys, value, scale=scale, mask=mask, drop_fn=drop_fn
        )
        return fold.unfolded(means), fold.unfolded_scores(scores) if with_scores else None

    def _drop_fn(self, key: Key | None, training: bool) -> Drop | None:
        if not training or self.dropout == 0:
            return None
        key = child(self.need_key(key), "dropout")
        seeded = key if self.seed is None else child(key, self.seed)
        return lambda scores: drop(scores, self.dropout, seeded, scores.shape)

    def _reported(self, state: State, parts: dict[str, Array]) -> State:
        """The state with the regularization losses of the projections, over the batch size."""
        rule = self.activity_regularizer
        if rule is None:
            return state
        losses = {name: rule(part) / part.shape[0] for name, part in parts.items()}
        return {name: {ACTIVITY_LOSS: losses[name].astype(widest_float())} for name in losses}

    def _steps_mask(self, fold: Fold, **masks: Any) -> Array | None:
        """The masks of query, value and key as one mask of the folded scores."""
        folded: list[Array | None] = []
        for name, mask in masks.items():
            if mask is None:
                continue
            shape = fold.queries if name == "query_mask" else fold.keys
            expected = f"`{name}` of shape {shape}, that of its input without features"
            flat = fold.folded(checked_mask(self, mask, shape, expected))
            folded.append(lax.expand_dims(flat, (1, 3) if name == "query_mask" else (1, 2)))
        return joined(*folded)

    def _whole_mask(self, fold: Fold, mask: ArrayLike | None) -> Array | None:
        """The attention mask, folded as the scores are."""
        if mask is None:
            return None
        mask = jnp.asarray(mask)
        heads, at = self.heads.query, len(fold.batch)
        scores = (*fold.batch, heads, *fold.scores_shape[at + 1 :])
        shape = fold.mask_shape(mask.shape)
        if not broadcasts(shape, scores):
            raise self.value_error(
                "`attention_mask` [batch, queries, keys], or a shape that broadcasts to the "
                f"scores' {scores}",
                f"shape {mask.shape}",
            )
        return fold.folded_mask(mask.astype(bool))

    def _check_shapes(self, inputs: tuple[Any, ...]) -> None:
        """Raises unless the shapes of query, value and key fit each other."""
        for x in inputs:
            check_rank(self, x, 3, "[batch, ..., features]", or_more=True)
        query, value, key = (tuple(x.shape) for x in query_value_key(self, inputs))
        alike = len(query) == len(value) and value[:-1] == key[:-1]
        fixed = set(range(len(query) - 1)) - set(self.attending(len(query)))
        if not alike or any(query[axis] != key[axis] for axis in fixed):
            raise self.value_error(
                "query, value and key of one rank that differ only in features and in the "
                "number of steps (value and key in features)",
                f"shapes {query}, {value} and {key}",
            )

    def _check_flash(self, fused: bool, dtype: np.dtype) -> None:
        if not fused:
            raise value_error(
                "expected inputs [batch, steps, features], `value_dim` equal to `key_dim` and "
                "no `return_attention_scores` with `flash_attention`, which holds no scores. "
                "Leave it out.",
                who=self.who,
            )
        backend = platform()
        if backend != "gpu" or dtype not in (jnp.bfloat16, jnp.float16):
            raise self.value_error(
                "half-precision inputs on an NVIDIA GPU with `flash_attention`",
                f"{dtype} on {backend}",
                fix="Leave it out.",
            )


def _projected(x: Array, weights: Params, *, axes: int = 1) -> Array:
    """`x` with its last `axes` axes projected, and the bias added."""
    outputs = contracted(x, weights["kernel"], axes)
    if "bias" not in weights:
        return outputs
    return outputs + lax.expand_dims(weights["bias"], range(outputs.ndim - weights["bias"].ndim))
