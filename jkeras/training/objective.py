"""What is minimised and what is reported, as pure functions of (params, state, batch, key).

The one place where a model's outputs meet the targets: the loss with its weights, the penalties of
weights and activities, and the sums from which the logs are computed. Nothing here knows a layer,
only the contract: `init`, `apply` and, where a model has them, `penalty`, `constrain` and
`padded_rows`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.keys import Key
from jkeras.core.layer import activity_losses
from jkeras.core.trees import Tree
from jkeras.losses import Loss
from jkeras.metrics import Metric

Sums = dict[str, Tree]
Logs = dict[str, jax.Array]


@dataclasses.dataclass(frozen=True)
class Objective:
    """A model with its loss and metrics.

    Attributes:
      net: anything with the layer contract.
      loss: a `Loss`, or None for a model that is only evaluated by its penalties.
      metrics: pairs of log name and metric; these ignore sample weights.
      weighted_metrics: the same; these use them.
    """

    net: Any
    loss: Loss | None
    metrics: tuple[tuple[str, Metric], ...] = ()
    weighted_metrics: tuple[tuple[str, Metric], ...] = ()

    @property
    def names(self) -> list[str]:
        """The names of the logs: the loss first, then the metrics in the order they were given."""
        return ["loss", *(name for name, _ in self._all())]

    def outputs(
        self, params: Tree, state: Tree, batch: Batch, key: Key | None, training: bool
    ) -> tuple[Any, Tree]:
        """The model's outputs for a batch, and its new state."""
        told = {"rows": batch.rows} if padded_rows(self.net) == "masked" else {}
        return self.net.apply(params, state, *batch.inputs, key=key, training=training, **told)

    def value(
        self, params: Tree, state: Tree, batch: Batch, key: Key | None, training: bool
    ) -> tuple[jax.Array, tuple[Any, Tree]]:
        """The scalar loss, and (outputs, new state): the function that is differentiated."""
        outputs, new_state = self.outputs(params, state, batch, key, training)
        total = jnp.zeros((), jnp.float32)
        if self.loss is not None:
            value = self.loss(batch.y, outputs, batch.weight, valid=batch.rows)
            total = total + value.astype(jnp.float32)
        total = total + self.penalty(params)
        for term in activity_losses(new_state):
            total = total + term
        return total, (outputs, new_state)

    def penalty(self, params: Tree) -> jax.Array | float:
        """The regularization losses of the weights."""
        return self.net.penalty(params) if hasattr(self.net, "penalty") else 0.0

    def zeros(self, y_true: Any = None, outputs: Any = None) -> Sums:
        """The sums before the first batch; no two share a buffer, so that they can be donated.

        Args:
          y_true, outputs: targets and outputs of a batch, or their specs. A loop needs both where a
            metric keeps sums for each class, since what it carries may not change its shape.
        """
        known = y_true is not None and outputs is not None
        zeros: Sums = {"loss": _no_loss()}
        for name, metric in self._all():
            zeros[name] = metric.init_for(y_true, outputs) if known else metric.init()
        return {name: trees.copy(sums) for name, sums in zeros.items()}

    def sums(self, loss: jax.Array, outputs: Any, batch: Batch) -> Sums:
        """The sums of one batch."""
        rows = None if batch.rows is None else batch.rows.astype(jnp.float32)
        size = jnp.float32(len(jax.tree.leaves(batch.x)[0])) if rows is None else rows.sum()
        new: Sums = {"loss": {"total": loss * size, "count": size}}
        for name, metric in self.metrics:
            new[name] = metric.update(metric.init(), batch.y, outputs, rows)
        for name, metric in self.weighted_metrics:
            new[name] = metric.update(metric.init(), batch.y, outputs, _weights(batch, rows))
        return new

    def merge(self, a: Sums, b: Sums) -> Sums:
        """The sums of two stretches of batches together."""
        merged = {"loss": jax.tree.map(jnp.add, a["loss"], b["loss"])}
        return merged | {name: m.merge(a[name], b[name]) for name, m in self._all()}

    def logs(self, sums: Sums) -> Logs:
        """The values to report: the loss first, then the metrics in the order they were given."""
        total, count = sums["loss"]["total"], sums["loss"]["count"]
        values = {"loss": total / jnp.maximum(count, 1)}
        return values | {name: metric.compute(sums[name]) for name, metric in self._all()}

    def _all(self) -> tuple[tuple[str, Metric], ...]:
        return self.metrics + self.weighted_metrics


def _no_loss() -> dict[str, jax.Array]:
    return {"total": jnp.zeros((), jnp.float32), "count": jnp.zeros((), jnp.float32)}


def padded_rows(net: Any) -> str:
    """What filler rows do to a model: as it says, and "seen" for a model that does not say."""
    return getattr(net, "padded_rows", "seen")


def _weights(batch: Batch, rows: jax.Array | None) -> jax.Array | None:
    if batch.weight is None or rows is None:
        return rows if batch.weight is None else batch.weight
    return batch.weight * rows.reshape(rows.shape + (1,) * (batch.weight.ndim - 1))
