"""Keras's data adapters and `CompileLoss`, `CompileMetrics` by jkeras's own parts.

In Keras `fit` reads its data by adapters, which its tests call themselves. Here `fit` reads data by
`data_arguments.load`, and what that gives is walked through batch by batch; losses and metrics of
`compile` are put together by an `Objective`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

import jkeras
from jkeras.core.batch import Batch
from jkeras.data.arrays import class_weights
from jkeras.trainer.loop.batch_order import shuffle_batches
from jkeras.trainer.loop.parts import parts_of
from jkeras.trainer.preflight import data_arguments
from jkeras.training.loss_specs import parse_compile_args
from jkeras.training.objective import Objective
from jkeras.training.shuffle import permutation

PyDataset = jkeras.utils.PyDataset


class _Adapter:
    """What all adapters share: the batches as Keras's tests read them."""

    def get_jax_iterator(self) -> Iterator[Any]:
        """The batches, without what is None."""
        for batch in self.batches():
            yield batch.x if batch.y is None and isinstance(batch.x, dict) else _given(batch)

    get_numpy_iterator = get_jax_iterator

    def batches(self) -> Iterator[Batch]:
        """The batches of one epoch."""
        raise NotImplementedError

    def on_epoch_begin(self) -> None:
        """Nothing: a data set hears of its epochs when it is read."""

    on_epoch_end = on_epoch_begin


def _given(batch: Batch) -> tuple[Any, ...]:
    return tuple(part for part in (batch.x, batch.y, batch.weight) if part is not None)


class ArrayDataAdapter(_Adapter):
    """Arrays in memory."""

    def __init__(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: Any = False,
        class_weight: Any = None,
    ) -> None:
        data = data_arguments.load("fit", x, y, sample_weight, class_weight)
        self.data, self.shuffle = data, shuffle
        self.batch_size = min(batch_size or 32, data.length)
        self.num_batches = data_arguments.steps_of(data, self.batch_size, steps)
        self.partial_batch_size = data.length % self.batch_size
        self.has_partial_batch = self.partial_batch_size > 0

    def batches(self) -> Iterator[Batch]:
        """The examples in order, or in the order of a key."""
        order = np.arange(self.data.length)
        if self.shuffle:
            order = np.asarray(permutation(jax.random.key(0), self.data.length))
        for start in range(0, self.data.length, self.batch_size):
            rows = order[start : start + self.batch_size]
            yield jax.tree.map(lambda leaf, rows=rows: leaf[rows], self.data.batch)


class GeneratorDataAdapter(_Adapter):
    """Batches from a generator."""

    def __init__(self, generator: Any) -> None:
        self.data = data_arguments.load("fit", generator)
        data_arguments.first_batch("fit", self.data)
        self.data.pads = False

    def batches(self) -> Iterator[Batch]:
        """The batches as they come."""
        return self.data.epoch()


class PyDatasetAdapter(GeneratorDataAdapter):
    """Batches by number."""

    def __init__(self, x: Any, class_weight: Any = None, shuffle: bool = False) -> None:
        self.data = data_arguments.load("fit", x, class_weight=class_weight)
        parts = parts_of(jkeras.Sequential([jkeras.layers.Dense(1)], seed=0))
        shuffle_batches(parts, self.data, x, shuffle)
        self.data.pads = False


class EpochIterator:
    """The steps of an epoch over any data."""

    def __init__(
        self, x: Any, y: Any = None, steps_per_epoch: int | None = None, **kwargs: Any
    ) -> None:
        data = data_arguments.load("fit", x, y, kwargs.get("sample_weight"))
        self.steps_per_epoch = steps_per_epoch
        if isinstance(data, data_arguments.Arrays):
            kinds = (x, y, kwargs.get("sample_weight"))
            self.data_adapter: Any = ArrayDataAdapter(*kinds, batch_size=kwargs.get("batch_size"))
        else:
            self.data_adapter = GeneratorDataAdapter(x)

    def __iter__(self) -> Iterator[Any]:
        for step, batch in enumerate(self.data_adapter.get_jax_iterator()):
            if step == self.steps_per_epoch:
                return
            yield step, step, [batch]

    enumerate_epoch = __iter__


