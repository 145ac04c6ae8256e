"""The values of a population: those of one model, with a first axis of members.

A population's `TrainState` has the members' weights, optimizer states and metric sums with such an
axis in the places where a model has its own; `state` is a `Members`, which holds besides what only
a population has. Counters and key of the `TrainState` are the population's: the loops of the
trainer read them, members have their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core import trees
from jkeras.core.errors import NotReadyError
from jkeras.core.host_random import key_of_seed
from jkeras.core.struct import PyTree
from jkeras.core.trees import Tree
from jkeras.trainer.loop.parts import TrainerParts
from jkeras.trainer.state.adapted_layers import adaptable, refreshed
from jkeras.trainer.state.inference_rng import uses_rng
from jkeras.trainer.state.model_state import ModelState
from jkeras.trainer.state.shape_inference import made
from jkeras.training.state import TrainState


class Members(PyTree):
    """What members have in `TrainState.state`; every array has a first axis of members.

    Attributes:
      layers: what the layers carry.
      key: the random keys of their runs.
      step: int32, their updates.
      epoch: int32, the epochs that they have completed.
      active: bool, whether they are trained; a stopped member changes no more.
      hyper: the hyper-parameters that layers and losses have, by name.
    """

    layers: Any
    key: Any
    step: Any
    epoch: Any
    active: Any
    hyper: Any


class MemberRows(NamedTuple):
    """The examples that each member sees of a data set, in the place of `Batch.rows`.

    Attributes:
      index: `[members, most]` int32, the numbers of its examples, zeros behind them.
      length: `[members]` int32, how many they are.
    """

    index: Any
    length: Any


class MemberWeights(NamedTuple):
    """Sample weights of each member, `[members, examples]`, in the place of `Batch.weight`."""

    values: Any


class PopulationState(ModelState):
    """The values of a population, where a trainer has a `ModelState`.

    Args:
      template: the state of the model that all members are equal to but for their values.
      seeds: of the members.
      name: of the population.

    Attributes:
      template: as given.
      seeds: as given.
    """

    def __init__(self, template: ModelState, seeds: Sequence[int], name: str) -> None:
        super().__init__(
            template.net, kind="Population", name=name, maker=template.maker, seed=seeds[0]
        )
        self.template, self.seeds = template, list(seeds)

    @property
    def values(self) -> TrainState | None:
        """The values; no layer shares them with other models."""
        return self.stored

    @values.setter
    def values(self, values: TrainState | None) -> None:
        self.stored = values

    def need_values(self) -> TrainState:
        """The values.

        Raises:
          ValueError: there are none yet.
        """
        if self.stored is None:
            raise NotReadyError(
                f"{self.who}: its members have no weights yet, because the shape of the inputs is "
                "not known. Begin the model with Input(shape), or call fit."
            )
        return self.stored

    def advance(self, step_fn: Callable[[TrainState], tuple[TrainState, Any]]) -> Any:
        """Replaces the values by the first result of `step_fn(values)`; returns the second."""
        with self.lock:
            values = self.need_values()
            if self.lent:
                values = trees.copy(values)
            self.lent = False
            self.stored, result = step_fn(values)
            return result

    def sync_frozen(self) -> None:
        """Nothing: what the template freezes is frozen in all members, from the start."""

    def build_if_known(self, rows: int = 1) -> None:
        """Nothing: the population builds its members."""

    def make(self, hyper: Tree, *, like: bool) -> None:
        """Makes the first values of all members, each as a model of its seed makes its own.

        Args:
          hyper: as for `Members`.
          like: whether weights, and what layers carry, begin as those of the template.
        """
        template, maker = self.template, self.template.maker
        own = template.need_values()
        init, specs = maker.init_fn(template), template.specs or ()
        found = [made(init, seed, specs, 1, at_once=False) for seed in self.seeds]
        layers = list(adaptable(self.net))
        for number, values in enumerate(found):
            if like:
                values = values.replace(params=own.params, state=own.state)
                values = maker.recompiled(template, values)
            adapted = refreshed(layers, values.state, {})
            found[number] = values if adapted is None else values.replace(state=adapted)
        self.draws, self.specs = (self.net, uses_rng(template)), template.specs
        self.stored = self.stacked([maker.with_rate(each) for each in found], hyper)
        self.frozen = template.frozen_names()

    def stacked(self, found: Sequence[TrainState], hyper: Tree) -> TrainState:
        """The values of a population whose members have these."""
        size = len(found)
        members = Members(
            layers=stack([each.state for each in found]),
            key=stack([each.key for each in found]),
            step=stack([each.step for each in found]),
            epoch=stack([each.epoch for each in found]),
            active=jnp.asarray(np.ones(size, bool)),
            hyper=hyper,
        )
        return TrainState(
            params=stack([each.params for each in found]),
            state=members,
            opt_state=stack([each.opt_state for each in found]),
            sums=stack([each.sums for each in found]),
            step=jnp.zeros((), jnp.int32),
            epoch=jnp.zeros((), jnp.int32),
            position=jnp.zeros((), jnp.int32),
            key=key_of_seed(self.seed),
        )


def is_key(leaf: jax.Array) -> bool:
    """Whether an array holds random keys."""
    return bool(jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key))


def stack(members: Sequence[Tree]) -> Any:
    """One tree of the trees of all members; on the host, where nothing is compiled."""

    def stacked(*leaves: Any) -> Any:
        if is_key(leaves[0]):
            words = np.stack([np.asarray(jax.random.key_data(leaf)) for leaf in leaves])
            return jax.random.wrap_key_data(jnp.asarray(words), impl=jax.random.key_impl(leaves[0]))
        return jnp.asarray(np.stack([np.asarray(leaf) for leaf in leaves]))

    return jax.tree.map(stacked, *members)


def pick(tree: Tree, member: int) -> Any:
    """The values of one member, in buffers of their own."""

    def one(leaf: jax.Array) -> Any:
        if is_key(leaf):
            words = np.array(np.asarray(jax.random.key_data(leaf))[member])
            return jax.random.wrap_key_data(jnp.asarray(words), impl=jax.random.key_impl(leaf))
        return jnp.asarray(np.array(np.asarray(leaf)[member]))

    return jax.tree.map(one, tree)


def member_values(values: TrainState, member: int, sums: Tree) -> TrainState:
    """The values of one member, as a model has them; `sums` are those of a new epoch."""
    members = pick(values.state.replace(hyper={}), member)
    return TrainState(
        params=pick(values.params, member),
        state=members.layers,
        opt_state=pick(values.opt_state, member),
        sums=sums,
        step=members.step,
        epoch=members.epoch,
        position=jnp.zeros((), jnp.int32),
        key=members.key,
    )


def with_members(values: TrainState, **changes: Any) -> TrainState:
    """The values with other entries of `Members`."""
    return values.replace(state=values.state.replace(**changes))


def copied(values: TrainState, children: Sequence[int], parents: Sequence[int]) -> TrainState:
    """The values, where some members have the weights and the optimizer state of others; keys,
    counters and hyper-parameters of layers and losses stay.
    """
    index = np.arange(len(np.asarray(values.state.active)))
    index[list(children)] = list(parents)

    def taken(tree: Tree) -> Any:
        return jax.tree.map(lambda a: jnp.asarray(np.asarray(a)[index]), tree)

    values = values.replace(params=taken(values.params), opt_state=taken(values.opt_state))
    return with_members(values, layers=taken(values.state.layers))


def parts_for(template: TrainerParts, seeds: Sequence[int], name: str) -> TrainerParts:
    """The parts of a population: its own values, and the steps of the template."""
    return TrainerParts(PopulationState(template.state, seeds, name), template.steps)
