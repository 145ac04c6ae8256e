"""A plan: what is known about batches of one structure, found out once.

Checks of shapes, the structure of the outputs, the losses and metrics that go with it, and the
compiled programs depend on the description, the compilation, what the steps depend on (the set of
frozen weights), and the structure and dtypes of a batch; not on its values. So they are kept: a
call with data of a structure that was there before traces and compiles nothing.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, Literal

import jax
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.trainer.compiling.call_program import call_program, is_compilable
from jkeras.trainer.compiling.programs import Programs
from jkeras.trainer.compiling.target_checks import TargetChecks
from jkeras.trainer.state.model_state import ModelState
from jkeras.training.objective import Objective

if TYPE_CHECKING:
    from jax.typing import DTypeLike

Kind = Literal["train", "evaluate", "predict"]
CallFn = Callable[..., tuple[Any, Any, Any]]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is known about batches of one structure.

    Attributes:
      kind: what the batches are for.
      programs: the compiled functions.
      objective: the model with its losses and metrics, for the structure of the outputs; None where
        there are none to look at.
      checks: the losses' checks of the targets; None where there are none.
      log_names: the names of the logs, in the order in which `evaluate` returns them.
      traces_inputs: whether the description is traced for batches of other shapes that come later:
        not where the steps are the user's, who looks at them there.
      check_inputs: the first layer's check of the values of inputs; None for none.
    """

    kind: Kind
    programs: Programs
    objective: Objective | None = None
    checks: TargetChecks | None = None
    log_names: tuple[str, ...] = ()
    traces_inputs: bool = False
    check_inputs: Callable[[Any], None] | None = None

    def in_order(self, logs: dict[str, Any], return_dict: bool) -> Any:
        """The logs as `evaluate` returns them: a dict sorted by name, or a list that begins with
        the loss; the loss alone where there is nothing else.
        """
        if return_dict:
            return dict(sorted(logs.items()))
        first = [name for name in self.log_names if name in logs] or ["loss"]
        names = dict.fromkeys([*first, *sorted(logs)])
        values = [logs[name] for name in names if name in logs]
        return values if len(values) > 1 else values[0]


class Plans:
    """The plans made so far for a model with its current compilation."""

    def __init__(self) -> None:
        self._plans: dict[Hashable, Plan] = {}
        self._version = 0
        self._call: tuple[int, CallFn | None] = (-1, None)

    def __reduce__(self) -> Any:
        """A copy of a model makes its own plans: compiled programs belong to a process."""
        return Plans, ()

    def clear(self) -> None:
        """Forgets all plans: the compilation has changed."""
        self._plans.clear()

    def all(self) -> list[Plan]:
        """The plans, in the order in which they were made."""
        return list(self._plans.values())

    def call_fn(self, state: ModelState) -> CallFn | None:
        """The compiled program of `model(x)`; None where the call is not compiled."""
        if self._call[0] != state.version:
            net = state.net
            self._call = state.version, call_program(net) if is_compilable(net) else None
        return self._call[1]

    def of(
        self,
        state: ModelState,
        kind: Kind,
        steps_key: Hashable,
        batch: Batch,
        rows: int,
        make_fn: Callable[[], Plan],
    ) -> tuple[Plan, bool]:
        """The plan for batches like this one, and whether it was made now.

        Args:
          state: the model's, built; for training with the optimizer's state in step with what is
            frozen.
          kind: what the batches are for.
          steps_key: what the steps depend on besides (`TrainSteps.plan_key`).
          batch: arrays, of any number of rows.
          rows: examples in a batch.
          make_fn: makes the plan.
        """
        key = (kind, rows, steps_key, *structure_of(batch))
        if self._version != state.version:
            self.clear()
            self._version = state.version
        plan = self._plans.get(key)
        if plan is not None:
            return plan, False
        with state.lock:
            if key in self._plans:  # another thread made it
                return self._plans[key], False
            plan = self._plans[key] = make_fn()
            return plan, True


def structure_of(batch: Batch) -> tuple[Hashable, ...]:
    """The structure of a batch, and the shape of an example and the dtype of each array in it."""
    leaves, tree = jax.tree.flatten(batch)
    return tree, *((leaf.shape[1:], _dtype_on_device(leaf.dtype)) for leaf in leaves)


@functools.lru_cache(maxsize=64)
def _dtype_on_device(dtype: DTypeLike) -> np.dtype:
    return trees.dtype_of(dtype)
