"""Trees of arrays in Orbax's folders, written by any program.

Law: reading allocates no more than the files of the folder can hold, and runs no code from them.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jkeras.core.trees import Tree

METADATA = "_METADATA"  # the file by which a folder is known as an Orbax tree
USUAL = ("default", "pytree")  # what Orbax calls the item of a checkpoint that has one, and Keras
PACKED = 1000  # the most bytes of an array that a byte on disk may stand for (zstd),
SPARE = 1 << 26  # beside these 64 MB


def tree_in(path: Path) -> Path:
    """The folder of the one tree in a checkpoint, which may be the checkpoint's folder itself.

    Raises:
      ValueError: the checkpoint has no tree, or more than one.
    """
    if (path / METADATA).exists():
        return path
    items = sorted(p.parent for p in path.glob(f"*/{METADATA}"))
    usual = [item for item in items if item.name in USUAL]
    if len(usual or items) == 1:
        return (usual or items)[0]
    if items:
        raise ValueError(
            f"{path}: expected one Orbax tree, got {len(items)}. Choose one: {str(items[0])!r}."
        )
    raise ValueError(f"{path}: expected an Orbax tree, with a file {METADATA}, got none.")


def nested(value: Tree) -> Any:
    """A tree as dicts of arrays.

    A list becomes a dict with the keys "0", "1", …; a variable of `flax.nnx`, which is saved as a
    dict with its value, becomes the value; strings and None are left out.

    Example:
      >>> nested({"layers": [{"kernel": {"value": np.zeros(2)}, "name": "dense"}]})
      {'layers': {'0': {'kernel': array([0., 0.])}}}
    """
    if isinstance(value, list | tuple):
        value = {str(i): part for i, part in enumerate(value)}
    if not isinstance(value, dict):
        return np.asarray(value)
    if set(value) == {"value"} and isinstance(value["value"], np.ndarray):
        return value["value"]
    kept = {n: p for n, p in value.items() if p is not None and not isinstance(p, str)}
    return {str(name): nested(part) for name, part in kept.items()}


def read_tree(path: Path, *, packed: int = PACKED) -> Any:
    """An Orbax tree with NumPy arrays.

    Args:
      path: the folder of the tree.
      packed: the largest ratio of an array's bytes to its bytes on disk, due to compression.

    Raises:
      ValueError: the tree is damaged, or its arrays are larger than its files can hold.
    """
    import orbax.checkpoint as ocp
    from etils import epath

    handler, folder = ocp.PyTreeCheckpointHandler(), epath.Path(path)
    try:
        metadata: Any = handler.metadata(folder)
        metadata = metadata.tree
    except Exception as error:  # a damaged file fails in Orbax in any way
        raise damaged(path.parent, path.name, error) from error
    leaves = [leaf for leaf in jax.tree.leaves(metadata) if getattr(leaf, "shape", None)]
    declared = sum(math.prod(map(int, n.shape)) * np.dtype(n.dtype).itemsize for n in leaves)
    held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    if declared > held * packed + SPARE:
        raise ValueError(
            f"{path}: expected arrays that its files ({held} bytes) can hold, got entries of "
            f"{declared} bytes."
        )

    def as_numpy(leaf: object) -> Any:
        is_array = getattr(leaf, "shape", None) is not None
        return ocp.RestoreArgs(restore_type=np.ndarray) if is_array else ocp.RestoreArgs()

    options = jax.tree.map(as_numpy, metadata)
    try:
        return handler.restore(folder, args=ocp.args.PyTreeRestore(restore_args=options))
    except Exception as error:  # a damaged file fails in Orbax in any way
        raise damaged(path.parent, path.name, error) from error


def damaged(path: Path, item: str, error: Exception) -> ValueError:
    """The error for an item of a checkpoint that Orbax cannot read."""
    reason = " ".join(str(error).split())[:200] or type(error).__name__
    return ValueError(f"{path}: expected its entry {item!r} whole, and it is damaged: {reason}")
