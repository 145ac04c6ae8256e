"""The check that the file of a memory-mapped array is still long enough.

`np.memmap` and `np.load(path, mmap_mode="r")` return arrays that are read from the file on access.
If the file was truncated meanwhile, the operating system kills the process, without an error that
could be caught. So every reader of such arrays checks the length first, which takes microseconds.

Laws: a removed or replaced file is no error, since the mapped content stays; a file that shrinks
between the check and the read is not detected.
"""

from __future__ import annotations

import mmap
from typing import Any

import jax
import numpy as np
from numpy.lib.array_utils import byte_bounds

from jkeras.core import trees
from jkeras.core.trees import Tree


class ShrunkenFile(OSError):
    """A file is shorter than the array that is mapped to it."""


def check_files(tree: Tree) -> None:
    """Raises if the file of a memory-mapped array in a tree has become too short.

    Args:
      tree: arrays of any kind; only mapped arrays take time.

    Raises:
      ShrunkenFile: the message names the array and the file.

    Example:
      >>> check_files({"x": np.zeros(3)})
    """
    if all(mapped_array(leaf) is None for leaf in jax.tree.leaves(tree)):
        return  # naming the leaves takes longer than checking them
    for name, leaf in trees.named_leaves(tree).items():
        mapped = mapped_array(leaf)
        if mapped is None:
            continue
        expected = mapped.offset + byte_bounds(leaf)[1] - byte_bounds(mapped)[0]
        try:
            size = mapped.base.size()
        except (OSError, ValueError):  # the file is not open any more, so its size is unknown
            continue
        if size < expected:
            raise ShrunkenFile(
                f"`{name or 'array'}`: its file {str(mapped.filename)!r} has shrunk: expected at "
                f"least {expected} bytes, as when it was opened, got {size}. Write data to a new "
                "file, and rename it when it is complete."
            )


def mapped_array(leaf: object) -> Any:
    """The memory-mapped array that an array is a view of; None for an array in memory."""
    base: Any = leaf
    while isinstance(base, np.ndarray):
        leaf, base = base, base.base
    return leaf if isinstance(base, mmap.mmap) and hasattr(leaf, "filename") else None


def in_memory(tree: Tree) -> Any:
    """The tree with memory-mapped arrays copied into memory."""
    check_files(tree)
    return jax.tree.map(lambda a: a if mapped_array(a) is None else np.array(a), tree)
