"""The compiled functions of a population, made of those of one model.

    members = over_members(member_fn, chunk)(shared, mapped)

The loop of one model over the steps of a dispatch (`training.loops`) runs for some members side by
side (`vmap`), and for one such chunk after the other (`lax.map`), all in one program. Laws: a
member gets the numbers of a single run, whatever the chunks; a stopped member keeps its values, and
costs no steps once all members of its chunk are stopped.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import NamedSharding, PartitionSpec

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.keys import Key, child
from jkeras.core.platform import many_models
from jkeras.core.struct import PyTree
from jkeras.core.trees import Tree
from jkeras.data.arrays import Arrays
from jkeras.distribution import Distribution
from jkeras.population.engine import Engine, Measured
from jkeras.population.hyperparameters import injected
from jkeras.population.values import MemberRows, MemberWeights, with_members
from jkeras.trainer.compiling.programs import Program, Programs, StepFunctions
from jkeras.training import loops, shuffle, steps
from jkeras.training.inference_key import StateWithKey, state_and_key
from jkeras.training.state import TrainState

MemberFn = Callable[[Any, Any], Any]


class Shared(PyTree):
    """What the members of a dispatch have in common: arguments of the loops of one model."""

    data: Batch
    order: Any
    first: Any
    position: Any
    stop: Any
    length: Any
    key: Any = None
    start: Any = None


class Mapped(PyTree):
    """What each member has for itself, with a first axis of members."""

    params: Any
    layers: Any
    sums: Any = None
    opt_state: Any = None
    key: Any = None
    step: Any = None
    epoch: Any = None
    active: Any = None
    hyper: Any = None
    order: Any = None
    weight: Any = None
    rows: Any = None
    number: Any = None


def over_members(member_fn: MemberFn, chunk: int) -> MemberFn:
    """The function of all members, `chunk` of them at a time.

    Args:
      member_fn: (shared, mapped) -> a tree, of one member.
      chunk: members side by side; with 1 there is no `vmap`.
    """

    def run_chunk(shared: Shared, mapped: Mapped) -> Any:
        if mapped.active is not None:  # a chunk without active members has no steps
            stop = jnp.where(jnp.any(mapped.active), shared.stop, shared.position)
            shared = shared.replace(stop=stop)
        if _count(mapped) == 1:
            one = member_fn(shared, jax.tree.map(lambda a: a[0], mapped))
            return jax.tree.map(lambda a: a[None], one)
        with many_models():
            return jax.vmap(functools.partial(member_fn, shared))(mapped)

    def run(shared: Shared, mapped: Mapped) -> Any:
        count = _count(mapped)
        if chunk >= count:
            return run_chunk(shared, mapped)
        full, rest = divmod(count, chunk)

        def as_chunks(leaf: jax.Array) -> jax.Array:
            return leaf[: full * chunk].reshape(full, chunk, *leaf.shape[1:])

        results = lax.map(functools.partial(run_chunk, shared), jax.tree.map(as_chunks, mapped))
        results = jax.tree.map(lambda a: a.reshape(full * chunk, *a.shape[2:]), results)
        if not rest:
            return results
        last = run_chunk(shared, jax.tree.map(lambda a: a[full * chunk :], mapped))
        return jax.tree.map(lambda a, b: jnp.concatenate([a, b]), results, last)

    return run


def _count(mapped: Mapped) -> int:
    count: int = jax.tree.leaves(mapped)[0].shape[0]
    return count


class PopulationPrograms(Programs):
    """The compiled functions of a population, with the interface of those of one model.

    Args:
      single: those of one model.
      size: the number of members.
      transformation: the optimizer.
      engine: how members run.
      distribution: the devices over whose first axis the members lie; None for one.

    Attributes:
      engine: as given; it knows the number of members at a time once it was measured.
    """

    def __init__(
        self,
        single: Programs,
        size: int,
        transformation: Tree,
        engine: Engine,
        distribution: Distribution | None = None,
    ) -> None:
        self._single, self._size, self._optimizer = single.functions, size, transformation
        self._mesh, self.engine = distribution, engine
        zeros = jax.tree.map(lambda a: np.stack([np.asarray(a)] * size), single.functions.zeros)
        functions = StepFunctions(
            net=single.functions.net,
            zeros=zeros,
            logs=jax.vmap(single.functions.logs),
            predict=self._predict_members,
            objective=single.functions.objective,
            pads=single.functions.pads,
        )
        super().__init__(functions)
        self._begin = jax.jit(self._begin_members)
        self._orders = jax.jit(jax.vmap(shuffle.shuffled, in_axes=(0, 0, None)), static_argnums=2)

    # -- the beginning of an epoch

    def begin_epoch(self, train_state: TrainState, start: int = 0) -> TrainState:
        """The state at the start of an epoch; a stopped member keeps the sums of its last one."""
        active, sums = train_state.state.active, train_state.sums
        sums, position = self._begin(active, sums, np.int32(start))
        return train_state.replace(sums=sums, position=position)

    def _begin_members(self, active: jax.Array, sums: Tree, position: loops.Number) -> Any:
        zeros = jax.tree.map(jnp.asarray, self.functions.zeros)
        return _where(active, zeros, sums), position

    def order(self, begun: TrainState, passed: int, data: Arrays, room: int) -> Any:
        """The order of each member's examples, `[members, room]`: that of a single run."""
        members, rows = begun.state, data.batch.rows
        words = loops.epoch_words(members.key, np.asarray(members.epoch) - passed)
        lengths = np.full(len(words), data.length, np.int32)
        if isinstance(rows, MemberRows):
            lengths = np.asarray(rows.length)
        return self._orders(words, lengths, room)

    # -- loops

    def train_loop(self, size: int) -> Program:
        """The program that trains all members with batches of `size`."""
        if self.engine.chunk is None:
            return Measured(self, size)
        return self.train_loop_of(size, self.engine.chunk)

    def train_loop_of(self, size: int, chunk: int) -> Program:
        """The same for `chunk` members at a time."""
        make = functools.partial(self._train_members, chunk=chunk)
        phase = f"train {self._size} members, {chunk} at a time"
        return self._loop(phase, size, make, donate_argnums=0)

    def eval_loop(self, size: int) -> Program:
        """The program that evaluates all members."""
        phase = f"evaluate {self._size} members"
        return self._loop(phase, size, self._evaluate_members, donate_argnums=2)

    def bytes_of_member(self, size: int, args: tuple[Any, ...]) -> int:
        """About how many bytes one more member side by side takes: its values, gradients and
        updates, and the outputs of its layers, which the gradient needs.
        """
        train_state, _, data = args[:3]
        values = (train_state.params, train_state.opt_state, train_state.state.layers)
        held = 3 * trees.size_bytes(values) // self._size
        batch = trees.specs_of_rows(data.x, size)
        outputs, net = trees.size_bytes(batch), self._single.net
        if hasattr(net, "layer_outputs"):
            params, layers = _without_axis((train_state.params, train_state.state.layers))
            inputs = batch if isinstance(batch, tuple) else (batch,)
            outputs += 3 * trees.size_bytes(
                jax.eval_shape(net.layer_outputs, params, layers, *inputs)
            )
        return held + outputs

    def _train_members(self, size: int, *, chunk: int) -> Callable[..., Any]:
        run_members = self._on_devices(functools.partial(self._train_member, size), chunk)

        def run(
            train_state: TrainState,
            key: Key | None,
            data: Batch,
            order: jax.Array,
            first: loops.Number,
            stop: loops.Number,
            length: loops.Number | None,
        ) -> Any:
            members = train_state.state
            shared, mapped = _parted(data, order)
            shared = shared.replace(
                first=first, position=train_state.position, stop=stop, length=length
            )
            mapped = mapped.replace(
                params=train_state.params,
                layers=members.layers,
                sums=train_state.sums,
                opt_state=train_state.opt_state,
                key=members.key,
                step=members.step,
                epoch=members.epoch,
                active=members.active,
                hyper=members.hyper,
            )
            after, logs = run_members(shared, mapped)
            train_state = train_state.replace(
                params=after.params,
                opt_state=after.opt_state,
                sums=after.sums,
                step=train_state.step + (stop - train_state.position),
                position=jnp.asarray(stop, train_state.position.dtype),
            )
            return with_members(train_state, layers=after.layers, step=after.step), logs

        return run

    def _train_member(self, size: int, shared: Shared, member: Mapped) -> Any:
        """The steps of one member."""
        state = TrainState(
            params=member.params,
            state=member.layers,
            opt_state=member.opt_state,
            sums=member.sums,
            step=member.step,
            epoch=member.epoch,
            position=jnp.asarray(shared.position),
            key=None,  # type: ignore[arg-type]  # it stays, and goes beside the state
        )
        data, order, length = _own_data(shared, member)
        step = self._train_step(member.hyper)
        if member.rows is not None:
            step = _of_real_batches(step, shared, length, size)
        loop = loops.train_loop(step, self._single.logs, size)
        after, _ = loop(state, member.key, data, order, shared.first, shared.stop, length)
        names = ("params", "state", "opt_state", "sums", "step")
        new, old = ({name: getattr(s, name) for name in names} for s in (after, state))
        kept = _where(member.active, new, old)
        result = Mapped(
            params=kept["params"],
            layers=kept["state"],
            opt_state=kept["opt_state"],
            sums=kept["sums"],
            step=kept["step"],
        )
        return result, self._single.logs(kept["sums"])

    def _train_step(self, hyper: Tree) -> Callable[..., Any]:
        train, objective = self._single.train, self._single.objective
        assert train is not None and objective is not None, "made of a plan for training"
        if not hyper:
            return train

        def step(train_state: TrainState, batch: Batch) -> Any:
            with injected(objective, hyper) as own:
                return steps.train_step_fn(own, self._optimizer)(train_state, batch)

        return step

    def _evaluate_members(self, size: int) -> Callable[..., Any]:
        run_members = self._on_devices(
            functools.partial(self._evaluate_member, size), self.engine.chunk_without_training
        )

        def run(
            params: Tree,
            state: Tree,
            sums: Tree,
            data: Batch,
            order: jax.Array,
            start: loops.Number,
            stop: loops.Number,
            length: loops.Number | None,
        ) -> Any:
            members, key, first = _with_key(state)
            shared, mapped = _parted(data, order)
            shared = shared.replace(
                first=first, position=start, stop=stop, length=length, key=key, start=start
            )
            mapped = mapped.replace(
                params=params,
                layers=members.layers,
                sums=sums,
                hyper=members.hyper,
                number=jnp.arange(self._size),
            )
            return run_members(shared, mapped)

        return run

    def _evaluate_member(self, size: int, shared: Shared, member: Mapped) -> Any:
        """The evaluation of one member."""
        evaluate, objective = self._single.evaluate, self._single.objective
        assert evaluate is not None and objective is not None, "made of a plan for evaluation"
        step = evaluate
        if member.hyper:

            def injected_step(params: Tree, state: Tree, sums: Tree, batch: Batch) -> Any:
                with injected(objective, member.hyper) as own:
                    return own.merge(sums, steps.eval_step_fn(own)(params, state, batch))

            step = injected_step
        data, order, length = _own_data(shared, member)
        state = _keyed(shared.key, member, shared.first)
        loop = loops.eval_loop(step, self._single.logs, size)
        return loop(
            member.params, state, member.sums, data, order, shared.start, shared.stop, length
        )

    def _predict_members(self, params: Tree, state: Tree, batch: Batch) -> Any:
        """The outputs of all members for one batch, `[examples, members, …]`."""
        members, key, first = _with_key(state)
        shared = Shared(batch, None, first, None, None, None, key=key)
        mapped = Mapped(params=params, layers=members.layers, number=jnp.arange(self._size))

        def predict(shared: Shared, member: Mapped) -> Any:
            state = _keyed(shared.key, member, shared.first)
            return self._single.predict(member.params, state, shared.data)

        outputs = self._on_devices(predict, self.engine.chunk_without_training)(shared, mapped)
        return jax.tree.map(lambda a: jnp.moveaxis(a, 0, 1), outputs)

    # -- devices

    def _on_devices(self, member_fn: MemberFn, chunk: int) -> MemberFn:
        """All members, each device with its part of them."""
        run = over_members(member_fn, chunk)
        if self._mesh is None:
            return run
        mesh, name = self._mesh.device_mesh.backend_mesh, self._mesh.batch_dim_name
        return jax.shard_map(
            run,
            mesh=mesh,
            in_specs=(PartitionSpec(), PartitionSpec(name)),
            out_specs=PartitionSpec(name),
            check_vma=False,
        )


