"""The losses' checks of targets before any step: matching shapes, and values in range.

Shapes are looked at once for each structure of batches, values in every batch: one label out of
range makes NaN of all weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from jkeras.core.batch import Batch
from jkeras.core.trees import Tree, widest_float
from jkeras.losses import Loss
from jkeras.losses.registry import ByShape, resolve
from jkeras.training.objective import Objective, Part


class TargetCheck(NamedTuple):
    """A loss with the targets and the specs of the outputs that it checks.

    Attributes:
      loss: the loss.
      y: the targets, on the host.
      outputs: the specs of the outputs.
      output_name: how messages call the output; None where there is one.
      number: the output's position in JAX's order.
    """

    loss: Any
    y: np.ndarray[Any, Any]
    outputs: Any
    output_name: str | None
    number: int = 0

    def run(self, check: Callable[[Any, Any], None], who: str = "") -> None:
        """Runs one of the loss's checks; `who` begins the message where there are several outputs.
        Rows with NaN or infinity, which loading refuses unless they are allowed, are passed over.

        Raises:
          TypeError, ValueError: targets do not go with the outputs, or are out of range.
        """
        try:
            check(self.y, self.outputs)
        except (TypeError, ValueError) as error:
            numbers = rows_of_numbers(self.y)
            if len(numbers) < len(self.y):
                return self._replace(y=numbers).run(check, who) if len(numbers) else None
            if self.output_name is None:
                raise
            where = f"{who}: " if who else ""
            raise type(error)(f"{where}output {self.output_name}: {error}") from None


class TargetChecks:
    """The checks of the targets of batches of one structure.

    Args:
      objective: the model with its losses.
      outputs: the specs of the model's outputs.
    """

    def __init__(self, objective: Objective, outputs: Tree) -> None:
        self._objective, self._outputs = objective, outputs
        self._single: TargetCheck | None = None

    def check_shapes(self, who: str, batch: Batch) -> None:
        """Raises the loss's error where it does not go with the targets and the outputs; `who` is
        the method that was called.
        """
        for loss, part, count in self._pairs(batch):
            if part.y is None:
                raise ValueError(
                    f"{who}: expected targets for the loss {loss.log_name!r}, got `y` = None. Pass "
                    "`y`, or batches (x, y)."
                )
            check = self._check_of(loss, part, count, is_resolved=False)
            check.run(check.loss.check_data, who)

    def check_values(self, batch: Batch, who: str = "") -> None:
        """Raises the loss's error where targets are out of range."""
        for check in self.of(batch):
            if len(check.y):
                check.run(check.loss.check_values, who)

    def of(self, batch: Batch) -> Iterator[TargetCheck]:
        """The check of each output that has a loss, for a batch of the structure."""
        if self._single is not None:  # spares a tenth of a small step
            yield self._single._replace(y=np.asarray(batch.y))
            return
        for loss, part, count in self._pairs(batch):
            if part.y is None:
                continue
            check = self._check_of(loss, part, count, is_resolved=True)
            if count == 1 and hasattr(batch.y, "shape"):
                self._single = check._replace(y=np.empty(0))  # which keeps no data alive
            yield check

    def _pairs(self, batch: Batch) -> Iterator[tuple[Loss, Part, int]]:
        """Each loss of one output with that output, and the number of outputs."""
        parts = self._objective.parts(batch, self._outputs)
        for term in self._objective.resolved_for(self._outputs).loss_terms:
            if term.number is not None:
                yield term.loss, parts[term.number], len(parts)

    def _check_of(self, loss: Loss, part: Part, count: int, *, is_resolved: bool) -> TargetCheck:
        y = np.asarray(part.y)
        if is_resolved and isinstance(loss, ByShape):
            loss = resolve(loss.word, y, part.outputs)
        name = part.spec.called if count > 1 else None
        return TargetCheck(loss, y, part.outputs, name, part.spec.number)


def rows_of_numbers(y: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The rows without NaN and infinity.

    Example:
      >>> rows_of_numbers(np.array([1.0, np.nan, 3.0])).tolist()
      [1.0, 3.0]
    """
    if not jnp.issubdtype(y.dtype, jnp.floating):
        return y
    return y[np.isfinite(y.astype(widest_float())).reshape(len(y), -1).all(axis=1)]
