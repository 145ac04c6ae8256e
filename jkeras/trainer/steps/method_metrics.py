"""The metrics of a model with functions of its own: their variables go through a step.

Within a step the metrics that the model lists stand for values that came in and go out
(`metrics.carried`), so that `compute_loss` and `compute_metrics` may call `update_state`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import jax
import jax.numpy as jnp

from jkeras.core.batch import Batch
from jkeras.core.trees import Tree, widest_float
from jkeras.core.variables import innermost
from jkeras.metrics import Metric
from jkeras.metrics.carried import Carried, carried
from jkeras.training.objective import Objective

if TYPE_CHECKING:
    from jax.typing import ArrayLike


class StepMethods(Protocol):
    """The methods of `Model` that the steps call, and that a subclass may override."""

    @property
    def metrics(self) -> list[Metric]:
        """The metrics behind the logs."""

    @property
    def optimizer(self) -> Any:
        """The optimizer, with `stateless_apply`."""

    def stateless_call(self, *args: Any, **kwargs: Any) -> Any:
        """The outputs and the new non-trainable variables."""

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """The loss of a batch."""

    def compute_metrics(self, *args: Any, **kwargs: Any) -> Any:
        """The logs of a batch."""

    def train_step(self, *args: Any, **kwargs: Any) -> Any:
        """One update: (logs, state)."""

    def test_step(self, *args: Any, **kwargs: Any) -> Any:
        """The metrics of a batch: (logs, state)."""


def first_variables(model: StepMethods) -> list[Any]:
    """The variables of a model's metrics before the first batch."""
    return [leaf for metric in metrics_of(model) for leaf in metric.stateless_reset_state()]


def metrics_of(model: StepMethods) -> list[Metric]:
    """The metrics of a model: within a step the objects that the step has."""
    frame = innermost(Carried)
    is_own = frame is not None and frame.owner is model
    return list(frame.metrics if frame is not None and is_own else model.metrics)


def loss_of(model: StepMethods, given: dict[str, Any]) -> Any:
    """`compute_loss` of a batch by those of its arguments that the model's class takes."""
    known = inspect.signature(model.compute_loss).parameters
    takes_all = any(each.kind is each.VAR_KEYWORD for each in known.values())
    return model.compute_loss(
        **{name: value for name, value in given.items() if takes_all or name in known}
    )


def updated(
    model: StepMethods,
    variables: Sequence[Any],
    loss: ArrayLike,
    x: Tree,
    y: Tree,
    y_pred: Tree,
    weight: Tree,
) -> tuple[dict[str, Any], list[Any]]:
    """The logs and the metrics' variables after a batch."""
    metrics = metrics_of(model)
    size = jnp.asarray(len(jax.tree.leaves(y_pred)[0]), widest_float())
    with carried(metrics, variables, model) as seen:
        for metric in metrics:
            if metric.log_name == "loss":
                metric.update_state(loss, sample_weight=size)  # type: ignore[call-arg]  # a Mean
        logs = model.compute_metrics(x, y, y_pred, weight)
        logs = {name: getattr(value, "value", value) for name, value in logs.items()}
    return logs, seen.variables()


def update_given(
    model: StepMethods, objective: Objective, y: Tree, y_pred: Tree, weight: Tree
) -> None:
    """Updates the metrics of `compile` among those that the model lists by a batch: each by the
    targets of its output, and those of `weighted_metrics` by the weights.
    """
    given = given_metrics(model, objective)
    if not given:  # then the targets need not be those of the outputs
        return
    for part in objective.parts(Batch(None, y, weight), y_pred):
        for name, _ in part.spec.metrics:
            if name in given and part.y is not None:
                given[name].update_state(part.y, part.outputs)
        for name, _ in part.spec.weighted_metrics:
            if name in given and part.y is not None:
                given[name].update_state(part.y, part.outputs, part.weight)


def given_metrics(model: StepMethods, objective: Objective) -> dict[str, Any]:
    """The metrics of `compile` by log name, which are in the objective, among those that the model
    lists.
    """
    listed = {id(metric) for metric in metrics_of(model)}
    specs = objective.loss_specs
    pairs = [pair for spec in specs for pair in (*spec.metrics, *spec.weighted_metrics)]
    return {name: metric for name, metric in pairs if id(metric) in listed}


def log_names(
    model: StepMethods, objective: Objective | None, metrics: Sequence[Metric]
) -> dict[int, str]:
    """How logs call these metrics of a model, by `id` and in their order."""
    given = {} if objective is None else given_metrics(model, objective)
    names = {id(metric): name for name, metric in given.items()}
    return {id(m): names.get(id(m), m.log_name) for m in metrics}
