"""What is minimised and what is reported, as pure functions of (params, state, batch, key).

The one place where a model's outputs meet the targets: the losses with their weights, the penalties
of weights and activities, and the sums from which the logs are computed. Nothing here knows a
layer, only the contract: `init`, `apply` and, where a model has them, `penalty`, `constrain`,
`padded_rows`, `output_names`, `makes_masks` and `apply_with_mask`.

What belongs to which output is known once the outputs are. `Objective.met` finds it out; every
function here does so for itself where nobody did, while it is traced.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.freezing import frozen, trained
from jkeras.core.keys import Key
from jkeras.core.layer import activity_losses
from jkeras.core.trees import Tree
from jkeras.losses import Loss
from jkeras.metrics import MeanMetric, Metric
from jkeras.metrics.written import Waiting
from jkeras.training.goals import (
    NOTHING,
    Goal,
    Wanted,
    loss_names,
    resolved,
    sample_weights,
    targets,
)
from jkeras.training.net import Net
from jkeras.training.outline import Outline, outline

Sums = dict[str, Tree]
Logs = dict[str, jax.Array]
ONE_OUTPUT = outline(0)
Weight = jax.Array | np.ndarray
"""Sample weights of one output."""


class Found(NamedTuple):
    """What a batch gave beside the loss.

    Attributes:
      outputs: the model's outputs.
      state: its new state.
      losses: the losses of the outputs by log name, where there are several, not weighted.
      mask: the masks of the outputs, bool; None for all of them where the model makes none.
    """

    outputs: Any
    state: Tree
    losses: Logs
    mask: Any = None


class Part(NamedTuple):
    """One output of a batch beside all that goes with it."""

    goal: Goal
    y: Any
    outputs: Any
    weight: Any
    mask: Any


@dataclasses.dataclass(frozen=True)
class Objective:
    """A model with its losses and metrics.

    Attributes:
      net: anything with the layer contract.
      wanted: the losses and metrics as they were given.
      found: the outline of the outputs; None before they were met, when there is taken to be one.
      held: paths of weights that are frozen beside those of frozen layers, `*` for anything.
    """

    net: Any
    wanted: Wanted = NOTHING
    found: Outline | None = None
    held: tuple[str, ...] = ()

    def frozen(self, params: Tree) -> Tree:
        """The tree of `params` with True for each weight that training leaves alone."""
        return frozen(self.net, params, self.held)

    def trained(self, params: Tree) -> Tree:
        """`params` with None in the place of each weight that training leaves alone."""
        return trained(params, self.frozen(params))

    @functools.cached_property
    def goals(self) -> tuple[Goal, ...]:
        """What is asked of each output.

        Raises:
          ValueError: what was given does not go with the outputs.
        """
        return resolved(self.wanted, self.found or ONE_OUTPUT)

    def met(self, outputs: Tree) -> Objective:
        """The same with the structure of the outputs known; `outputs` are arrays or specs."""
        if self.found is not None:
            return self
        return dataclasses.replace(self, found=outline_of(self.net, outputs))

    @property
    def names(self) -> list[str]:
        """The names of the logs in the order in which `evaluate` returns them.

        The loss first. With one output, then the metrics in the order they were given. With
        several, as in Keras: metrics without a prefix, the outputs' losses, the rest by name.
        """
        pairs = self._metrics()
        if len(self.goals) == 1:
            return ["loss", *pairs]
        bare = [name for name, metric in pairs.items() if name == metric.log_name]
        first = ["loss", *bare, *self.loss_names]
        return first + sorted(set(pairs) - set(first))

    def outputs(
        self, params: Tree, state: Tree, batch: Batch, key: Key | None, training: bool
    ) -> tuple[Any, Tree, Any]:
        """The model's outputs for a batch, narrow ones in float32, its new state, and the masks of
        the outputs.
        """
        told = {"rows": batch.rows} if padded_rows(self.net) == "masked" else {}
        given = {"key": key, "training": training, **told}
        if getattr(self.net, "makes_masks", False):
            outputs, state, mask = self.net.apply_with_mask(params, state, *batch.inputs, **given)
            return jax.tree.map(_widened, outputs), state, mask
        outputs, state = self.net.apply(params, state, *batch.inputs, **given)
        return jax.tree.map(_widened, outputs), state, None

    def value(
        self, params: Tree, state: Tree, batch: Batch, key: Key | None, training: bool
    ) -> tuple[jax.Array, Found]:
        """The scalar loss, and what else a batch gave: the function that is differentiated."""
        outputs, new_state, mask = self.outputs(params, state, batch, key, training)
        terms: list[jax.Array] = []
        losses: Logs = {}
        for part in self.parts(batch, outputs, mask):
            loss = part.goal.loss
            if loss is None:
                continue
            value = _loss_of(loss, part, batch.rows).astype(jnp.float32)
            if part.goal.loss_name is not None:
                losses[part.goal.loss_name] = value
            terms.append(value if part.goal.weight is None else part.goal.weight * value)
        penalty = self.penalty(params)
        # Without rules it is the number 0.0, which a trace need not add.
        terms += [] if isinstance(penalty, float) and penalty == 0 else [jnp.float32(penalty)]
        terms += activity_losses(new_state)
        total = sum(terms[1:], start=terms[0]) if terms else jnp.zeros((), jnp.float32)
        return total, Found(outputs, new_state, losses, mask)

    def loss_parts(self, batch: Batch, outputs: Tree) -> tuple[jax.Array, jax.Array | None]:
        """The loss of a model with one output before the division, as `Loss.parts` has it."""
        (part,) = self.parts(batch, outputs)
        assert part.goal.loss is not None, "asked for only where there is a loss"
        value, divisor = part.goal.loss.parts(part.y, part.outputs, part.weight, valid=batch.rows)
        return value if part.goal.weight is None else part.goal.weight * value, divisor

    def parts(self, batch: Batch, outputs: Tree, mask: Tree = None) -> list[Part]:
        """Each output of a batch with its targets, weights and mask; arrays or specs.

        Raises:
          ValueError: something does not go with the outputs; the message names the argument.
        """
        met = self.met(outputs)
        found, goals = met.found or ONE_OUTPUT, met.goals
        structure: Any = jax.tree.structure(outputs)
        masks = [None] * found.count if mask is None else structure.flatten_up_to(mask)
        leaves = (jax.tree.leaves(outputs), sample_weights(batch.weight, found), masks)
        parts = zip(goals, targets(batch.y, goals, found), *leaves, strict=True)
        return [Part(*part) for part in parts]

    def looks_across(self, batch: Batch, outputs: Tree) -> bool:
        """Whether a loss or metric of the user's gives one number for a whole batch, so that no
        filler rows may be in it; of specs.
        """
        for part in (part for part in self.parts(batch, outputs) if part.y is not None):
            pairs = part.goal.metrics + part.goal.weighted_metrics
            asked: list[Any] = [metric for _, metric in pairs]
            asked += [] if part.goal.loss is None else [part.goal.loss]
            if any(one.looks_across(part.y, part.outputs) for one in asked):
                return True
        return False

    def penalty(self, params: Tree) -> jax.Array | float:
        """The regularization losses of the weights."""
        return self.net.penalty(params) if hasattr(self.net, "penalty") else 0.0

    def zeros(self, batch: Batch | None = None, outputs: Tree = None) -> Sums:
        """The sums before the first batch; no two share a buffer, so that they can be donated.

        Args:
          batch, outputs: a batch and the model's outputs for it, or their specs. A loop needs them
            where there are several outputs, and where a metric keeps sums for each class, since
            what it carries may not change its shape.
        """
        met = self if outputs is None else self.met(outputs)
        if met.found is None and self.wanted.is_for_several:
            return {"loss": _no_loss()}
        zeros: Sums = {name: _no_loss() for name in ("loss", *met.loss_names)}
        zeros |= {name: metric.init() for name, metric in met._metrics().items()}
        if batch is not None and outputs is not None:
            for part in (part for part in met.parts(batch, outputs) if part.y is not None):
                for name, metric in part.goal.metrics + part.goal.weighted_metrics:
                    zeros[name] = metric.init_for(part.y, part.outputs)
        return {name: trees.copy(sums) for name, sums in zeros.items()}

    def sums(self, loss: jax.Array, found: Found, batch: Batch) -> Sums:
        """The sums of one batch."""
        rows = None if batch.rows is None else batch.rows.astype(jnp.float32)
        size = jnp.float32(len(jax.tree.leaves(batch.x)[0])) if rows is None else rows.sum()
        losses = {"loss": loss, **found.losses}
        new: Sums = {name: {"total": v * size, "count": size} for name, v in losses.items()}
        for part in self.parts(batch, found.outputs, found.mask):
            for name, metric in part.goal.metrics:
                new[name] = _updated(metric, part, rows, None)
            for name, metric in part.goal.weighted_metrics:
                new[name] = _updated(metric, part, rows, part.weight)
        return new

    def merge(self, a: Sums, b: Sums) -> Sums:
        """The sums of two stretches of batches together."""
        losses = ("loss", *self.loss_names)
        merged = {name: jax.tree.map(jnp.add, a[name], b[name]) for name in losses}
        return merged | {name: m.merge(a[name], b[name]) for name, m in self._metrics().items()}

    def logs(self, sums: Sums) -> Logs:
        """The values to report: losses first, then the metrics in the order they were given."""
        values = {name: _mean_of(sums[name]) for name in ("loss", *self.loss_names)}
        return values | {name: m.compute(sums[name]) for name, m in self._metrics().items()}

    def _metrics(self) -> dict[str, Metric]:
        """Every metric under its log name: those that ignore sample weights first."""
        plain = [pair for goal in self.goals for pair in goal.metrics]
        return dict(plain + [pair for goal in self.goals for pair in goal.weighted_metrics])

    @functools.cached_property
    def loss_names(self) -> list[str]:
        """How logs call the losses of the outputs, in Keras's order, where there are several."""
        return list(loss_names(self.wanted, self.found or ONE_OUTPUT).values())


