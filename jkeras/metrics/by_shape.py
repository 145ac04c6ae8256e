"""Words whose meaning depends on shapes: "accuracy" is known when targets and outputs are."""

from __future__ import annotations

from typing import Any

from jkeras.metrics.base import MeanMetric, Sums
from jkeras.metrics.registry import get as get_plain
from jkeras.metrics.registry import is_shape_word, resolve


class ByShape(MeanMetric):
    """A metric that becomes binary, sparse or categorical when it sees a batch.

    Args:
      word: "accuracy", "acc", "crossentropy" or "ce", in any letter case; the logs keep it.
    """

    word: str

    def update(self, sums: Sums, y_true: Any, y_pred: Any, weight: Any = None) -> Sums:
        """Adds a batch to the sums of the metric that its shapes call for."""
        return resolve(self.word, y_true, y_pred).update(sums, y_true, y_pred, weight)

    @property
    def log_name(self) -> str:
        """The word as it was given."""
        return self.word


def get(identifier: Any) -> Any:
    """As `registry.get`, with `ByShape` for the words that depend on shapes."""
    return ByShape(identifier) if is_shape_word(identifier) else get_plain(identifier)
