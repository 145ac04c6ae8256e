"""Attention with heads: projections of query, key and value, each head attending on its own.

Laws: the order of keys and values does not matter, nor that of heads; with as many shared heads as
query heads GroupQueryAttention is MultiHeadAttention.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from jkeras.core.errors import describe
from jkeras.core.layer import option
from jkeras.core.serialization import if_set
from jkeras.layers import options
from jkeras.layers.attention import call_option
from jkeras.layers.options import axis_tuple, optional, positive_int, rate
from jkeras.layers.projected_attention import Heads, ProjectedAttention, Sizes


def _output_shape(value: object) -> tuple[int, ...]:
    items = value if isinstance(value, tuple | list) else (value,)
    if not items:
        raise ValueError(f"expected a positive integer or several, got {describe(value)}.")
    return tuple(positive_int(item) for item in items)


class MultiHeadAttention(ProjectedAttention):
    """Attention in several heads: each a softmax of products of its own projections.

    `softmax(q · k / sqrt(key_dim)) · v` for every head, where q, k and v are projections of query,
    key and value; the heads together are projected to the outputs.

    Shapes: query `[batch, ..., d]`, value `[batch, ..., v]`, key `[batch, ..., e]`, side by side,
    to the query's with `output_shape` (or d) for its features. The key is the value unless given,
    and one input is all three: in a `Sequential` this is self-attention. (Keras takes two or more.)

    Weights: `query` (d, heads, key_dim), `key` (e, heads, key_dim), `value` (v, heads, value_dim),
    `attention_output` (heads, value_dim, *output_shape) and with `use_gate` `gate` (d, heads,
    value_dim): each a dict of `kernel` and `bias`, which has the kernel's last axes. Fans are
    counted over the features that come in and all that go out.

    Args:
      num_heads: number of heads.
      key_dim: the size of a head of query and key.
      value_dim: the size of a head of the value; `key_dim` when left out.
      dropout: fraction of the scores dropped while training, in [0, 1].
      use_bias: whether the projections have a bias.
      output_shape: the sizes of the feature axes of the outputs; that of the query when left out.
      attention_axes: the axes of the attention, with one softmax over all of them; all axes but
        the first and the last when left out.
      sliding_window: query i attends to the keys at a distance of less than this; None for all.
      flash_attention: True for cuDNN's kernel, which never stores the scores: half precision, on an
        NVIDIA GPU, without dropout. XLA's kernel otherwise. (Keras chooses when left out.)
      kernel_initializer, bias_initializer, kernel_regularizer, bias_regularizer,
        kernel_constraint, bias_constraint: those of every projection: names, objects or functions.
      activity_regularizer: the regularizer of the outputs of every projection.
      use_gate: whether the heads' outputs are multiplied by a sigmoid of a projection of the query.
      seed: folded into the key, so that equal layers with different seeds have different masks.
      use_causal_mask, return_attention_scores: keyword-only, not in Keras's constructor: the
        defaults of the call's options, for models whose layers are not called one by one.

    A query for which all keys are masked gets the mean of all values, or zeros if the scores are
    computed: with `dropout`, with scores returned, or with inputs of more than three axes. The same
    holds in Keras.

    Example:
      >>> import jax, jax.numpy as jnp
      >>> layer = MultiHeadAttention(num_heads=2, key_dim=3, use_causal_mask=True)
      >>> x = jnp.zeros((8, 5, 4))
      >>> params, state = layer.init(jax.random.key(0), x)
      >>> layer.apply(params, state, x)[0].shape
      (8, 5, 4)
      >>> mask = jnp.ones((8, 5), bool)
      >>> outputs, scores = layer.apply(
      ...     params, state, x, x, value_mask=mask, return_attention_scores=True)[0]
      >>> scores.shape
      (8, 2, 5, 5)

    Source: Vaswani et al. 2017, arXiv:1706.03762; gate: Qiu et al. 2025, arXiv:2505.06708;
    `keras.layers.MultiHeadAttention`.
    """

    num_heads: int = option(convert=positive_int)
    key_dim: int = option(convert=positive_int)
    value_dim: int | None = option(default=None, convert=optional(positive_int))
    dropout: float = option(default=0.0, convert=rate)
    use_bias: bool = True
    output_shape: tuple[int, ...] | None = option(default=None, convert=optional(_output_shape))
    attention_axes: tuple[int, ...] | None = option(default=None, convert=optional(axis_tuple))
    sliding_window: int | None = option(default=None, convert=optional(positive_int))
    flash_attention: bool | None = dataclasses.field(default=None, metadata={"to_config": if_set})
    kernel_initializer: Any = options.initializer("glorot_uniform")
    bias_initializer: Any = options.initializer("zeros")
    kernel_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    activity_regularizer: Any = options.regularizer()
    kernel_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()
    use_gate: bool = False
    seed: int | None = None
    use_causal_mask: bool = call_option()
    return_attention_scores: bool = call_option()

    @property
    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        return Heads(self.num_heads, self.num_heads, self.key_dim, self.value_dim or self.key_dim)

    def output_sizes(self, features: int) -> Sizes:
        """`output_shape`, or the query's features."""
        return self.output_shape or (features,)

    def attending(self, rank: int) -> Sizes:
        """`attention_axes` counted from 0, or all axes between batch and features."""
        if self.attention_axes is None:
            return super().attending(rank)
        axes = tuple(axis + rank if axis < 0 else axis for axis in self.attention_axes)
        if not set(axes) <= set(range(1, rank - 1)) or len(set(axes)) < len(axes):
            raise self.value_error(
                f"`attention_axes` that are different axes from 1 to {rank - 2} (or "
                f"{1 - rank} to -2) for inputs of {rank} axes",
                self.attention_axes,
            )
        return axes