def objective_of(net: Net, wanted: Wanted, held: tuple[str, ...] = ()) -> Objective:
    """The objective of a model, with the structure of the outputs if the model tells it by
    `outputs` and `output_names`; `held` is as for `Objective`.

    Raises:
      ValueError: what was given does not go with the outputs.
    """
    objective = Objective(net, wanted, held=held)
    if not (hasattr(net, "outputs") and hasattr(net, "output_names")):
        return objective
    met = objective.met(net.outputs)
    assert met.goals is not None, "resolved here, so that errors come early"
    return met


def outline_of(net: Net, outputs: Tree) -> Outline:
    """The outline of a model's outputs, under the names that the model has for them."""
    return outline(outputs, getattr(net, "output_names", ()))


def padded_rows(net: Net) -> str:
    """What filler rows do to a model: as it says, and "seen" for a model that does not say."""
    return getattr(net, "padded_rows", "seen")


def _widened(x: Any) -> Any:
    """Outputs of mixed precision as losses and metrics take them."""
    narrow = hasattr(x, "dtype") and x.dtype in (jnp.bfloat16, jnp.float16)
    return x.astype(jnp.float32) if narrow else x


def _no_loss() -> dict[str, jax.Array]:
    return {"total": jnp.zeros((), jnp.float32), "count": jnp.zeros((), jnp.float32)}


