"""The loss and the logs of a model, as pure functions of (params, state, batch, key).

The one place where a model's outputs meet the targets: the losses with their weights, the penalties
of weights and activities, and the sums from which the logs are computed. Nothing here knows a
layer, only the contract: `init`, `apply` and, where a model has them, `penalty`, `constrain`,
`padded_rows`, `output_names`, `makes_masks` and `apply_with_mask`.

Which loss and metrics belong to which output is known once the structure of the outputs is.
`Objective.resolved_for` gives an objective that structure; the functions of an objective without it
read the structure from the outputs while they are traced.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.freezing import frozen, trained
from jkeras.core.keys import Key
from jkeras.core.layer import activity_losses
from jkeras.core.layer_places import placed_weights
from jkeras.core.logits import carried
from jkeras.core.trees import Tree, widest_float
from jkeras.losses.together import gives_one_number_together, loss_together
from jkeras.metrics import MeanMetric, Metric
from jkeras.metrics.subclassed_metric import PendingBatch
from jkeras.training.loss_specs import (
    EMPTY_COMPILE_SPEC,
    CompileSpec,
    LossSpec,
    resolve_loss_specs,
    sample_weights,
    targets,
)
from jkeras.training.loss_terms import LossTerm, resolve_loss_terms
from jkeras.training.net import Net
from jkeras.training.outline import Outline, outline

Sums = dict[str, Tree]
Logs = dict[str, jax.Array]
ONE_OUTPUT = outline(0)
Weight = jax.Array | np.ndarray
"""Sample weights of one output."""


class StepOutputs(NamedTuple):
    """What a step computes beside the loss.

    Attributes:
      outputs: the model's outputs.
      state: the model's new state.
      losses: the losses of the outputs by log name, where there are several, not weighted.
      mask: the masks of the outputs, bool; None for all of them where the model makes none.
    """

    outputs: Any
    state: Tree
    losses: Logs
    mask: Any = None


class Part(NamedTuple):
    """One output of a batch with its losses and metrics, targets, sample weights and mask."""

    spec: LossSpec
    y: Any
    outputs: Any
    weight: Any
    mask: Any


@dataclasses.dataclass(frozen=True)
class Objective:
    """A model with its losses and metrics.

    Attributes:
      net: anything with the layer contract.
      compile_spec: the losses and metrics as given to `compile`.
      output_structure: the structure of the outputs; None while it is unknown, when one output is
        assumed.
      held: paths of weights that are frozen beside those of frozen layers, `*` for anything.
    """

    net: Any
    compile_spec: CompileSpec = EMPTY_COMPILE_SPEC
    output_structure: Outline | None = None
    held: tuple[str, ...] = ()

    def frozen(self, params: Tree) -> Tree:
        """The tree of `params` with True for each weight that training leaves alone."""
        return frozen(self.net, params, self.held)

    def trained(self, params: Tree) -> Tree:
        """`params` with None in the place of each weight that training leaves alone."""
        return trained(params, self.frozen(params))

    @functools.cached_property
    def loss_specs(self) -> tuple[LossSpec, ...]:
        """The loss and metrics of each output.

        Raises:
          ValueError: the arguments of `compile` do not fit the outputs.
        """
        return resolve_loss_specs(self.compile_spec, self.output_structure or ONE_OUTPUT)

    def resolved_for(self, outputs: Tree) -> Objective:
        """The objective with the structure of the outputs known; `outputs` are arrays or specs."""
        if self.output_structure is not None:
            return self
        return dataclasses.replace(self, output_structure=outline_of(self.net, outputs))

    @functools.cached_property
    def loss_terms(self) -> tuple[LossTerm, ...]:
        """The losses of the total, each with its place.

        Raises:
          ValueError: the arguments of `compile` do not fit the outputs.
        """
        spec = self.compile_spec
        return resolve_loss_terms(spec.loss, spec.loss_weights, self.output_structure or ONE_OUTPUT)

    @property
    def names(self) -> list[str]:
        """The names of the logs in the order in which `evaluate` returns them.

        The loss first. With one output, then the metrics in the order they were given. With
        several, as in Keras: metrics without a prefix, the outputs' losses, the rest by name.
        """
        pairs = self._metrics()
        if len(self.loss_specs) == 1:
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
        kwargs: dict[str, Any] = {"key": key, "training": training}
        if padded_rows(self.net) == "masked":
            kwargs["rows"] = batch.rows
        params = placed_weights(params)
        if getattr(self.net, "makes_masks", False):
            outputs, state, mask = self.net.apply_with_mask(params, state, *batch.inputs, **kwargs)
            return jax.tree.map(_widened, outputs), state, mask
        outputs, state = self.net.apply(params, state, *batch.inputs, **kwargs)
        return jax.tree.map(_widened, outputs), state, None

    def value(
        self, params: Tree, state: Tree, batch: Batch, key: Key | None, training: bool
    ) -> tuple[jax.Array, StepOutputs]:
        """The scalar loss, and the other outputs of a step: the function that is differentiated."""
        outputs, new_state, mask = self.outputs(params, state, batch, key, training)
        terms: list[jax.Array] = []
        losses: Logs = {}
        for term, value in self.loss_values(batch, outputs, mask):
            if term.log_name is not None:
                losses[term.log_name] = losses.get(term.log_name, 0.0) + value
            terms.append(value if term.weight is None else term.weight * value)
        penalty = self.penalty(params)
        # Without rules it is the number 0.0, which a trace need not add.
        terms += (
            []
            if isinstance(penalty, float) and penalty == 0
            else [jnp.asarray(penalty, widest_float())]
        )
        terms += activity_losses(new_state)
        total = sum(terms[1:], start=terms[0]) if terms else jnp.zeros((), widest_float())
        return total, StepOutputs(outputs, new_state, losses, mask)

    def loss_values(
        self, batch: Batch, outputs: Tree, mask: Tree = None
    ) -> Iterator[tuple[LossTerm, jax.Array]]:
        """Each loss of the total and its value, without its factor."""
        resolved = self.resolved_for(outputs)
        parts = resolved.parts(batch, outputs, mask)
        for term in resolved.loss_terms:
            if term.number is None:
                value = loss_together(term.loss, *_joined(term, parts), valid=batch.rows)
            else:
                part = parts[term.number]
                # What a mask leaves out counts as little as filler rows.
                kwargs = {} if part.mask is None else {"mask": part.mask}
                value = term.loss(part.y, part.outputs, part.weight, valid=batch.rows, **kwargs)
            yield term, _scalar(value, batch.rows).astype(widest_float())

    def loss_parts(self, batch: Batch, outputs: Tree) -> tuple[jax.Array, jax.Array | None]:
        """The loss of a model with one output before the division, as `Loss.parts` has it."""
        (part,), (term,) = self.parts(batch, outputs), self.resolved_for(outputs).loss_terms
        value, divisor = term.loss.parts(part.y, part.outputs, part.weight, valid=batch.rows)
        return value if term.weight is None else term.weight * value, divisor

    def parts(self, batch: Batch, outputs: Tree, mask: Tree = None) -> list[Part]:
        """Each output of a batch with its targets, weights and mask; arrays or specs.

        Raises:
          ValueError: targets or weights do not fit the outputs; the message names the argument.
        """
        resolved = self.resolved_for(outputs)
        structure, specs = resolved.output_structure or ONE_OUTPUT, resolved.loss_specs
        treedef: Any = jax.tree.structure(outputs)
        masks = [None] * structure.count if mask is None else treedef.flatten_up_to(mask)
        leaves = (jax.tree.leaves(outputs), sample_weights(batch.weight, structure), masks)
        parts = zip(specs, targets(batch.y, specs, structure), *leaves, strict=True)
        return [Part(*part) for part in parts]

    def looks_across(self, batch: Batch, outputs: Tree) -> bool:
        """Whether a loss or metric of the user's gives one number for a whole batch, so that no
        filler rows may be in it; of specs.
        """
        parts = self.parts(batch, outputs)
        for term in self.resolved_for(outputs).loss_terms:
            if term.number is None:
                if gives_one_number_together(term.loss, *_joined(term, parts)[:2]):
                    return True
            elif (part := parts[term.number]).y is not None:
                if term.loss.looks_across(part.y, part.outputs):
                    return True
        return any(
            metric.looks_across(part.y, part.outputs)
            for part in parts
            if part.y is not None
            for _, metric in part.spec.metrics + part.spec.weighted_metrics
        )

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
        resolved = self if outputs is None else self.resolved_for(outputs)
        if resolved.output_structure is None and self.compile_spec.is_for_several:
            return {"loss": _no_loss()}
        zeros: Sums = {name: _no_loss() for name in ("loss", *resolved.loss_names)}
        zeros |= {name: metric.init() for name, metric in resolved._metrics().items()}
        if batch is not None and outputs is not None:
            for part in (part for part in resolved.parts(batch, outputs) if part.y is not None):
                for name, metric in part.spec.metrics + part.spec.weighted_metrics:
                    zeros[name] = metric.init_for(part.y, part.outputs)
        return {name: trees.copy(sums) for name, sums in zeros.items()}

    def sums(self, loss: jax.Array, step_outputs: StepOutputs, batch: Batch) -> Sums:
        """The sums of one batch."""
        rows = None if batch.rows is None else batch.rows.astype(widest_float())
        size = (
            jnp.asarray(len(jax.tree.leaves(batch.x)[0]), widest_float())
            if rows is None
            else rows.sum()
        )
        losses = {"loss": loss, **step_outputs.losses}
        new: Sums = {name: {"total": v * size, "count": size} for name, v in losses.items()}
        for part in self.parts(batch, step_outputs.outputs, step_outputs.mask):
            for name, metric in part.spec.metrics:
                new[name] = _updated(metric, part, rows, None)
            for name, metric in part.spec.weighted_metrics:
                new[name] = _updated(metric, part, rows, part.weight)
        return new

    def merge(self, a: Sums, b: Sums) -> Sums:
        """The sums of two stretches of batches together."""
        losses = ("loss", *self.loss_names)
        merged = {name: jax.tree.map(jnp.add, a[name], b[name]) for name in losses}
        return merged | {name: m.merge(a[name], b[name]) for name, m in self._metrics().items()}

    def logs(self, sums: Sums) -> Logs:
        """The values to report: losses first, then the metrics in the order they were given."""
        losses = {name: sums[name] for name in ("loss", *self.loss_names)}
        values = {name: s["total"] / jnp.maximum(s["count"], 1) for name, s in losses.items()}
        return values | {name: m.compute(sums[name]) for name, m in self._metrics().items()}

    def _metrics(self) -> dict[str, Metric]:
        """Every metric under its log name: those that ignore sample weights first."""
        plain = [pair for spec in self.loss_specs for pair in spec.metrics]
        return dict(plain + [pair for spec in self.loss_specs for pair in spec.weighted_metrics])

    @functools.cached_property
    def loss_names(self) -> list[str]:
        """The log names of the losses, in Keras's order, where there are several."""
        names = (term.log_name for term in self.loss_terms)
        return list(dict.fromkeys(name for name in names if name is not None))


