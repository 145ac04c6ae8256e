"""The compiled functions of one plan, each traced once per shape whatever runs it."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from jkeras.core import memory, trees
from jkeras.core.batch import Batch
from jkeras.core.global_arrays import put_tree
from jkeras.core.host_random import words_of
from jkeras.core.jit_step import jit_step
from jkeras.core.keys import Key
from jkeras.core.platform import programs_for
from jkeras.core.processes import ALONE
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.distribution import Distribution
from jkeras.distribution.collectives import Collective, collectives
from jkeras.distribution.placing import BatchPlaces
from jkeras.distribution.steps import kept, step_over, train_step_over, whole
from jkeras.trainer.compiling.costs import flops
from jkeras.trainer.compiling.pace import Pace
from jkeras.trainer.state import shape_inference
from jkeras.training import finite, inference_key, loops, shuffle
from jkeras.training.objective import Logs, Objective, Sums
from jkeras.training.slices import slice_size
from jkeras.training.state import TrainState

LONG = 0.5
"""Seconds of compiling after which the memory that the compiler freed goes back at once: 10 to 60
ms, and up to 300 MB of a program that took 4 s."""


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
        self._places: list[Any] = []
        self._function, self._options = function, options

        def counted(*args: Any) -> Any:
            self.traces += 1
            return function(*args)

        self._jitted = jit_step(counted, **options)

    def __call__(self, *args: Any) -> Any:
        before, start = self.traces, time.perf_counter()
        result = self._jitted(*args)
        if self.traces != before:
            took = time.perf_counter() - start
            self.seconds += took
            self.specs = jax.tree.map(trees.spec_of, args)
            self._places = [
                leaf.sharding if getattr(leaf, "committed", False) else None
                for leaf in jax.tree.leaves(args)
            ]
            if took > LONG:
                memory.return_free_pages()
        return result

    def lowered(self, platform: str) -> str | None:
        """The program for another platform, as StableHLO; the device need not be there. None before
        a call.
        """
        if not self.specs:
            return None
        with programs_for(platform):
            traced = jit_step(self._function, **self._options).trace(*self.specs)
            text: str = traced.lower(lowering_platforms=(platform,)).as_text()
            return text

    def collectives(self) -> dict[str, Collective]:
        """What devices send each other in one step; nothing before a call. It compiles again."""
        leaves, tree = jax.tree.flatten(self.specs)
        specs = [
            jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=place)
            for leaf, place in zip(leaves, self._places, strict=True)
        ]
        if not specs:
            return {}
        lowered = jit_step(self._function, **self._options).lower(*jax.tree.unflatten(tree, specs))
        return collectives(lowered.compile().as_text() or "")

    def flops(self) -> float | None:
        """Floating-point operations, the outer loop's body counted once; None before a call."""
        return flops(self._function, *self.specs) if self.specs else None


@dataclasses.dataclass(frozen=True)
class StepFunctions:
    """The pure functions that a plan compiles.

    Attributes:
      net: the description, named in errors.
      zeros: the sums before the first batch.
      logs: from sums to the values to report.
      predict: (params, state, batch) -> outputs.
      train: (train_state, batch) -> (train_state, the batch's logs); None where nothing is trained.
      evaluate: (params, state, sums, batch) -> sums; None where nothing is evaluated.
      objective: the model with its losses and metrics; None for steps that the user wrote.
      skips: whether steps that would make NaN or infinity are left out, and counted in the sums.
      pads: whether a partial last batch may be filled up with rows that are masked out.
    """

    net: Any
    zeros: Sums
    logs: Callable[[Sums], Logs]
    predict: Callable[[Tree, Tree, Any], Any]
    train: Callable[[TrainState, Any], tuple[TrainState, Logs]] | None = None
    evaluate: Callable[[Tree, Tree, Sums, Any], Sums] | None = None
    objective: Objective | None = None
    skips: bool = False
    pads: bool = False