def by_member(distribution: Distribution) -> NamedSharding:
    """The sharding of an array whose first axis is that of the members."""
    mesh = distribution.device_mesh.backend_mesh
    return NamedSharding(mesh, PartitionSpec(distribution.batch_dim_name))


def _where(active: jax.Array, new: Tree, old: Tree) -> Any:
    """The new values of active members, the old ones of others."""

    def one(a: Tree, b: Tree) -> Any:
        flags = jnp.reshape(active, active.shape + (1,) * (jnp.ndim(a) - active.ndim))
        return jnp.where(flags, a, b)

    return jax.tree.map(one, new, old)


def _parted(data: Batch, order: jax.Array) -> tuple[Shared, Mapped]:
    """Data and order, as far as members share them, and as far as each has its own."""
    weight = data.weight.values if isinstance(data.weight, MemberWeights) else None
    rows = data.rows if isinstance(data.rows, MemberRows) else None
    data = data._replace(
        weight=None if weight is not None else data.weight,
        rows=None if rows is not None else data.rows,
    )
    own_order = order if order.ndim == 2 else None
    shared = Shared(data, None if own_order is not None else order, None, None, None, None)
    empty = Mapped(params=None, layers=None)
    return shared, empty.replace(order=own_order, weight=weight, rows=rows)