def _joined(term: LossTerm, parts: list[Part]) -> tuple[Any, Any, Any]:
    """Targets, outputs and weights for a loss of several outputs."""
    y, outputs = (
        jax.tree.map(lambda i, name=name: getattr(parts[i], name), term.place)
        for name in ("y", "outputs")
    )
    first, *others = (parts[i].weight for i in jax.tree.leaves(term.place))
    if any(weight is not first for weight in others):
        raise ValueError(
            f"`sample_weight`: expected one array for the outputs that the loss "
            f"{term.loss.log_name!r} takes together, got one for each."
        )
    return y, outputs, first


def objective_of(net: Net, compile_spec: CompileSpec, held: tuple[str, ...] = ()) -> Objective:
    """The objective of a model, with the structure of the outputs where the model has `outputs` and
    `output_names`; `held` is as for `Objective`.

    Raises:
      ValueError: the arguments of `compile` do not fit the outputs.
    """
    objective = Objective(net, compile_spec, held=held)
    if not (hasattr(net, "outputs") and hasattr(net, "output_names")):
        return objective
    resolved = objective.resolved_for(net.outputs)
    assert resolved.loss_specs is not None, "resolved here, so that errors come early"
    return resolved


def outline_of(net: Net, outputs: Tree) -> Outline:
    """The structure of a model's outputs, under the names that the model has for them."""
    return outline(outputs, getattr(net, "output_names", ()))


