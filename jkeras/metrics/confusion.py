"""Precision and recall: counts of right and wrong positives at one threshold or several.

Every element of the predictions is one yes-or-no question; it is answered yes above the threshold,
and with `top_k` only among the largest of its row. Laws: as in `jkeras.metrics.base`.
"""

from __future__ import annotations

from typing import Any, ClassVar, cast

import jax
import jax.numpy as jnp

from jkeras.core.description import option
from jkeras.losses.base import floating_dtype
from jkeras.losses.reduction import divide_or_zero, lined_up
from jkeras.losses.shapes import floats
from jkeras.metrics.base import Metric, Sums, arrays

Array = jax.Array
Thresholds = float | tuple[float, ...] | None


def thresholds_of(value: Any) -> Thresholds:
    """A number or several in [0, 1], as a float or a tuple of floats; None stays None.

    Raises:
      ValueError: one of them is outside [0, 1].

    Example:
      >>> thresholds_of([0, 0.5])
      (0.0, 0.5)
    """
    if value is None:
        return None
    several = isinstance(value, list | tuple)
    found = tuple(float(item) for item in (value if several else [value]))
    for item in found:
        if not 0 <= item <= 1:
            raise ValueError(f"expected thresholds between 0 and 1, got {item:g}. Use 0.5.")
    return found if several else found[0]


class _Share(Metric):
    """True positives over true positives and another count: what Precision and Recall have in
    common.
    """

    thresholds = cast(Thresholds, None)
    top_k = cast("int | None", None)
    class_id = cast("int | None", None)
    other: ClassVar[str]
    """The name of the other count."""

    def init(self) -> Sums:
        """Zero counts, `[thresholds]` each."""
        zeros = jnp.zeros(len(self._levels()), jnp.float32)
        return {"true_positives": zeros, self.other: zeros}

    def update(self, sums: Sums, y_true: Any, y_pred: Any, weight: Any = None) -> Sums:
        """Adds a batch; arguments as for `Metric.update`. A target counts as positive unless it is
        0.
        """
        positive, score, weight = self._questions(y_true, y_pred, weight)
        levels = jnp.asarray(self._levels(), jnp.float32)[:, None]
        answer = score[None] > levels
        wrong = self._wrong(positive[None], answer)
        counts = {"true_positives": positive[None] & answer, self.other: wrong}
        return self.merge(sums, {name: _count(hits, weight) for name, hits in counts.items()})

    def compute(self, sums: Sums) -> Array:
        """A scalar for one threshold, else `[thresholds]`; 0 where there is nothing to divide
        by.
        """
        right = sums["true_positives"]
        share = self._in_dtype(divide_or_zero(right, right + sums[self.other]))
        return share[0] if share.shape == (1,) else share

    def check(self) -> None:
        """Raises unless `top_k` is positive and `class_id` not negative."""
        if self.top_k is not None and self.top_k < 1:
            raise ValueError(f"{self.who}: expected `top_k` > 0, got {self.top_k!r}. Use top_k=1.")
        if self.class_id is not None and self.class_id < 0:
            raise ValueError(
                f"{self.who}: expected `class_id` >= 0, got {self.class_id!r}. Classes count from "
                "0."
            )

    def _wrong(self, positive: Array, answer: Array) -> Array:
        """Which questions the other count counts."""
        raise NotImplementedError(f"{type(self).__name__}: expected a method `_wrong`.")

    def _levels(self) -> tuple[float, ...]:
        if self.thresholds is None:
            return (0.5,) if self.top_k is None else (-float("inf"),)
        return self.thresholds if isinstance(self.thresholds, tuple) else (self.thresholds,)

    def _questions(self, y_true: Any, y_pred: Any, weight: Any) -> tuple[Array, Array, Array]:
        """Targets as bool, scores and weights, one of each for every question: `[questions]`."""
        y_true, y_pred = arrays(y_true, y_pred)
        self._check_shapes(y_true.shape, y_pred.shape)
        score = y_pred.astype(jnp.float32)
        weight = jnp.ones(()) if weight is None else floats(weight)
        weight = lined_up("weight", weight.astype(jnp.float32), score)
        weight = jnp.broadcast_to(weight, score.shape)
        if self.top_k is not None:
            score = _only_top(score, self.top_k)
        parts = (y_true != 0, score, weight)
        if self.class_id is not None:
            parts = tuple(part[..., self.class_id] for part in parts)
        return tuple(part.reshape(-1) for part in parts)

    def _check_shapes(self, targets: tuple[int, ...], outputs: tuple[int, ...]) -> None:
        if targets != outputs:
            raise ValueError(
                f"{self.who}: expected `y_true` of shape {outputs} like the outputs, got shape "
                f"{targets}. "
                "For class indices pass one-hot targets: jkeras.utils.to_categorical(y, "
                f"{outputs[-1]})."
            )
        if self.top_k is not None and self.top_k > outputs[-1]:
            raise ValueError(
                f"{self.who}: expected `top_k` of at most {outputs[-1]}, the number of classes, "
                "got "
                f"{self.top_k}. Use a smaller one, or leave it out."
            )
        if self.class_id is not None and self.class_id >= outputs[-1]:
            raise ValueError(
                f"{self.who}: expected `class_id` from 0 to {outputs[-1] - 1}, got "
                f"{self.class_id} for "
                f"outputs of shape {outputs}. Classes count from 0."
            )


def _count(hits: Array, weight: Array) -> Array:
    """The weights of the hits, summed: `[thresholds, questions]` to `[thresholds]`."""
    return jnp.sum(jnp.where(hits, weight[None], 0), axis=-1)


def _only_top(score: Array, k: int) -> Array:
    """`score` with all but the `k` largest of each row at minus infinity; of equals the first
    counts.
    """
    _, best = jax.lax.top_k(score, k)
    among = jnp.any(jax.nn.one_hot(best, score.shape[-1], dtype=bool), axis=-2)
    return jnp.where(among, score, -jnp.inf)


class Precision(_Share):
    """Of what was answered yes, the share that is right: TP / (TP + FP).

    Args:
      thresholds: a number or several in [0, 1]; 0.5 when left out, and with `top_k` none.
      top_k: only the `k` largest predictions of a row may be answered yes.
      class_id: look at this class only, an index into the last axis.
      name: how logs call it.
      dtype: the dtype of the result; float32 when left out.

    Example:
      >>> metric = Precision()
      >>> sums = metric.update(metric.init(), jnp.array([0, 1, 1]), jnp.array([0.9, 0.8, 0.1]))
      >>> float(metric.compute(sums))
      0.5

    Source: `keras.metrics.Precision`.
    """

    thresholds: Thresholds = option(default=None, convert=thresholds_of)
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = "precision"
    dtype: Any = option(default=None, convert=floating_dtype)
    other: ClassVar[str] = "false_positives"

    def _wrong(self, positive: Array, answer: Array) -> Array:
        return ~positive & answer


class Recall(_Share):
    """Of what is true, the share that was answered yes: TP / (TP + FN). Arguments: as `Precision`.

    Source: `keras.metrics.Recall`.
    """

    thresholds: Thresholds = option(default=None, convert=thresholds_of)
    top_k: int | None = None
    class_id: int | None = None
    name: str | None = "recall"
    dtype: Any = option(default=None, convert=floating_dtype)
    other: ClassVar[str] = "false_negatives"

    def _wrong(self, positive: Array, answer: Array) -> Array:
        return positive & ~answer
