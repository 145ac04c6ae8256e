"""The metrics that layers update in `call`: their sums are among those of the steps.

    class Seen(Layer):
        def __init__(self):
            super().__init__()
            self.seen = metrics.Mean(name="seen")
        def call(self, x):
            self.seen.update_state(ops.mean(x))
            return x

Law: a step puts the sums into the state of the layer, where `call` reads and updates them, and
takes them out of the new state. So they restart with every epoch and evaluation, logs show them
behind the metrics of `compile`, and a model's own values have no trace of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from jkeras.core.batch import Batch, as_batch
from jkeras.core.parts import Path, at, put, sublayer_paths
from jkeras.core.trees import Tree
from jkeras.keras_classes.tracking import is_subclassed, metrics_in, origin_of
from jkeras.keras_classes.weight_plan import METRIC_SUMS
from jkeras.metrics import Metric
from jkeras.trainer.compiling.programs import StepFunctions
from jkeras.trainer.state.model_state import has_state
from jkeras.training.inference_key import state_and_key
from jkeras.training.objective import Objective, Sums
from jkeras.training.state import TrainState

Held = dict[Path, list[Metric]]


def held_metrics(net: object) -> Held:
    """The metrics in the attributes of a model's layers, by the path to the layer's values."""
    held: Held = {}
    for path, layer in _layers(net):
        metrics: list[Metric] = metrics_in(origin_of(layer)) if is_subclassed(layer) else []
        is_model_inside = path and has_state(origin_of(layer))  # as in Keras, its own affair
        if metrics and not is_model_inside:
            held.setdefault(path, metrics)
    return held


def _layers(net: object, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, net
    for inner_path, layer in sublayer_paths(net):
        yield from _layers(layer, (*path, *inner_path))


def all_metrics(held: Held) -> list[Metric]:
    """The metrics of all layers."""
    return [metric for metrics in held.values() for metric in metrics]


def with_layer_metrics(functions: StepFunctions, objective: Objective, held: Held) -> StepFunctions:
    """The functions of a plan with the sums of these metrics beside the others."""

    def parted(sums: Sums) -> tuple[Sums, Any]:
        return {name: part for name, part in sums.items() if name != METRIC_SUMS}, sums[METRIC_SUMS]

    def filled(state: Tree, own: Sequence[Any]) -> Tree:
        for path, variables in zip(held, own, strict=True):
            state = put(state, (*path, METRIC_SUMS), variables)
        return state

    def taken(state: Tree) -> tuple[Tree, Any]:
        own = [at(state, (*path, METRIC_SUMS)) for path in held]
        for path in held:
            state = put(state, (*path, METRIC_SUMS), {})
        return state, own

    def results(own: Sequence[Any]) -> dict[str, Any]:
        logs = {}
        for metrics, variables in zip(held.values(), own, strict=True):
            rest = list(variables)
            for metric in metrics:
                count = len(metric.stateless_reset_state())
                logs[metric.log_name] = metric.stateless_result(rest[:count])
                rest = rest[count:]
        return logs

    def train(train_state: TrainState, batch: Batch) -> tuple[TrainState, dict[str, Any]]:
        assert functions.train is not None, "called only on a plan for training"
        rest, own = parted(train_state.sums)
        begun = train_state.replace(state=filled(train_state.state, own), sums=rest)
        new, logs = functions.train(begun, batch)
        state, own = taken(new.state)
        return new.replace(state=state, sums={**new.sums, METRIC_SUMS: own}), _joined(
            logs, results(own)
        )

    def evaluate(params: Tree, state: Tree, sums: Sums, batch: Batch) -> Sums:
        (rest, own), (state, key) = parted(sums), state_and_key(state)
        batch = as_batch(batch)
        loss, outputs = objective.value(params, filled(state, own), batch, key, False)
        new = objective.resolved_for(outputs.outputs).sums(loss, outputs, batch)
        return {**objective.merge(rest, new), METRIC_SUMS: taken(outputs.state)[1]}

    def logs(sums: Sums) -> dict[str, Any]:
        rest, own = parted(sums)
        return _joined(functions.logs(rest), results(own))

    zeros = [
        [x for metric in part for x in metric.stateless_reset_state()] for part in held.values()
    ]
    return dataclasses.replace(
        functions,
        zeros={**functions.zeros, METRIC_SUMS: zeros},
        logs=logs,
        train=train,
        evaluate=evaluate,
    )


def _joined(logs: dict[str, Any], others: dict[str, Any]) -> dict[str, Any]:
    """The logs, with those of layers behind them under names that are free."""
    return logs | {name: value for name, value in others.items() if name not in logs}
