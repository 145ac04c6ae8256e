"""The compiled functions of one `compile()`, each traced once per shape whatever runs it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.keys import Key
from jkeras.core.trees import Tree
from jkeras.trainer.compiling.costs import flops
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.state import shape_inference as trials
from jkeras.training import finite, loops, steps
from jkeras.training.objective import Logs, Objective, Sums, padded_rows
from jkeras.training.slices import slice_size
from jkeras.training.state import TrainState


class Program:
    """A jitted function that knows what it cost.

    Args:
      name: what it does, in words.
      function: a pure function.
      **options: as for `jax.jit`.

    Attributes:
      traces: how often it was traced, which is once per combination of shapes.
      seconds: what those calls took until they were dispatched: tracing and compiling.
      specs: the shapes of the last trace.
    """

    def __init__(self, name: str, function: Callable[..., Any], **options: Any) -> None:
        self.name = name
        self.traces = 0
        self.seconds = 0.0
        self.specs: tuple[Any, ...] = ()
        self._function = function

        def counted(*args: Any) -> Any:
            self.traces += 1
            return function(*args)

        self._jitted = jax.jit(counted, **options)

    def __call__(self, *args: Any) -> Any:
        before, start = self.traces, time.perf_counter()
        result = self._jitted(*args)
        if self.traces != before:
            self.seconds += time.perf_counter() - start
            self.specs = jax.tree.map(trees.spec_of, args)
        return result

    def flops(self) -> float | None:
        """Floating-point operations, the outer loop's body counted once; None before a call."""
        return flops(self._function, *self.specs) if self.specs else None


