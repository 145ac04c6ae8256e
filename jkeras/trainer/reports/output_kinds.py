"""What an output predicts, by its loss and its targets: classes, labels side by side, or numbers.

Cross-entropies say it themselves; for other losses the shapes and values of the targets decide.
What a mask or `ignore_class` leaves out is left out here too.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from jkeras import losses
from jkeras.display.worst_examples import is_one_hot
from jkeras.trainer.reports.examined import ExaminedOutput

MOST_LABELS = 100
"""More labels side by side than these are no list of labels, but a picture or a vector."""

_OF_CLASSES = (
    losses.CategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalGeneralizedCrossEntropy,
    losses.CategoricalHinge,
    losses.SparseCategoricalCrossentropy,
)
_OF_FLAGS = (
    losses.BinaryCrossentropy,
    losses.BinaryFocalCrossentropy,
    losses.Hinge,
    losses.SquaredHinge,
)


class Classes(NamedTuple):
    """One class for each example, or for each step or pixel of one.

    Attributes:
      classes: how many there are.
      true, predicted: `[values]` class ids.
      each: `[examples, ...]` predicted ids, nothing left out.
      confidence: `[examples, ...]`, the probability of the predicted class; None where the outputs
        are none.
    """

    classes: int
    true: np.ndarray
    predicted: np.ndarray
    each: np.ndarray
    confidence: np.ndarray | None


class Flags(NamedTuple):
    """Labels side by side, each of which holds or does not.

    Attributes:
      true, predicted: `[values, labels]` bool.
    """

    true: np.ndarray
    predicted: np.ndarray


class Numbers(NamedTuple):
    """Numbers.

    Attributes:
      true, predicted: `[values, numbers]` float64.
    """

    true: np.ndarray
    predicted: np.ndarray


Kind = Classes | Flags | Numbers | None


def kind_of(output: ExaminedOutput) -> Kind:
    """What an output predicts, with the values that count; None where nothing is known of it."""
    y, outputs, loss = output.y, output.outputs, output.loss
    if y is None or y.dtype.kind not in "biuf":
        return None
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if isinstance(loss, _OF_CLASSES):
        axis = getattr(loss, "axis", -1)
        return _classes(output, _last(y, axis, outputs), np.moveaxis(outputs, axis, -1))
    y = y[..., None] if y.ndim == outputs.ndim - 1 and outputs.shape[-1] == 1 else y
    of_region = isinstance(loss, losses.Dice | losses.Tversky) and outputs.shape[-1] == 1
    if (of_region or isinstance(loss, _OF_FLAGS)) and y.shape == outputs.shape:
        least = -1 if np.any(y < 0) else 0
        if (outputs.ndim > 2 or outputs.shape[-1] <= MOST_LABELS) and np.all(
            (y == least) | (y == 1)
        ):
            if outputs.ndim > 2 and outputs.shape[-1] > 1:  # a flag for each pixel
                y, outputs = y[..., None], outputs[..., None]
            return _flags(output, y, outputs)
    is_class = y.dtype.kind in "biu" and y.ndim == outputs.ndim - 1
    is_class = is_class or (y.dtype.kind in "biu" and y.shape == (*outputs.shape[:-1], 1))
    if outputs.shape[-1] > 1 and (is_class or (y.shape == outputs.shape and is_one_hot(y))):
        return _classes(output, y, outputs)
    if y.shape != outputs.shape:
        return None
    kept = _kept(output, y.shape[:-1])
    shape = (-1, y.shape[-1])
    true, predicted = (_chosen(a.astype(np.float64), kept).reshape(shape) for a in (y, outputs))
    return Numbers(true, predicted) if len(true) else None


def _last(y: np.ndarray, axis: int, outputs: np.ndarray) -> np.ndarray:
    """Targets of classes with the axis of the classes, where they have one, as the last."""
    return np.moveaxis(y, axis, -1) if y.ndim == outputs.ndim else y


def _classes(output: ExaminedOutput, y: np.ndarray, outputs: np.ndarray) -> Kind:
    ids = y
    if y.ndim == outputs.ndim:
        ids = y[..., 0] if y.shape[-1] == 1 else y.argmax(-1)
    ids = np.rint(ids).astype(np.int64)
    if ids.shape != outputs.shape[:-1]:  # sequences of other lengths, as for CTC
        return None
    each = outputs.argmax(-1)
    shares = outputs
    if getattr(output.loss, "from_logits", False):
        powers = np.exp(outputs - outputs.max(-1, keepdims=True))
        shares = powers / powers.sum(-1, keepdims=True)
    is_share = np.all(shares >= 0) and np.allclose(shares.sum(-1), 1, atol=1e-2)
    kept = _kept(output, ids.shape)
    ignored = getattr(output.loss, "ignore_class", None)
    if ignored is not None:
        counts = ids != ignored
        kept = counts if kept is None else kept & counts
    true, predicted = _chosen(ids, kept), _chosen(each, kept)
    if not true.size or true.min() < 0 or true.max() >= outputs.shape[-1]:
        return None
    confidence = shares.max(-1) if is_share else None
    return Classes(outputs.shape[-1], true.reshape(-1), predicted.reshape(-1), each, confidence)


def _flags(output: ExaminedOutput, y: np.ndarray, outputs: np.ndarray) -> Kind:
    of_margin = isinstance(output.loss, losses.Hinge | losses.SquaredHinge)
    from_logits = of_margin or bool(getattr(output.loss, "from_logits", False))
    chosen = outputs > (0 if from_logits else 0.5)
    kept = _kept(output, y.shape[:-1])
    true, predicted = _chosen(y > 0, kept), _chosen(chosen, kept)
    if not true.size:
        return None
    if y.shape[-1] > 1:
        labels = y.shape[-1]
        return Flags(true.reshape(-1, labels), predicted.reshape(-1, labels))
    each = chosen[..., 0].astype(np.int64)
    share = outputs[..., 0].astype(np.float64)
    if of_margin:
        confidence = None
    else:
        share = 1 / (1 + np.exp(-share)) if from_logits else share
        confidence = np.maximum(share, 1 - share)
    true_ids, best_ids = (a.reshape(-1).astype(np.int64) for a in (true, predicted))
    return Classes(2, true_ids, best_ids, each, confidence)


def _kept(output: ExaminedOutput, shape: tuple[int, ...]) -> np.ndarray | None:
    """Which values count, by the mask, in the first axes of `shape`."""
    mask: Any = output.mask
    if mask is None:
        return None
    mask = np.asarray(mask, bool)
    while mask.ndim > len(shape) and mask.shape[-1] == 1:
        mask = mask[..., 0]
    if mask.ndim > len(shape) or mask.shape != shape[: mask.ndim]:
        return None
    extra = (1,) * (len(shape) - mask.ndim)
    return np.broadcast_to(mask.reshape(mask.shape + extra), shape)


def _chosen(values: np.ndarray, kept: np.ndarray | None) -> np.ndarray:
    return values if kept is None else values[kept]
