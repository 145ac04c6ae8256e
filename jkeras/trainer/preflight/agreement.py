"""What has to be equal in all processes that train a model together: compared before any work.

Data are compared by shape, dtype and a checksum of a part of them; weights by a checksum of the
beginning of each, once, before they are laid over the devices.
"""

from __future__ import annotations

import zlib
from typing import Any

import jax
import numpy as np

from jkeras.core import trees
from jkeras.core.batch import Batch
from jkeras.core.trees import Tree
from jkeras.data.streams import Stream
from jkeras.distribution import Distribution
from jkeras.trainer.preflight.data_arguments import Data
from jkeras.trainer.state.model_state import ModelState

MOST = 1 << 24
"""Bytes of an array that its checksum looks at."""
PIECES = 64
"""From how many places of a larger array these bytes come."""
OF_WEIGHT = 1 << 16
"""Bytes of a weight that the checksum of all weights looks at."""

FIXES = {
    "seed": "Pass `seed=` to the model, or call jkeras.utils.set_random_seed first.",
    "weights": "Load the same file on all processes.",
    "data": "Each process is given the same data, and reads its part of every batch; for iterables "
    "that give each process a part of its own, write auto_shard_dataset=False.",
}


def check_agreement(
    who: str,
    distribution: Distribution,
    state: ModelState,
    data: Data,
    batch: Batch,
    batch_size: int | None,
    *,
    gives_part: bool,
) -> None:
    """Raises ValueError, on all processes, where one has other data, another model or another batch
    size than the first; does nothing for a process alone.

    Args:
      who: the method, for messages.
      distribution: the devices.
      state: of the model, built.
      data: the data set.
      batch: a batch of it; all of the data where they are arrays.
      batch_size: examples in a batch.
      gives_part: whether each process may give a part of a batch.
    """
    team = distribution.team
    if not team.several:
        return
    length = None if isinstance(data, Stream) else data.length
    facts: dict[str, Any] = {"distribution": repr(distribution), "method": who}
    facts["batch_size"] = "32" if batch_size is None else str(batch_size)
    if not state.is_laid_out:
        facts["model"], facts["seed"] = _shapes(state), str(state.seed)
        facts["weights"] = f"values with the checksum {_checksum_of_weights(state):08x}"
    with_values = distribution.auto_shard_dataset or not gives_part
    given = {"`x`": batch.x, "`y`": batch.y, "`sample_weight`": batch.weight}
    for name, leaf in trees.named_leaves(given).items():
        facts[name] = _described(leaf, length, with_values=with_values)
    if isinstance(data, Stream):
        facts["number of batches"] = str(data.steps)
    fixes = FIXES | {name: FIXES["data"] for name in facts if name.startswith("`")}
    team.agree(who, facts, fixes)


def _shapes(state: ModelState) -> str:
    """The weights' names, shapes and dtypes, in short."""
    values = state.need_values()
    named = trees.named_leaves((values.params, values.state))
    text = str([(name, leaf.shape, str(leaf.dtype)) for name, leaf in named.items()])
    count = trees.count(values.params)
    return f"{count:,} parameters with the checksum of names {zlib.crc32(text.encode()):08x}"


def _checksum_of_weights(state: ModelState) -> int:
    values, checksum = state.need_values(), 0
    for leaf in jax.tree.leaves((values.params, values.state)):
        plain = jax.random.key_data(leaf) if _is_key(leaf) else leaf
        head = np.asarray(plain).reshape(-1)[: OF_WEIGHT // plain.dtype.itemsize]
        checksum = zlib.crc32(np.ascontiguousarray(head).tobytes(), checksum)
    return checksum


def _described(leaf: Tree, length: int | None, *, with_values: bool) -> str:
    shape = list(np.shape(leaf))
    if length is not None:
        shape[0] = length
    text = f"{leaf.dtype} {shape}"
    if not with_values or not getattr(leaf, "is_fully_addressable", True):
        return text
    return f"{text} with the checksum {checksum(np.asarray(leaf)[: shape[0]]):08x}"


def checksum(array: np.ndarray) -> int:
    """Of all bytes of a small array, of pieces of a large one.

    Example:
      >>> checksum(np.zeros(3)) == checksum(np.ones(3))
      False
    """
    if array.nbytes <= MOST or len(array) < PIECES:
        return zlib.crc32(np.ascontiguousarray(array).tobytes())
    rows = max(MOST // PIECES // max(array.nbytes // len(array), 1), 1)
    found = 0
    for start in np.linspace(0, len(array) - rows, PIECES).astype(int):
        piece = np.ascontiguousarray(array[start : start + rows])
        found = zlib.crc32(piece.tobytes(), found)
    return found


def _is_key(leaf: jax.Array) -> bool:
    return bool(jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key))