def class_weight_to_sample_weights(y: Any, class_weight: Any) -> Any:
    """The weight of each example by its class."""
    return class_weights(y, class_weight)


# -- what compile is told


class _Outputs:
    """A model whose outputs have names, for an objective that is given the outputs."""

    def __init__(self, names: Any) -> None:
        if names is not None:
            self.output_names = list(names)


def _in_order(names: Any, outputs: Any) -> Any:
    """Outputs in a dict as a list in the order of the names that Keras's model gives them."""
    is_named = isinstance(outputs, dict) and names is not None and set(names) == set(outputs)
    return [outputs[name] for name in names] if is_named else outputs


class CompileLoss:
    """The losses of `compile`, called on targets and outputs."""

    def __init__(
        self, loss: Any, loss_weights: Any = None, reduction: Any = None, output_names: Any = None
    ) -> None:
        del reduction
        self.output_names = output_names
        spec = parse_compile_args(loss, loss_weights, None, None)
        self.objective = Objective(_Outputs(output_names), spec)

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the loss of each output."""
        self.objective = self.objective.resolved_for(y_pred)
        self.objective.parts(Batch(None, y_true), y_pred)
        _ = self.objective.loss_terms

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_pred = _in_order(self.output_names, y_pred)
        batch = jax.tree.map(np.asarray, Batch(None, y_true, sample_weight))
        outputs = jax.tree.map(np.asarray, y_pred)
        total = 0.0
        for term, value in self.objective.resolved_for(outputs).loss_values(batch, outputs):
            total = total + (value if term.weight is None else term.weight * value)
        return total


class CompileMetrics:
    """The metrics of `compile`, with their sums."""

    def __init__(self, metrics: Any, weighted_metrics: Any, output_names: Any = None) -> None:
        self.output_names = output_names
        spec = parse_compile_args(None, None, metrics, weighted_metrics)
        self.objective = Objective(_Outputs(output_names), spec)
        self.sums: Any = None

    def build(self, y_true: Any, y_pred: Any) -> None:
        """Finds the metrics of each output."""
        del y_true
        y_pred = _in_order(self.output_names, y_pred)
        self.objective = self.objective.resolved_for(y_pred)
        self.reset_state()

    @property
    def metrics(self) -> list[Any]:
        """All metrics."""
        specs = self.objective.loss_specs
        return [metric for spec in specs for _, metric in spec.metrics + spec.weighted_metrics]

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Adds a batch to the sums."""
        y_pred = _in_order(self.output_names, y_pred)
        batch = jax.tree.map(np.asarray, Batch(None, y_true, sample_weight))
        outputs = jax.tree.map(np.asarray, y_pred)
        for part in self.objective.parts(batch, outputs):
            pairs = [(pair, None) for pair in part.spec.metrics]
            pairs += [(pair, part.weight) for pair in part.spec.weighted_metrics]
            for (name, metric), weight in pairs:
                new = metric.update(
                    metric.init_for(part.y, part.outputs), part.y, part.outputs, weight
                )
                self.sums[name] = metric.merge(self.sums[name], new)

    def result(self) -> dict[str, Any]:
        """The values by name."""
        named = dict(pair for spec in self.objective.loss_specs for pair in spec.metrics)
        named |= dict(pair for spec in self.objective.loss_specs for pair in spec.weighted_metrics)
        return {name: metric.compute(self.sums[name]) for name, metric in named.items()}

    def reset_state(self) -> None:
        """Begins the sums anew."""
        named = [
            pair
            for spec in self.objective.loss_specs
            for pair in spec.metrics + spec.weighted_metrics
        ]
        self.sums = {name: metric.init() for name, metric in named}
