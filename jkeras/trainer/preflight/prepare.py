"""Data made ready for a model, a model built for its data, and the plan for both.

All errors come here, before any work is done. What depends on the structure of the data alone is
looked at once (`compiling.plan`); values are looked at in every call.
"""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable
from typing import NamedTuple

import jax

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.errors import value_error
from jkeras.core.freezing import layer_paths
from jkeras.core.global_arrays import local
from jkeras.data.arrays import bucket
from jkeras.data.streams import Stream
from jkeras.distribution import Distribution, laid_out
from jkeras.trainer.compiling.plan import Kind, Plan, Plans
from jkeras.trainer.compiling.train_steps import TrainSteps
from jkeras.trainer.preflight import data_arguments, likely_mistakes
from jkeras.trainer.preflight.agreement import check_agreement
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.preflight.late_batches import LateBatches
from jkeras.trainer.state import inference_rng, sharing
from jkeras.trainer.state.model_state import ModelState


class Prepared(NamedTuple):
    """Data that a model can take, and the plan for them.

    Attributes:
      data: the data set.
      plan: what is known about its batches.
      plan_fn: returns the plan as it is now: another one when other weights are frozen.
      size: examples in a batch, with filler rows; 0 for a stream, whose batches have their own.
    """

    data: Data
    plan: Plan
    plan_fn: Callable[[], Plan]
    size: int


def prepare(
    who: str,
    state: ModelState,
    steps: TrainSteps,
    plans: Plans,
    data: Data,
    batch_size: int | None = None,
    distribution: Distribution | None = None,
    *,
    kind: Kind,
    is_batch: bool = False,
) -> Prepared:
    """The data as the model takes them, after building the model for them and checking that they go
    together, and the plan.

    Args:
      who: the method that was called, for messages.
      state, steps, plans: of the trainer.
      data: as they were loaded.
      batch_size: examples in a batch; None for 32 at most.
      distribution: the devices that the model runs on; None for one.
      kind: what the data are for.
      is_batch: whether the data are one batch, of which each process may give a part.

    Raises:
      TypeError, ValueError: the data do not go with the model or the losses.
    """
    state.build_if_known()
    shapes = None
    if state.specs:
        shapes = tuple(tuple(s.shape[1:]) if hasattr(s, "shape") else s for s in state.specs)
    data = data_arguments.adjusted(data, who, state.net, shapes)
    batch = data_arguments.first_batch(who, data)
    data_arguments.check_is_no_dict(who, batch, shapes)
    rows = data_arguments.rows_of(data, batch, batch_size)
    state.build(*batch.inputs, rows=rows)
    likely_mistakes.warn_of_batch(state, batch)
    used = Batch(batch.x) if kind == "predict" else batch

    def make(rows: int) -> Plan:
        check = data_arguments.input_check(state.net)
        data_arguments.check_inputs(who, check, batch)
        state.check_ready(who)
        plan = steps.plan(who, state, kind, batch, rows)
        if distribution is not None:
            check_layouts(distribution, state)
            plan = dataclasses.replace(plan, programs=plan.programs.over(distribution))
        if kind == "train":
            likely_mistakes.warn_of_plan(state, plan, batch)
        return dataclasses.replace(plan, check_inputs=check)

    def find(rows: int) -> tuple[Plan, bool]:
        state.need_values()
        if kind == "train":
            state.sync_frozen()
        key = distribution, steps.plan_key(state, kind)
        return plans.of(state, kind, key, used, rows, functools.partial(make, rows))

    if distribution is not None:
        gives_part = isinstance(data, Stream) or is_batch
        check_agreement(who, distribution, state, data, batch, batch_size, gives_part=gives_part)
        is_one = not isinstance(data, Stream) and batch_size == data.length
        check_distribution(who, distribution, None if is_one else batch_size, gives_part=gives_part)
    size = _with_filler(state, data, rows, batch_size) if steps.may_pad(state) else rows
    if distribution is not None and steps.may_pad(state) and not isinstance(data, Stream):
        size += -size % distribution.num_model_replicas
    plan, is_new = find(size)
    if size != rows and not plan.programs.pads:
        size = rows
        plan, is_new = find(size)
    if distribution is not None:
        lay_out(state, distribution)
    elif state.is_laid_out:
        bring_back(state)
    if not is_new:
        data_arguments.check_inputs(who, plan.check_inputs, batch)
        if plan.checks is not None:
            plan.checks.check_values(batch, who)
    if isinstance(data, Stream):
        data.pads = plan.programs.pads
        data.multiple = plan.programs.multiple
        infer_fn = functools.partial(inference_rng.output_specs, state)
        outputs_fn = infer_fn if plan.traces_inputs else None
        whole = not data.pads
        data.check_fn = LateBatches(who, batch, plan.objective, outputs_fn, whole=whole)
    return Prepared(data, plan, lambda: find(size)[0], 0 if isinstance(data, Stream) else size)


