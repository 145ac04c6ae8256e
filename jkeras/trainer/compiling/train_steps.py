"""`TrainSteps`: the interface between the loops and the steps, whoever wrote the steps."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

from jkeras.core.batch import Batch
from jkeras.metrics import Metric
from jkeras.trainer.compiling.compilation import Compilation
from jkeras.trainer.compiling.plan import Kind, Plan
from jkeras.trainer.state.model_state import ModelState, ValuesMaker


class TrainSteps(ValuesMaker, Protocol):
    """The steps of a model: made from a loss and an optimizer, from the user's functions, or from
    methods in Keras's way. Chosen once, when the model is made.

    Attributes:
      compilation: the arguments of `compile`, resolved; None before.
    """

    compilation: Compilation | None

    def check_compilation(self, state: ModelState, compilation: Compilation) -> None:
        """Raises where an argument of `compile` does not fit the steps.

        Raises:
          ValueError: the steps themselves stand for an argument; the message names the argument.
        """

    def metrics(self, state: ModelState) -> list[Metric]:
        """The metrics behind the logs, in Keras's order."""

    def metrics_names(self, state: ModelState) -> list[str]:
        """The names of the values that `evaluate` returns, in its order."""

    def check_predicts(self, who: str, state: ModelState) -> None:
        """Raises where no function returns outputs.

        Raises:
          ValueError: there is none; the message names the missing function.
        """

    def plan_key(self, state: ModelState, kind: Kind) -> Hashable:
        """What a plan depends on that may change without `compile`, for one and the same structure
        of batches: the frozen weights, which are not penalised.

        Args:
          state: the model's, built.
          kind: what the batches are for.

        Raises:
          ValueError: the steps cannot run with the weights that are frozen now.
        """

    def may_pad(self, state: ModelState) -> bool:
        """Whether the layers leave filler rows of a batch alone; a plan knows about the losses."""

    def plan(self, who: str, state: ModelState, kind: Kind, batch: Batch, rows: int) -> Plan:
        """The plan for batches like this one.

        Args:
          who: the method that was called, for messages.
          state: the model's, built.
          kind: what the batches are for.
          batch: arrays, of any number of rows.
          rows: examples in a batch.

        Raises:
          TypeError, ValueError: the batch does not fit the model or the losses.
        """
