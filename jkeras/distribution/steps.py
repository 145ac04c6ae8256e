"""Values, batches and steps over devices: pure functions of a distribution.

    train_state = laid_out(train_state, distribution)
    step = jax.jit(train_step_over(distribution, make_train_step(net, loss="mse")))
    train_state, logs = step(train_state, batch)

XLA's partitioner divides the work: a step says where its batch and its results lie, and the sums
over devices follow. Results are those of one device, up to the rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras.core.batch import Batch, as_batch
from jkeras.core.platform import whole_batches
from jkeras.core.trees import Tree, named_leaves, path_names
from jkeras.distribution.strategies import Distribution


def whole(distribution: Distribution) -> NamedSharding:
    """The sharding of an array that lies whole on every device."""
    return NamedSharding(distribution.device_mesh.backend_mesh, PartitionSpec())


def by_rows(distribution: Distribution) -> NamedSharding:
    """The sharding of an array that is cut along its first dimension, as batches are."""
    mesh = distribution.device_mesh.backend_mesh
    return NamedSharding(mesh, PartitionSpec(distribution.batch_dim_name))


def shardings(distribution: Distribution, train_state: Tree) -> Any:
    """The sharding of each array of a `TrainState`, or of its specs: weights as the distribution
    says, what the optimizer keeps for a weight like that weight, all else whole.
    """
    shapes = {path: np.shape(leaf) for path, leaf in named_leaves(train_state.params).items()}

    def of(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        part, *names = path_names(path)
        shape = np.shape(leaf)
        if part in ("params", "state"):
            return distribution.layout_of("/".join(names), shape).backend_layout
        if part == "opt_state":
            paths = ("/".join(names[start:]) for start in range(len(names)))
            name = next((path for path in paths if shapes.get(path) == shape), None)
            if name is not None:
                return distribution.layout_of(name, shape).backend_layout
        return whole(distribution)

    return jax.tree_util.tree_map_with_path(of, train_state)


def laid_out(train_state: Tree, distribution: Distribution) -> Any:
    """A `TrainState` over the devices; itself where it lies there already."""
    wanted = shardings(distribution, train_state)
    leaves, places = jax.tree.leaves(train_state), jax.tree.leaves(wanted)
    pairs = zip(leaves, places, strict=True)
    if all(isinstance(leaf, jax.Array) and leaf.sharding == place for leaf, place in pairs):
        return train_state
    return jax.device_put(train_state, wanted)


def cut(batch: Tree, distribution: Distribution) -> Batch:
    """Within a compiled function: a batch, each device with its part of the rows. One that does not
    divide by the devices stays whole.
    """
    batch = as_batch(batch)
    parts = distribution.num_model_replicas
    if any(len(leaf) % parts for leaf in jax.tree.leaves(batch)):
        return batch
    place = by_rows(distribution)
    return jax.tree.map(lambda a: jax.lax.with_sharding_constraint(a, place), batch)


def kept(distribution: Distribution, train_state: Tree) -> Any:
    """Within a compiled function: a `TrainState` that lies as the distribution says."""
    key, rest = train_state.key, train_state.replace(key=None)
    rest = jax.lax.with_sharding_constraint(rest, shardings(distribution, rest))
    return rest.replace(key=key)


def train_step_over(
    distribution: Distribution, step: Callable[[Any, Any], tuple[Any, Any]]
) -> Callable[[Any, Any], tuple[Any, Any]]:
    """A step of training, (train_state, batch) -> (train_state, logs), over devices."""

    def train_step(train_state: Tree, batch: Tree) -> tuple[Any, Any]:
        with whole_batches():
            after, logs = step(train_state, cut(batch, distribution))
        return kept(distribution, after), logs

    return train_step


def step_over(distribution: Distribution, step: Callable[..., Any]) -> Callable[..., Any]:
    """A step without training, whose last argument is the batch, over devices."""

    def run(*args: Any) -> Any:
        *values, batch = args
        with whole_batches():
            return step(*values, cut(batch, distribution))

    return run