class Programs:
    """The compiled functions of a plan: one batch at a time, and loops over many.

    Args:
      functions: what is compiled.
      distribution: the devices that they run on; None for one.

    Attributes:
      team: the processes that run them.
      batch_places: how batches are laid over the devices; None for one.
    """

    def __init__(self, functions: StepFunctions, distribution: Distribution | None = None) -> None:
        def on_host(leaf: jax.Array) -> Any:  # no donation takes these zeros away; random keys stay
            is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
            return leaf if is_key else np.asarray(leaf)

        zeros = jax.tree.map(on_host, functions.zeros)
        self.functions = dataclasses.replace(functions, zeros=zeros)
        self.pads = functions.pads
        self.distribution = distribution
        self.team = ALONE if distribution is None else distribution.team
        self.batch_places = None if distribution is None else BatchPlaces(distribution)
        self.train_batch = jit_step(self._train_one, donate_argnums=0)
        self.eval_batch = jit_step(self._eval_one)
        self.predict_batch = jit_step(self._predict_one)
        # One small program: made one by one, these arrays would take longer than a small step.
        self._place = None if distribution is None else whole(distribution)
        self._first_sums = jax.jit(
            lambda position: (self.zeros(), position), out_shardings=self._place
        )
        self._over: dict[Distribution, Programs] = {}
        self._outputs: dict[Any, Any] = {}
        self._loops: dict[tuple[str, int], Program] = {}
        self._paces: dict[tuple[str, int], Pace] = {}

    def over(self, distribution: Distribution) -> Programs:
        """The programs of the same functions on these devices."""
        if distribution not in self._over:
            functions = over_devices(self.functions, distribution)
            self._over[distribution] = Programs(functions, distribution)
        return self._over[distribution]

    @property
    def multiple(self) -> int:
        """Of which number a batch of a process has to have a multiple of rows."""
        return 1 if self.batch_places is None else self.batch_places.multiple

    def placed(self, tree: Tree) -> Any:
        """Arrays that every device has whole, where there are several; else as they are."""
        return tree if self._place is None else put_tree(tree, self._place)

    def zeros(self) -> Sums:
        """The sums of training before the first batch, in buffers of their own."""
        zeros: Sums = trees.copy(self.functions.zeros)
        return zeros | {finite.SKIPPED: finite.none_skipped()} if self.functions.skips else zeros

    def begin_epoch(self, train_state: TrainState, start: int = 0) -> TrainState:
        """The state at the start of an epoch: sums at zero, and the position of its first batch."""
        sums, position = self._first_sums(np.int32(start))
        return train_state.replace(sums=sums, position=position)

    def order(self, begun: TrainState, passed: int, data: Arrays, room: int) -> jax.Array:
        """The order of the examples in a pass over the data, `[room]`; see `random_order`.

        Args:
          begun: the state at the beginning of an epoch.
          passed: epochs of this pass before it.
          data: every example.
          room: entries of the result, filler at its end.
        """
        return random_order(begun.key, int(begun.epoch) - passed, data.length, room)

    def eval_zeros(self) -> Sums:
        """The sums of an evaluation before the first batch; on the host, where a program runs."""
        is_eager = jax.config.jax_disable_jit  # type: ignore[attr-defined]
        return self.placed(trees.copy(self.functions.zeros) if is_eager else self.functions.zeros)

    @functools.cached_property
    def sums_specs(self) -> Any:
        """The specs of the sums of training."""
        return trees.specs(self.zeros())

    @property
    def made(self) -> dict[tuple[str, int], Program]:
        """The loops made so far, by phase and examples in a batch."""
        return dict(self._loops)

    def train_loop(self, size: int) -> Program:
        """The compiled `loops.train_loop` for batches of `size`."""
        assert self.functions.train is not None, "called only on a plan for training"
        make = functools.partial(loops.train_loop, self.functions.train, self.functions.logs)
        return self._loop("train", size, self._kept(make), donate_argnums=0)

    def _kept(self, make: Callable[[int], Any]) -> Callable[[int], Any]:
        """The same, with the state of training where the distribution wants it: what goes into the
        next dispatch then lies as it did, and nothing is compiled anew.
        """
        distribution = self.distribution
        if distribution is None:
            return make

        def made(size: int) -> Callable[..., Any]:
            loop = make(size)

            def run(*args: Any) -> tuple[Any, Logs]:
                train_state, logs = loop(*args)
                return kept(distribution, train_state), logs

            return run

        return made

    def eval_loop(self, size: int) -> Program:
        """The compiled `loops.eval_loop`."""
        assert self.functions.evaluate is not None, "called only on a plan for evaluation"
        make = functools.partial(loops.eval_loop, self.functions.evaluate, self.functions.logs)
        return self._loop("evaluate", size, make, donate_argnums=2, out_shardings=self._place)

    def predict_loop(self, size: int) -> Program:
        """The compiled `loops.predict_loop`."""
        make = functools.partial(loops.predict_loop, self.functions.predict)
        return self._loop("predict", size, make, donate_argnums=2, out_shardings=self._place)

    def pace(self, phase: str, size: int) -> Pace:
        """The pace of a phase with batches of `size`, as it was found so far."""
        return self._paces.setdefault((phase, size), Pace())

    def slices(self, size: int) -> int | None:
        """How many examples a slice of a training batch has, where batches of `size` are cut."""
        program, objective = self._loops.get(("train", size)), self.functions.objective
        if program is None or not program.specs or objective is None:
            return None
        train_state, _, data, order, *_ = program.specs
        if order is None:
            data = jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), data)
        batch = trees.specs_of_rows(data, size)
        return slice_size(objective, train_state.params, train_state.state, batch)

    def outputs_of(self, params: Tree, state: Tree, data: Batch, size: int) -> Any:
        """The specs of the outputs for batches of `size`, which are traced once for each shape."""
        batch = trees.specs_of_rows(data, size)
        key = jax.tree.structure(batch), tuple(jax.tree.leaves(batch))
        if key not in self._outputs:
            step = functools.partial(jax.eval_shape, self.functions.predict, params, state)
            self._outputs[key] = shape_inference.outputs(self.functions.net, step, batch)
        return self._outputs[key]

    def _loop(self, phase: str, size: int, make: Callable[[int], Any], **options: Any) -> Program:
        key = (phase, size)
        if key not in self._loops:
            self._loops[key] = Program(f"{phase}, batches of {size}", make(size), **options)
        return self._loops[key]

    def _train_one(self, train_state: TrainState, batch: Batch) -> tuple[TrainState, Logs, Logs]:
        """One step: the new state, the logs of the epoch so far, the logs of this batch."""
        assert self.functions.train is not None, "called only on a plan for training"
        train_state, logs = self.functions.train(train_state, batch)
        return train_state, self.functions.logs(train_state.sums), logs

    def _eval_one(self, params: Tree, state: Tree, sums: Sums, batch: Batch) -> tuple[Sums, Logs]:
        assert self.functions.evaluate is not None, "called only on a plan for evaluation"
        sums = self.functions.evaluate(params, state, sums, batch)
        return sums, self.functions.logs(sums)

    def _predict_one(self, params: Tree, state: Tree, batch: Batch) -> Any:
        """The outputs of one batch, with the key that a loop would give its first one."""
        return self.functions.predict(params, inference_key.with_batch_key(state, 0), batch)


def over_devices(functions: StepFunctions, distribution: Distribution) -> StepFunctions:
    """The same functions over devices."""
    train, evaluate = functions.train, functions.evaluate
    return dataclasses.replace(
        functions,
        predict=step_over(distribution, functions.predict),
        train=None if train is None else train_step_over(distribution, train),
        evaluate=None if evaluate is None else step_over(distribution, evaluate),
    )


def random_order(key: Key, epoch: int, length: int, room: int) -> jax.Array:
    """The order of an epoch's examples, `[room]` int32, compiled once in a process per `room`.

    Past the last example it names example 0, as filler.
    """
    on_host: Any = words_of(key)  # the key of a run is on the device: read once, not for every word
    words = shuffle.random_words(loops.epoch_key(key if on_host is None else on_host, epoch))
    return _shuffled(words, np.int32(length), room)


_shuffled = jax.jit(shuffle.shuffled, static_argnums=2)


def end_epoch(train_state: TrainState) -> TrainState:
    """The state after an epoch: one more is completed."""
    return train_state.replace(epoch=train_state.epoch + 1)