class GroupQueryAttention(ProjectedAttention):
    """MultiHeadAttention in which groups of query heads share one head of keys and values.

    Shapes: query `[batch, queries, d]`, value `[batch, keys, v]`, key `[batch, keys, e]`, side by
    side, to the query's. The key is the value unless given, and one input is all three.

    Weights: as MultiHeadAttention's, with `num_key_value_heads` heads in `key` and `value`.

    Args:
      head_dim: the size of a head.
      num_query_heads: number of heads of the query.
      num_key_value_heads: number of heads of key and value, a divisor of `num_query_heads`.
      dropout, use_bias, sliding_window, flash_attention, kernel_initializer, bias_initializer,
        kernel_regularizer, bias_regularizer, activity_regularizer, kernel_constraint,
        bias_constraint, use_gate, seed, use_causal_mask, return_attention_scores: as
        MultiHeadAttention's.

    Raises:
      ValueError: `num_key_value_heads` does not divide `num_query_heads`.

    Source: Ainslie et al. 2023, arXiv:2305.13245; `keras.layers.GroupQueryAttention`.
    """

    head_dim: int = option(convert=positive_int)
    num_query_heads: int = option(convert=positive_int)
    num_key_value_heads: int = option(convert=positive_int)
    dropout: float = option(default=0.0, convert=rate)
    use_bias: bool = True
    sliding_window: int | None = option(default=None, convert=optional(positive_int))
    flash_attention: bool | None = dataclasses.field(default=None, metadata={"to_config": if_set})
    kernel_initializer: Any = options.initializer("glorot_uniform")
    bias_initializer: Any = options.initializer("zeros")
    kernel_regularizer: Any = options.regularizer()
    bias_regularizer: Any = options.regularizer()
    activity_regularizer: Any = options.regularizer()
    kernel_constraint: Any = options.constraint()
    bias_constraint: Any = options.constraint()
    use_gate: bool = False
    seed: int | None = None
    use_causal_mask: bool = call_option()
    return_attention_scores: bool = call_option()

    def check(self) -> None:
        super().check()
        if self.num_query_heads % self.num_key_value_heads:
            raise self.value_error(
                "`num_query_heads` that `num_key_value_heads` divides",
                f"{self.num_query_heads} and {self.num_key_value_heads}",
            )

    @property
    def heads(self) -> Heads:
        """Numbers and sizes of the heads."""
        return Heads(self.num_query_heads, self.num_key_value_heads, self.head_dim, self.head_dim)

    def attending(self, rank: int) -> Sizes:
        """The one axis of steps."""
        if rank != 3:
            raise self.value_error(
                "`inputs` [batch, steps, features]",
                f"{rank} axes",
                fix=(
                    "MultiHeadAttention attends over several, or over those that "
                    "`attention_axes` says."
                ),
            )
        return (1,)