class Programs:
    """The compiled functions of one `compile()`.

    Args:
      objective: the model with its loss and metrics.
      optimizer: an optax transformation, or None when nothing is trained.

    Attributes:
      skips: whether steps that would make NaN or infinity are left out, and counted in the sums.
    """

    def __init__(self, objective: Objective, optimizer: Any) -> None:
        self.objective = objective
        self.skips = False
        self.pads = padded_rows(objective.net) != "seen" and not objective.wanted.is_in_order
        self.predict_step = steps.predict_step_fn(objective.net)
        self._optimizer = optimizer
        self._met: Any = None
        self._outputs: dict[Any, Any] = {}
        self._zeros = objective.zeros()
        self._loops: dict[tuple[str, int], Program] = {}
        self._paces: dict[tuple[str, int], Pace] = {}
        self.train_batch = jax.jit(self._train_one, donate_argnums=0)
        self.eval_batch = jax.jit(self._eval_one)
        self._random_order = jax.jit(loops.random_order, static_argnums=(1, 2, 3))
        self.plain_order = jax.jit(loops.plain_order, static_argnums=(0, 1, 2))

    def meet(self, batch: Batch, outputs: Any) -> None:
        """Tells the specs of a batch's targets and outputs: they decide what belongs to which
        output, and the shapes of some metrics' sums.
        """
        if self._met != (batch, outputs):
            self._met = (batch, outputs)
            self.objective = self.objective.met(outputs)
            self._zeros = self.objective.zeros(batch, outputs)
            self.pads = self.pads and not self.objective.looks_across(batch, outputs)

    def for_other_weights(self, objective: Objective) -> Programs:
        """The programs of the same compilation for an objective that freezes other weights."""
        new = Programs(objective, self._optimizer)
        new.skips, new.predict_step = self.skips, self.predict_step
        if self._met is not None:
            new.meet(*self._met)
        same = ((key, loop) for key, loop in self._loops.items() if key[0] == "predict")
        new._loops.update(same)
        return new

    def zeros(self) -> Sums:
        """The sums before the first batch, in buffers of their own."""
        zeros: Sums = trees.copy(self._zeros)
        return zeros | {finite.SKIPPED: finite.none_skipped()} if self.skips else zeros

    def eval_zeros(self) -> Sums:
        """The sums before the first batch of an evaluation, which may have other logs."""
        zeros: Sums = trees.copy(self._zeros)
        return zeros

    @property
    def made(self) -> dict[tuple[str, int], Program]:
        """The loops that were asked for so far, by phase and examples in a batch."""
        return dict(self._loops)

    def order(self, key: Key, epoch: Any, length: int, steps: int, size: int) -> jax.Array:
        """The order of an epoch. Its key is derived apart, by programs that exist already."""
        return self._random_order(loops.epoch_key(key, epoch), length, steps, size)

    def train_loop(self, size: int) -> Program:
        """The compiled `loops.train_loop` for batches of `size`."""
        return self._loop("train", size, self._make_train_loop, donate_argnums=0)

    def eval_loop(self, size: int) -> Program:
        """The compiled `loops.eval_loop`."""
        step = steps.eval_step_fn(self.objective)
        make = functools.partial(loops.eval_loop, step, self.objective)
        return self._loop("evaluate", size, make, donate_argnums=2)

    def predict_loop(self, size: int) -> Program:
        """The compiled `loops.predict_loop`."""
        make = functools.partial(loops.predict_loop, self.predict_step)
        return self._loop("predict", size, make, donate_argnums=2)

    def pace(self, phase: str, size: int) -> Pace:
        """The pace of a phase with batches of `size`, as it was found so far."""
        return self._paces.setdefault((phase, size), Pace())

    def slices(self, size: int) -> int | None:
        """How many examples a slice of a training batch has, where batches of `size` are cut."""
        program = self._loops.get(("train", size))
        if program is None or not program.specs:
            return None
        train_state, data, *_ = program.specs
        batch = trees.specs_of_rows(data, size)
        return slice_size(self.objective, train_state.params, train_state.state, batch)

    def outputs_of(self, params: Tree, state: Tree, data: Batch, size: int) -> Any:
        """The specs of the outputs for batches of `size`, which are traced once for each shape."""
        batch = trees.specs_of_rows(data, size)
        key = jax.tree.structure(batch), tuple(jax.tree.leaves(batch))
        if key not in self._outputs:
            step = functools.partial(jax.eval_shape, self.predict_step, params, state)
            self._outputs[key] = trials.outputs(self.objective.net, step, batch)
        return self._outputs[key]

    def _loop(self, phase: str, size: int, make: Callable[[int], Any], **options: Any) -> Program:
        key = (phase, size)
        if key not in self._loops:
            self._loops[key] = Program(f"{phase}, batches of {size}", make(size), **options)
        return self._loops[key]

    def _make_train_loop(self, size: int) -> Any:
        return loops.train_loop(self._trained(), self.objective, size)

    def _trained(self) -> steps.TrainStep:
        assert self._optimizer is not None, "programs for training are made with an optimizer"
        return steps.train_step_fn(self.objective, self._optimizer, skips=self.skips)

    def _train_one(self, train_state: TrainState, batch: Batch) -> tuple[TrainState, Logs, Logs]:
        """One step: the new state, the logs of the epoch so far, the logs of this batch."""
        train_state, own = self._trained()(train_state, batch)
        return train_state, self.objective.logs(train_state.sums), own

    def _eval_one(self, params: Tree, state: Tree, sums: Tree, batch: Batch) -> tuple[Tree, Logs]:
        step = steps.eval_step_fn(self.objective)
        sums = self.objective.merge(sums, step(params, state, batch))
        return sums, self.objective.logs(sums)


def begin_epoch(train_state: TrainState, zeros: Sums, start: int = 0) -> TrainState:
    """The state at the start of an epoch: sums at zero, and the position of its first batch."""
    return train_state.replace(sums=zeros, position=jnp.int32(start))


def end_epoch(train_state: TrainState) -> TrainState:
    """The state after an epoch: one more is completed."""
    return train_state.replace(epoch=train_state.epoch + 1)
