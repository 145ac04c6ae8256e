"""Batches of the host laid over devices, also over those of several processes.

Every process reads the rows of its own devices, and no other ones.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from jkeras.core.errors import value_error
from jkeras.core.trees import Tree
from jkeras.distribution.strategies import Distribution

if TYPE_CHECKING:
    from jax.typing import ArrayLike

RowsFn = Callable[[slice], np.ndarray]
"""From a slice of the rows of each batch to these, `[batches, rows, ...]`, on the host."""


class BatchPlaces:
    """Where batches lie: each device has its part of the rows of each.

    Args:
      distribution: the devices.

    Attributes:
      is_local: whether each process gives rows of its own, which lie one behind the other in a
        batch (`auto_shard_dataset=False`); else all processes know the whole batch.
      multiple: rows that a process has to give a multiple of, for each device to get as many.
    """

    def __init__(self, distribution: Distribution) -> None:
        self._distribution = distribution
        self._team = distribution.team
        self.is_local = self._team.several and not distribution.auto_shard_dataset
        parts = distribution.num_model_replicas
        self.multiple = max(parts // len(self._team.members), 1) if self.is_local else parts

    def put_rows(self, shape: tuple[int, ...], rows_fn: RowsFn) -> Any:
        """Batches one behind the other, `[batches, rows, ...]`; those whose rows do not divide by
        the devices lie whole on each.

        Args:
          shape: of the batches as this process knows them.
          rows_fn: gives the rows.

        Raises:
          ValueError: the process gives rows of its own, and they do not divide by its devices.
        """
        distribution = self._distribution
        mesh = distribution.device_mesh.backend_mesh
        fits = shape[1] % self.multiple == 0
        spec = PartitionSpec(None, distribution.batch_dim_name) if fits else PartitionSpec()
        place = NamedSharding(mesh, spec)
        if not self.is_local:
            fetch: Any = lambda index: np.array(rows_fn(index[1]))  # noqa: E731
            return jax.make_array_from_callback(shape, place, fetch)
        if not fits:
            raise value_error(
                who=type(distribution).__name__,
                argument="auto_shard_dataset",
                expected=f"a multiple of {self.multiple} examples in the part of a batch that each "
                "process gives",
                got=shape[1],
            )
        return jax.make_array_from_process_local_data(place, np.array(rows_fn(slice(None))))

    def put_batch(self, batch: Tree) -> Any:
        """One batch: its leaves as `put_rows` lays them, without the axis of batches."""

        def of(leaf: ArrayLike) -> Any:
            host = np.asarray(leaf)
            rows = host[None]
            placed = self.put_rows(rows.shape, lambda part: rows[:, part])
            return _first(placed)

        return jax.tree.map(of, batch)


@jax.jit
def _first(batches: jax.Array) -> Any:
    return batches[0]