def _mean_of(sums: dict[str, jax.Array]) -> jax.Array:
    return sums["total"] / jnp.maximum(sums["count"], 1)


def _loss_of(loss: Loss, part: Part, rows: jax.Array | None) -> jax.Array:
    """The loss of one output; what its mask leaves out counts as little as filler rows."""
    told = {} if part.mask is None else {"mask": part.mask}
    return loss(part.y, part.outputs, part.weight, valid=rows, **told)


def _updated(metric: Metric, part: Part, rows: jax.Array | None, weight: Weight | None) -> Tree:
    """The sums of one metric over one batch. As in Keras, means alone know masks.

    In Keras on JAX they know them in evaluations only, since a mask does not pass through
    `value_and_grad`; here also in training.
    """
    mask = part.mask if isinstance(metric, MeanMetric) else None
    for factor in (rows, None if mask is None else mask.astype(jnp.float32)):
        if factor is not None:
            weight = factor if weight is None else _product(weight, factor)
    if metric.in_order:  # its sums cannot be merged: the batch stands for them until then
        return Waiting((part.y, part.outputs) if weight is None else (part.y, part.outputs, weight))
    return metric.update(metric.init(), part.y, part.outputs, weight)


def _product(a: Weight, b: Weight) -> Weight:
    """The product of two arrays, their first axes beside each other."""
    rank = max(a.ndim, b.ndim)
    a, b = (x.reshape(x.shape + (1,) * (rank - x.ndim)) for x in (a, b))
    return a * b
