"""The circle loss: embeddings of equal labels become similar, those of different labels dissimilar.

Every pair of a query and a reference is positive (equal labels) or negative. With d = 1 - cos, the
weight of a pair grows with the distance from its optimum: d = 0 for positive pairs, d = 1 for
negative pairs, with `margin` between the two. Laws: values do not depend on the order of the
references; a query without a positive or without a negative pair has the value 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp

from jkeras.core.arrays import as_jax
from jkeras.core.description import option
from jkeras.losses.base import check_field, floating_dtype
from jkeras.losses.formula import FormulaLoss
from jkeras.losses.reduction import reduction_name
from jkeras.losses.shapes import Array, at_least_float32, floats

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def circle(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    ref_labels: ArrayLike | None = None,
    ref_embeddings: ArrayLike | None = None,
    remove_diagonal: bool = True,
    gamma: float = 80,
    margin: float = 0.4,
) -> Array:
    """log(1 + Σ exp(gamma·aₙ·(1 - margin - dₙ)) · Σ exp(-gamma·aₚ·(margin - dₚ))) for each query.

    d is 1 minus the product of two embeddings, at least 0; n runs over the negative references with
    aₙ = max(1 + margin - dₙ, 0), p over the positive ones with aₚ = margin + dₚ.

    Args:
      y_true: `[queries]` or `[queries, 1]`, labels.
      y_pred: `[queries, d]`, embeddings of length one.
      ref_labels: `[references]` or `[references, 1]`; `y_true` when left out.
      ref_embeddings: `[references, d]`, of length one; `y_pred` when left out.
      remove_diagonal: whether query i and reference i are the same example, which is not a pair.
      gamma: the scale of the exponents.
      margin: from 0 to 1.

    Returns:
      `[queries]`, dtype of `y_pred`.

    Raises:
      ValueError: the shapes do not match, or only one of `ref_labels` and `ref_embeddings` is set.

    Example:
      >>> y_pred = jnp.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
      >>> circle(jnp.array([0, 0, 1]), y_pred, gamma=1.0, margin=0.25).round(4)
      Array([0.6326, 0.6326, 0.    ], dtype=float32)

    Source: Sun et al. 2020, arXiv:2002.10857; `keras.losses.circle`.
    """
    if (ref_labels is None) != (ref_embeddings is None):
        raise ValueError(
            "circle: expected `ref_labels` and `ref_embeddings` together or neither, got one of "
            "them. Pass both, or leave both out to compare the batch with itself."
        )
    query = _labeled("y_true", y_true, "y_pred", y_pred)
    reference = query
    if ref_labels is not None and ref_embeddings is not None:
        reference = _labeled("ref_labels", ref_labels, "ref_embeddings", ref_embeddings)
    values = _circle(query, reference, remove_diagonal, gamma, margin)
    return values.astype(floats(y_pred).dtype)


def _labeled(
    name: str, labels: ArrayLike, other: str, embeddings: ArrayLike
) -> tuple[Array, Array]:
    """Labels `[n]` int32 and embeddings `[n, d]` in float32 or better."""
    labels, embeddings = as_jax(labels), at_least_float32(floats(embeddings))
    if embeddings.ndim != 2 or labels.shape not in (embeddings.shape[:1], (len(embeddings), 1)):
        raise ValueError(
            f"circle: expected `{name}` of shape [n] beside `{other}` of shape [n, d], got "
            f"{labels.shape} and {embeddings.shape}. Pass one label for each embedding."
        )
    return labels.reshape(-1).astype(jnp.int32), embeddings


def _circle(
    query: tuple[Array, Array],
    reference: tuple[Array, Array],
    remove_diagonal: bool,
    gamma: float,
    margin: float,
    valid: Array | None = None,
) -> Array:
    """The values `[queries]` of labels with embeddings; `valid`: the references that count."""
    same = query[0][:, None] == reference[0][None]
    counted = jnp.ones_like(same)
    if remove_diagonal:
        # As in Keras the diagonal is no positive pair, but a negative one where its labels differ.
        counted = ~(jnp.eye(same.shape[0], same.shape[1], dtype=bool) & same)
    if valid is not None:
        counted &= valid[None]
    positive, negative = same & counted, ~same & counted
    distance = jnp.maximum(1 - query[1] @ reference[1].T, 0)
    pull = gamma * (margin + distance) * (distance - margin)
    push = gamma * jnp.maximum(1 + margin - distance, 0) * (1 - margin - distance)
    pulls, pushes = _log_sum_exp(pull, positive), _log_sum_exp(push, negative)
    both = jnp.any(positive, axis=1) & jnp.any(negative, axis=1)
    return jnp.where(both, jax.nn.softplus(jnp.where(both, pulls + pushes, 0)), 0)


def _log_sum_exp(x: Array, kept: Array) -> Array:
    """Log Σ exp over the kept entries of each row; 0, with gradient 0, for a row without any."""
    some = jnp.any(kept, axis=1)
    x = jnp.where(kept, x, jnp.where(some[:, None], -jnp.inf, 0))
    return jnp.where(some, jax.nn.logsumexp(x, axis=1), 0)


class Circle(FormulaLoss):
    """`circle` of a batch with itself, as a loss: labels beside embeddings of length one.

    Examples whose value is 0 count neither in the sum nor in the number of examples, as in Keras.

    Args:
      gamma: the scale of the exponents.
      margin: from 0 to 1.
      remove_diagonal: whether an example and itself are not a pair.
      reduction: how values become a number; see `jkeras.losses.reduce_weighted`.
      name: how logs call it.
      dtype: the dtype to compute in; the predictions' when left out.

    Raises:
      ValueError: `gamma` is not positive, or `margin` is outside [0, 1].
    """

    gamma: float = 80.0
    margin: float = 0.4
    remove_diagonal: bool = True
    reduction: str | None = option(default="sum_over_batch_size", convert=reduction_name)
    name: str | None = "circle"
    dtype: Any = option(default=None, convert=floating_dtype)
    loss_fn = staticmethod(circle)

    def check(self) -> None:
        """Raises unless `gamma` > 0 and `margin` is in [0, 1]."""
        check_field(self, "gamma", self.gamma > 0, "> 0")
        check_field(self, "margin", 0 <= self.margin <= 1, "between 0 and 1")

    def call(self, y_true: Array, y_pred: Array) -> Array:
        """`[batch]`."""
        return self._values_of(y_true, y_pred, None)

    def _values_of(self, y_true: Array, y_pred: Array, valid: Array | None) -> Array:
        batch = _labeled("y_true", y_true, "y_pred", y_pred)
        values = _circle(batch, batch, self.remove_diagonal, self.gamma, self.margin, valid)
        return values.astype(y_pred.dtype)

    def mask(self, y_true: Array, values: Array) -> Array | None:
        """False where the value is 0."""
        del y_true
        return values > 0