def _own_data(shared: Shared, member: Mapped) -> tuple[Batch, Any, Any]:
    """The data, their order and the number of examples, as one member has them."""
    data, length = shared.data, shared.length
    order = shared.order if member.order is None else member.order
    if member.weight is not None:
        data = data._replace(weight=member.weight)
    if member.rows is not None:
        index = member.rows.index
        order, length = index.at[order].get(mode="clip"), member.rows.length
    return data, order, length


def _of_real_batches(
    step: Callable[..., Any], shared: Shared, length: loops.Number | None, size: int
) -> Callable[..., Any]:
    """The step of a member that has fewer batches than others: without an example it does nothing
    but count.
    """

    def train_step(train_state: TrainState, batch: Batch) -> Any:
        after, logs = step(train_state, batch)
        is_real = (train_state.position - shared.first) * size < length
        kept = _where(is_real, after, train_state)
        return kept.replace(position=after.position), logs

    return train_step


def _with_key(state: Tree) -> tuple[Any, Any, Any]:
    """The members, and the key and the first batch of a call of networks that draw."""
    members, key = state_and_key(state)
    first = state.first if isinstance(state, StateWithKey) else np.int32(0)
    return members, key, first


def _keyed(key: Key | None, member: Mapped, first: loops.Number) -> Any:
    """The state of one member, with a key of its own where the network draws."""
    if key is None:
        return member.layers
    return StateWithKey(member.layers, child(key, member.number), first)


def _without_axis(values: Tree) -> Any:
    """The specs of the values of one member."""
    return jax.tree.map(lambda a: jax.ShapeDtypeStruct(a.shape[1:], a.dtype), values)
