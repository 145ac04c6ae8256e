"""Values, batches and steps over devices: pure functions of a distribution.

    train_state = laid_out(train_state, distribution)
    step = jax.jit(train_step_over(distribution, make_train_step(net, loss="mse")))
    train_state, logs = step(train_state, batch)

XLA's partitioner divides the work: a step says where its batch and its results lie, and the sums
over devices follow. Results are those of one device, up to the rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras.core.batch import Batch, as_batch
from jkeras.core.errors import describe, type_error
from jkeras.core.global_arrays import put_tree
from jkeras.core.layer_places import placing
from jkeras.core.platform import platform, whole_batches
from jkeras.core.trees import Tree, named_leaves, path_names
from jkeras.distribution.strategies import Distribution, check_distribution


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
    """A `TrainState` over the devices; itself where it lies there already.

    Raises:
      TypeError: it is no `TrainState`, or `distribution` none.
    """
    check_distribution("laid_out", "distribution", distribution)
    if not hasattr(train_state, "params"):
        raise type_error(
            who="laid_out",
            argument="train_state",
            expected="a TrainState, as `make_init` of jkeras.training makes it",
            got=describe(train_state),
            fix="A single array is laid out by distribute_tensor.",
        )
    wanted = shardings(distribution, train_state)
    leaves, places = jax.tree.leaves(train_state), jax.tree.leaves(wanted)
    pairs = zip(leaves, places, strict=True)
    if all(isinstance(leaf, jax.Array) and leaf.sharding == place for leaf, place in pairs):
        return train_state
    return put_tree(train_state, wanted)


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


class StepPlaces(NamedTuple):
    """Within a compiled function: where weights and outputs of layers lie; see `layer_places`."""

    distribution: Distribution

    @property
    def gathers_again(self) -> bool:
        return self.distribution.gathers_again

    @property
    def has_output_rules(self) -> bool:
        return self.distribution.has_output_rules

    def weights(self, params: Tree) -> Any:
        """Weights that are kept in parts are gathered: XLA would else cut what a layer computes as
        the weights are cut, and lay it anew for the next layer.
        """
        if not self.distribution.gathers:
            return params
        place = whole(self.distribution)
        return jax.tree.map(lambda leaf: jax.lax.with_sharding_constraint(leaf, place), params)

    def gradients(self, grads: Tree) -> Any:
        """On the CPU a gradient that is a product comes transposed out of the sum over the devices,
        and each operation of the optimizer would read it across its rows: it is turned once. A
        step of Adam with weights of 1024 x 1024 and a batch of 256 took 1.9 times the processor
        time of one device, and takes 1.2 times. What is gathered stays as it comes, and so do the
        gradients of weights in parts, which each device would need whole to turn them.
        """
        from jax.experimental.layout import Layout, with_layout_constraint

        if self.distribution.gathers or platform() != "cpu":
            return grads

        def turned(path: tuple[Any, ...], grad: jax.Array) -> Any:
            if not isinstance(grad, jax.core.Tracer) or grad.ndim < 2:
                return grad
            if any(self.distribution.layout_of("/".join(path_names(path)), grad.shape).axes):
                return grad
            return with_layout_constraint(grad, Layout(tuple(range(grad.ndim))))

        return jax.tree_util.tree_map_with_path(turned, grads)

    def outputs(self, path: str, outputs: Tree) -> Any:
        """As the layout of these outputs says; a batch that does not divide stays as it is."""
        layout = self.distribution.get_tensor_layout(f"{path}/output")
        if layout is None:
            return outputs
        name = self.distribution.batch_dim_name

        def place(array: jax.Array) -> Any:
            if layout.axes[:1] == (name,) and len(array) % self.distribution.num_model_replicas:
                return array
            layout.check_fits(f"{path}/output", array.shape)
            return jax.lax.with_sharding_constraint(array, layout.backend_layout)

        return jax.tree.map(place, outputs)


def train_step_over(
    distribution: Distribution, step: Callable[[Any, Any], tuple[Any, Any]]
) -> Callable[[Any, Any], tuple[Any, Any]]:
    """A step of training, (train_state, batch) -> (train_state, logs), over devices.

    Raises:
      TypeError: `distribution` is none, or `step` no function.
    """
    _check_step("train_step_over", distribution, step)

    def train_step(train_state: Tree, batch: Tree) -> tuple[Any, Any]:
        with whole_batches(), placing(StepPlaces(distribution)):
            after, logs = step(train_state, cut(batch, distribution))
        return kept(distribution, after), logs

    return train_step


def step_over(distribution: Distribution, step: Callable[..., Any]) -> Callable[..., Any]:
    """A step without training, whose last argument is the batch, over devices.

    Raises:
      TypeError: `distribution` is none, or `step` no function.
    """
    _check_step("step_over", distribution, step)

    def run(*args: Any) -> Any:
        *values, batch = args
        with whole_batches(), placing(StepPlaces(distribution)):
            return step(*values, cut(batch, distribution))

    return run


def _check_step(who: str, distribution: object, step: object) -> None:
    check_distribution(who, "distribution", distribution)
    if not callable(step):
        expected = "a function of a step"
        raise type_error(who=who, argument="step", expected=expected, got=describe(step))