def check_distribution(
    who: str, distribution: Distribution, batch_size: int | None, *, gives_part: bool
) -> None:
    """Raises ValueError where a batch cannot be cut into a part for each device, or the data into a
    part for each process.
    """
    if distribution.team.several and not (distribution.auto_shard_dataset or gives_part):
        raise value_error(
            who=who,
            argument="x",
            expected="an iterable of batches, because with auto_shard_dataset=False each process "
            "gives its own part of a batch",
            got="arrays",
            fix="Leave auto_shard_dataset out: each process takes its part of the arrays.",
        )
    parts = distribution.num_model_replicas
    if batch_size is not None and batch_size % parts:
        below, above = batch_size // parts * parts, -(-batch_size // parts) * parts
        fix = f"{below} or {above}" if below else str(above)
        raise value_error(
            who=who,
            argument="batch_size",
            expected=f"a multiple of the {parts} devices along {distribution.batch_dim_name!r}",
            got=batch_size,
            fix=f"Write batch_size={fix}.",
        )


def check_layouts(distribution: Distribution, state: ModelState) -> None:
    """Raises ValueError where the layouts of a distribution do not fit the model."""
    outputs = [f"{path}/output" for path, _ in layer_paths(state.net)]
    distribution.check_weights(state.who, weight_shapes(state), outputs)


def weight_shapes(state: ModelState) -> dict[str, tuple[int, ...]]:
    """The shapes of a model's weights, by their paths."""
    values = state.need_values()
    named = trees.named_leaves((values.params, values.state))
    return {name.partition("/")[2]: leaf.shape for name, leaf in named.items()}


def lay_out(state: ModelState, distribution: Distribution) -> None:
    """Puts the values of a model where the distribution wants them, which its plan has checked."""
    values = state.need_values()
    placed = laid_out(values, distribution)
    state.is_laid_out = True
    if placed is not values:
        state.values = placed


def bring_back(state: ModelState) -> None:
    """Puts the values of a model that ran over several devices on the default one."""
    default = jax.config.jax_default_device  # type: ignore[attr-defined]
    device = default if isinstance(default, jax.Device) else jax.local_devices(backend=default)[0]
    state.values = jax.device_put(jax.tree.map(local, state.need_values()), device)
    state.is_laid_out = False


def _with_filler(state: ModelState, data: Data, rows: int, batch_size: int | None) -> int:
    """The rows of a batch of all examples, where a batch has room for more: filler rows let data of
    many lengths share programs. A declared batch size stays.
    """
    specs = jax.tree.leaves(state.specs)
    if isinstance(data, Stream) or any(s.shape[0] is not None for s in specs):
        return rows
    return min(bucket(rows), batch_size or 32)


def warn_of_random_weights(state: ModelState) -> None:
    """Warns before a prediction with weights that were neither trained nor loaded."""
    state.build_if_known()
    if getattr(state.net, "brings_values", False):
        return
    if state.values is None and not sharing.is_known(state):
        warnings.warn(
            f"{state.who}: `predict` before the model was built or trained: it is built now, "
            "and its weights are random. Call fit or load_weights first.",
            stacklevel=4,
        )
