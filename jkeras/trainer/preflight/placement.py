"""Where a data set lies while it is used: on the device whole, or on the host and sent in parts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import numpy as np

from jkeras.core import trees
from jkeras.core.global_arrays import put_tree
from jkeras.data.arrays import Arrays, bucket
from jkeras.data.feeds import with_rows
from jkeras.data.mapped_files import in_memory
from jkeras.data.streams import Stream
from jkeras.display import memory_text

if TYPE_CHECKING:
    from jax.sharding import Sharding

ALWAYS_FITS = 64 << 20
"""Bytes that are put on the device without asking whether there is room."""
TRAVELS = 64 << 10
"""Bytes that the CPU's programs take along in each dispatch: putting two small arrays on the device
first takes 0.14 ms, a tenth of a short `fit`."""
SHARE = 0.5
"""The part of the free memory that data may take: the rest is for the model and its gradients."""


class Placed(NamedTuple):
    """A data set where it will be used.

    Attributes:
      data: the data set.
      engine: "resident" or "streaming".
      why: the reason, in words.
    """

    data: Arrays | Stream
    engine: str
    why: str


def place(
    data: Arrays | Stream,
    engine: str = "auto",
    sharding: Sharding | None = None,
    *,
    is_eager: bool = False,
) -> Placed:
    """Puts arrays on the device if they fit beside the model, in their own dtypes.

    The memory of the CPU's device is the host's. Large arrays would be copied within it, since
    NumPy aligns them to 16 bytes and XLA asks for 64; their batches are gathered there as fast as
    on the device, while it works on the batches before.

    Args:
      data: a data set.
      engine: "resident" or "streaming" to decide it, "auto" to go by the device's free memory.
      sharding: where the arrays lie; None for the default device.
      is_eager: whether no program runs, which could take small arrays along.
    """
    if isinstance(data, Stream):
        return Placed(data, "streaming", "an iterable of batches")
    several = sharding is not None and not sharding.is_fully_addressable
    if several:  # each process takes its part from the host
        data = Arrays(jax.tree.map(_from_device, data.batch), data.length)
    if data.on_device:
        if sharding is not None:
            data = Arrays(put_tree(data.batch, sharding), data.length)
        return Placed(data, "resident", "arrays that lie on the device already")
    size = trees.size_bytes(data.batch)
    if engine == "streaming":
        return Placed(data, "streaming", "asked for")
    is_large = engine == "auto" and size > ALWAYS_FITS
    if is_large and several:  # memory may differ from process to process
        why = f"each process reads its part of {memory_text(size)} of data"
        return Placed(data, "streaming", why)
    if is_large and jax.default_backend() == "cpu":
        why = f"{memory_text(size)} of data lie in the device's own memory"
        return Placed(data, "streaming", why)
    free = free_bytes() if is_large else None
    if free is not None and size > SHARE * free:
        return Placed(
            data, "streaming", f"{memory_text(size)} of data, {memory_text(free)} of memory free"
        )
    why = (
        "asked for" if engine == "resident" else f"{memory_text(size)} of data fit beside the model"
    )
    room = bucket(data.length) if size <= ALWAYS_FITS else data.length
    # A copy of what lies in files: the CPU's device would use their memory as it is, and a file
    # that is cut short would end the process.
    batch = jax.tree.map(lambda leaf: with_rows(leaf, room), in_memory(data.batch))
    alone = sharding is None and not is_eager
    if alone and size <= TRAVELS and jax.default_backend() == "cpu":
        copies = jax.tree.map(np.array, batch)  # a callback may write into the user's arrays
        return Placed(Arrays(copies, data.length, travels=True), "resident", why)
    return Placed(Arrays(put_tree(batch, sharding), data.length), "resident", why)


def _from_device(leaf: object) -> Any:
    """An array of this process on the host; one that lies on several processes as it is."""
    is_own = isinstance(leaf, jax.Array) and leaf.is_fully_addressable
    return np.asarray(leaf) if is_own else leaf


def free_bytes() -> int | None:
    """Bytes of memory that the default device has left; None where it is unknown."""
    stats = jax.local_devices()[0].memory_stats()
    if stats and "bytes_limit" in stats:
        return stats["bytes_limit"] - stats.get("bytes_in_use", 0)
    found = [n for n in (_free_on_host(), _left_in_container()) if n is not None]
    return min(found, default=None)


def _free_on_host() -> int | None:
    """Memory that programs can have without swapping, as Linux tells it; elsewhere half of all."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kilobytes = {name: rest.split()[0] for name, _, rest in (s.partition(":") for s in lines)}
        return int(kilobytes["MemAvailable"]) * 1024
    except (OSError, KeyError, ValueError):  # not Linux, or one that tells otherwise
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (AttributeError, OSError, ValueError):  # Windows has none of these
        return None


def _left_in_container() -> int | None:
    """What a container's limit leaves, where there is one."""
    folder = Path("/sys/fs/cgroup")
    try:
        limit = int((folder / "memory.max").read_text(encoding="ascii"))
        return limit - int((folder / "memory.current").read_text(encoding="ascii"))
    except (OSError, ValueError):  # no container, or no limit ("max")
        return None
