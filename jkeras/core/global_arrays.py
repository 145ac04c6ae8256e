"""Arrays that lie on the devices of several processes: put there, and brought back to the host.

JAX makes such an array only where each process gives the parts of its own devices. Law: in one
process `put` is `jax.device_put`, and `on_host` is `numpy.asarray`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import Sharding

from jkeras.core.trees import Tree

if TYPE_CHECKING:
    from jax.typing import ArrayLike


def is_cut(leaf: object) -> bool:
    """Whether other processes have parts of an array that this one has not."""
    if not isinstance(leaf, jax.Array) or isinstance(leaf, jax.core.Tracer):
        return False
    return not (leaf.is_fully_addressable or leaf.is_fully_replicated)


def on_host(leaf: ArrayLike) -> Any:
    """An array as one of NumPy; for one that is cut over processes all of them call it, and each
    gets it whole.
    """
    if not is_cut(leaf):
        return np.asarray(leaf)
    from jax.experimental import multihost_utils

    return multihost_utils.process_allgather(leaf, tiled=True)


def put(leaf: ArrayLike, sharding: Sharding) -> Any:
    """An array where the sharding says. Over several processes each one knows all of the array, and
    takes the parts of its own devices.
    """
    if sharding.is_fully_addressable:
        return jax.device_put(leaf, sharding)
    if isinstance(leaf, jax.Array):
        if not leaf.is_fully_addressable:
            return leaf if leaf.sharding == sharding else jax.device_put(leaf, sharding)
        if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = put(jax.random.key_data(leaf), sharding)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    host = np.asarray(leaf)
    # A copy: the CPU's device would use the memory of the host's array as it is.
    return jax.make_array_from_callback(host.shape, sharding, lambda index: np.array(host[index]))


def put_tree(tree: Tree, shardings: Sharding | Tree) -> Any:
    """As `put`, for a tree, with a sharding for each array or one for all."""
    leaves, structure = jax.tree.flatten(tree)
    is_one = isinstance(shardings, Sharding)
    places = [shardings] * len(leaves) if is_one else jax.tree.leaves(shardings)
    if all(place.is_fully_addressable for place in places):
        return jax.device_put(tree, shardings)
    pairs = zip(leaves, places, strict=True)
    return jax.tree.unflatten(structure, [put(leaf, place) for leaf, place in pairs])


def local(leaf: ArrayLike) -> Any:
    """An array of this process alone, for one that lies on the devices of several."""
    if not isinstance(leaf, jax.Array) or leaf.is_fully_addressable:
        return leaf
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        data = on_host(jax.random.key_data(leaf))
        return jax.random.wrap_key_data(jax.numpy.asarray(data), impl=jax.random.key_impl(leaf))
    return on_host(leaf)