def padded_rows(net: Net) -> str:
    """What filler rows do to a model: its `padded_rows`, or "seen" for a model without."""
    return getattr(net, "padded_rows", "seen")


def _widened(x: jax.Array) -> Any:
    """Outputs of mixed precision as losses and metrics take them."""
    narrow = hasattr(x, "dtype") and x.dtype in (jnp.bfloat16, jnp.float16)
    return carried(lambda y: y.astype(jnp.float32), x) if narrow else x


def _scalar(value: jax.Array, rows: jax.Array | None) -> jax.Array:
    """The mean of what a loss without reduction returns, which is 0 in filler rows."""
    if value.ndim == 0:
        return value
    return (
        jnp.mean(value)
        if rows is None
        else jnp.sum(value) / (value[0].size * jnp.sum(rows, dtype=value.dtype))
    )


def _no_loss() -> dict[str, jax.Array]:
    return {"total": jnp.zeros((), widest_float()), "count": jnp.zeros((), widest_float())}


def _updated(metric: Metric, part: Part, rows: jax.Array | None, weight: Weight | None) -> Tree:
    """The sums of one metric over one batch. As in Keras, means alone know masks.

    In Keras on JAX they know them in evaluations only, since a mask does not pass through
    `value_and_grad`; here also in training.
    """
    mask = part.mask if isinstance(metric, MeanMetric) else None
    for factor in (rows, None if mask is None else mask.astype(widest_float())):
        if factor is not None and weight is not None:  # with the first axes beside each other
            rank = max(weight.ndim, factor.ndim)
            a, b = (x.reshape(x.shape + (1,) * (rank - x.ndim)) for x in (weight, factor))
            weight = a * b
        elif factor is not None:
            weight = factor
    if metric.in_order:  # its sums cannot be merged: the batch stands for them until then
        return PendingBatch(
            (part.y, part.outputs) if weight is None else (part.y, part.outputs, weight)
        )
    return metric.update(metric.init(), part.y, part.outputs, weight)
