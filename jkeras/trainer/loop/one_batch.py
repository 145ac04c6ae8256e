"""One batch, without epochs, callbacks and a bar: an update, an evaluation, outputs."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.global_arrays import on_host
from jkeras.trainer.compiling.plan import Plan, Plans
from jkeras.trainer.loop import nan_watch
from jkeras.trainer.loop.dispatch import LogValues, floats
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.inference_rng import with_inference_rng
from jkeras.trainer.state.model_state import ModelState
from jkeras.training.state import TrainState


def train_on_batch(parts: TrainerParts, plan: Plan, batch: Batch) -> LogValues:
    """One update; the logs of the batch.

    Raises:
      FloatingPointError: with `check_nans="stop"`, the step made something else than numbers; the
        model is as it was before.
    """
    who, state, programs = "train_on_batch", parts.state, plan.programs
    match_sums(state, plan)
    checks = parts.need_compilation(who).check_nans
    step_fn = nan_watch.quietly(programs.train_batch) if checks else programs.train_batch

    def step(carry: TrainState) -> tuple[TrainState, Any]:
        before = trees.copy(carry) if checks else None
        earlier = nan_watch.count_skipped(carry)
        after, _, logs = step_fn(carry, batch)
        objective, error = programs.functions.objective, None
        if before is not None:
            error = nan_watch.checked(who, objective, before, after, logs, lambda: batch)
        skipped = nan_watch.count_skipped(after) > earlier
        return (after if before is None or error is None else before), (logs, skipped, error)

    logs, skipped, error = state.advance(step)
    if error is not None:
        raise error
    nan_watch.warn_of_skipped_batch(who, skipped)
    return floats(logs)


def test_on_batch(state: ModelState, plan: Plan, batch: Batch) -> LogValues:
    """The logs of one batch, without training."""
    values, programs = state.need_values(), plan.programs
    carried = with_inference_rng(state, values)
    _, logs = programs.eval_batch(values.params, carried, programs.eval_zeros(), batch)
    return floats(logs)


def predict_on_batch(state: ModelState, plan: Plan, batch: Batch) -> Any:
    """The outputs of one batch, as NumPy arrays."""
    values = state.need_values()
    carried = with_inference_rng(state, values)
    outputs = plan.programs.predict_batch(values.params, carried, batch)
    if isinstance(outputs, jax.Array):
        return np.array(on_host(outputs))
    return jax.tree.map(lambda leaf: np.array(on_host(leaf)), outputs)


def reset_sums(state: ModelState, plans: Plans) -> None:
    """Sets the sums that the model carries to those before the first batch."""
    values = state.need_values()
    for plan in plans.all():
        if plan.kind == "train" and plan.programs.sums_specs == trees.specs(values.sums):
            state.values = values.replace(sums=plan.programs.placed(plan.programs.zeros()))
            return


def match_sums(state: ModelState, plan: Plan) -> None:
    """Gives the model sums as the plan wants them, where it carries others."""
    values, wanted = state.need_values(), plan.programs.sums_specs
    if trees.specs(values.sums) != wanted:
        state.values = values.replace(sums=plan.programs.placed(plan.programs.zeros()))
