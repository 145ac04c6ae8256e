"""Batches that come while training runs, looked at as the first one was before it began.

A batch has to have the structure of the first: as many arrays, under the same names. Where its
arrays have another shape or dtype, the model and the losses are asked whether they take it, once
for each; it is then trained on by a program of its own. Values of targets are looked at in every
batch: one label out of range makes NaN of all weights.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.losses.registry import ByShape, resolve
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
      finite: whether targets were refused NaN and infinity.
      whole: whether the number of rows is a part of a batch's shape, because nothing is padded.
    """

    def __init__(
        self,
        who: str,
        first: Batch,
        objective: Objective | None,
        outputs_fn: Callable[..., Any] | None,
        *,
        finite: bool = True,
        whole: bool = False,
    ) -> None:
        self._who, self._first = who, first
        self._objective, self._outputs_fn = objective, outputs_fn
        self._finite, self._whole = finite, whole
        self._known: dict[Any, Any] = {}

    def __call__(self, batch: Batch, number: int) -> None:
        """Raises what is wrong with a batch.

        Raises:
          TypeError, ValueError: its structure is not that of the first batch, or the model or a
            loss cannot take it.
        """
        key = self._shape(batch)
        if key not in self._known:
            self._known[key] = self._met(batch, is_new=key != self._shape(self._first))
            if len(self._known) == MANY_SHAPES:
                self._warn(number)
        for part in self._asked(batch, *self._known[key]):
            part.check_values()

    def _shape(self, batch: Batch) -> tuple[Any, ...]:
        """Structure, shapes and dtypes."""
        leaves, tree = jax.tree.flatten(batch)
        return tree, *((leaf.shape[0 if self._whole else 1 :], leaf.dtype) for leaf in leaves)

    def _met(self, batch: Batch, *, is_new: bool) -> tuple[Any, list[Asked]]:
        """The specs of the outputs for a batch of a shape that comes for the first time here, and
        what is asked about it; a new shape, other than the first batch's, is checked.
        """
        if is_new:
            self._check_structure(batch)
        if self._outputs_fn is None:
            return None, []
        rows = len(jax.tree.leaves(batch.x)[0])
        outputs = self._outputs_fn(*trees.specs_of_rows(batch.inputs, rows))
        parts = [] if self._objective is None else self._parts(batch, outputs)
        for part in parts if is_new else ():
            part.check_shapes()
        return outputs, parts

    def _check_structure(self, batch: Batch) -> None:
        expected, got = structure(self._first), structure(batch)
        if expected == got:
            expected, got = (str(jax.tree.structure(both)) for both in (self._first, batch))
        if expected != got:
            raise ValueError(f"expected {expected} as in the first batch, got {got}.")

    def _asked(self, batch: Batch, outputs: Any, known: list[Asked]) -> list[Asked]:
        """What is asked about a batch of a shape that is known."""
        if not known:
            return []
        if len(known) == 1 and hasattr(batch.y, "shape"):  # spares a tenth of a small step
            return [known[0]._replace(y=self._judged(batch.y))]
        return self._parts(batch, outputs)

    def _parts(self, batch: Batch, outputs: Any) -> list[Asked]:
        assert self._objective is not None, "asked for only where it is known"
        parts = self._objective.parts(batch, outputs)
        asked = []
        for part in (part for part in parts if part.goal.loss is not None):
            y = self._judged(part.y)
            loss = _resolved(part.goal.loss, y, part.outputs)
            asked.append(Asked(loss, y, part.outputs, part.goal.called if len(parts) > 1 else None))
        return asked

    def _judged(self, y: Any) -> Any:
        """The targets on the host; where NaN is allowed, the rows without any."""
        y = np.asarray(y)
        return y if self._finite else rows_of_numbers(y)

    def _warn(self, number: int) -> None:
        warnings.warn(
            f"{self._who}: batch {number} of the data has another shape or dtype than those before "
            f"it, the {MANY_SHAPES}th, and a program is compiled for each. Pad batches to a few "
            "shapes, such as lengths that are multiples of 32.",
            stacklevel=2,
        )


class Asked(NamedTuple):
    """A loss with the targets and the specs of the outputs that it is asked about, and the name of
    the output where there are several.
    """

    loss: Any
    y: Any
    outputs: Any
    called: str | None

    def check_shapes(self) -> None:
        """Raises where they do not go together."""
        self._ask(self.loss.check_data)

    def check_values(self) -> None:
        """Raises where the targets are out of range."""
        if len(self.y):
            self._ask(self.loss.check_values)

    def _ask(self, check: Callable[[Any, Any], None]) -> None:
        try:
            check(self.y, self.outputs)
        except (TypeError, ValueError) as error:
            if self.called is None:
                raise
            raise type(error)(f"output {self.called}: {error}") from None


def structure(batch: Batch) -> str:
    """What a batch is made of, in words.

    Example:
      >>> structure(Batch((1, 2), {"a": 3}))
      '(x of 2 arrays, y with a)'
    """
    named = {"x": batch.x, "y": batch.y, "sample_weight": batch.weight}
    told = [_part(name, tree) for name, tree in named.items() if tree is not None]
    return f"({', '.join(told)})" if len(told) > 1 else told[0]


def rows_of_numbers(y: Any) -> Any:
    """The rows without NaN and infinity.

    Example:
      >>> rows_of_numbers(np.array([1.0, np.nan, 3.0])).tolist()
      [1.0, 3.0]
    """
    if not jnp.issubdtype(y.dtype, jnp.floating):
        return y
    return y[np.isfinite(y.astype(np.float32)).reshape(len(y), -1).all(axis=1)]


def _part(name: str, tree: Any) -> str:
    if isinstance(tree, dict):
        return f"{name} with {' and '.join(map(str, tree))}"
    return f"{name} of {len(tree)} arrays" if isinstance(tree, tuple | list) else name


def _resolved(loss: Any, y: Any, outputs: Any) -> Any:
    return resolve(loss.word, y, outputs) if isinstance(loss, ByShape) else loss
