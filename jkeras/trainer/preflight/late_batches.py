"""Checks of the batches that arrive while training runs, like those of the first batch.

A batch must have the structure of the first: as many arrays, under the same names. A new shape or
dtype of its arrays is checked once against the model and the losses, and gets a program of its own.
Values of targets are checked in every batch: one label out of range turns all weights into NaN.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import jax

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.trees import Tree
from jkeras.trainer.compiling.target_checks import TargetChecks
from jkeras.training.objective import Objective

MANY_SHAPES = 8
"""So many shapes of batches are compiled before a warning says so."""


class LateBatches:
    """What a stream calls with every batch and its number.

    Args:
      who: the method, for messages.
      first: the first batch, which was looked at already.
      objective: the model with its losses; None where there are no targets to look at.
      outputs_fn: from the specs of inputs to those of the outputs; it raises where the model cannot
        take them. None where only the structure is looked at, as with steps of one's own.
      whole: whether the number of rows is a part of a batch's shape, because nothing is padded.
    """

    def __init__(
        self,
        who: str,
        first: Batch,
        objective: Objective | None,
        outputs_fn: Callable[..., Any] | None,
        *,
        whole: bool = False,
    ) -> None:
        self._who, self._first = who, first
        self._objective, self._outputs_fn = objective, outputs_fn
        self._whole = whole
        self._known: dict[Any, TargetChecks | None] = {}

    def __call__(self, batch: Batch, number: int) -> None:
        """Raises what is wrong with a batch.

        Raises:
          TypeError, ValueError: its structure is not that of the first batch, or the model or a
            loss cannot take it.
        """
        key = self._shape(batch)
        if key not in self._known:
            self._known[key] = self._checks(batch, is_new=key != self._shape(self._first))
            if len(self._known) == MANY_SHAPES:
                warnings.warn(
                    f"{self._who}: batch {number} of the data has another shape or dtype than "
                    f"those before it, the {MANY_SHAPES}th, and a program is compiled for each. "
                    "Pad batches to a few shapes, such as lengths that are multiples of 32.",
                    stacklevel=2,
                )
        checks = self._known[key]
        if checks is not None:
            checks.check_values(batch)

    def _shape(self, batch: Batch) -> tuple[Any, ...]:
        """Structure, shapes and dtypes."""
        leaves, tree = jax.tree.flatten(batch)
        return tree, *((leaf.shape[0 if self._whole else 1 :], leaf.dtype) for leaf in leaves)

    def _checks(self, batch: Batch, *, is_new: bool) -> TargetChecks | None:
        """The checks of targets for a batch of a shape that comes for the first time here; a new
        shape, other than the first batch's, is checked now.
        """
        if is_new:
            expected, got = structure(self._first), structure(batch)
            if expected == got:
                expected, got = (str(jax.tree.structure(both)) for both in (self._first, batch))
            if expected != got:
                raise ValueError(f"expected {expected} as in the first batch, got {got}.")
        if self._outputs_fn is None:
            return None
        rows = len(jax.tree.leaves(batch.x)[0])
        outputs = self._outputs_fn(*trees.specs_of_rows(batch.inputs, rows))
        if self._objective is None:
            return None
        checks = TargetChecks(self._objective, outputs)
        if is_new:
            for check in checks.of(batch):
                check.run(check.loss.check_data)
        return checks


def structure(batch: Batch) -> str:
    """What a batch is made of, in words.

    Example:
      >>> structure(Batch((1, 2), {"a": 3}))
      '(x of 2 arrays, y with a)'
    """
    named = {"x": batch.x, "y": batch.y, "sample_weight": batch.weight}
    parts = [_part(name, tree) for name, tree in named.items() if tree is not None]
    return f"({', '.join(parts)})" if len(parts) > 1 else parts[0]


def _part(name: str, tree: Tree) -> str:
    if isinstance(tree, dict):
        return f"{name} with {' and '.join(map(str, tree))}"
    return f"{name} of {len(tree)} arrays" if isinstance(tree, tuple | list) else name
