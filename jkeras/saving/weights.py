"""Weights in one file: arrays under their paths, written whole or not at all.

Any tree of arrays can be saved; the names in the file are the paths of its leaves, such as
`params/dense/kernel`. The ending of the file's name says the format: `.safetensors` or `.msgpack`.
No code is stored and none is run: a file holds names, shapes, dtypes, bytes and their checksums.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import nearest
from jkeras.core.trees import Tree, named_leaves
from jkeras.saving import msgpack_files, safetensors_files
from jkeras.saving.checkpoint_file import FORMAT as CHECKPOINT
from jkeras.saving.matching import Report, match

ENDINGS = (".safetensors", ".msgpack")

Arrays = dict[str, np.ndarray[Any, Any]]


def save(path: str | os.PathLike[str], tree: Tree, *, overwrite: bool = True) -> None:
    """Writes a tree of arrays.

    Args:
      path: ends with `.safetensors` or `.msgpack`; a folder that is missing is made.
      tree: arrays in any containers. Random keys are written as the numbers they are made of.
      overwrite: whether a file that is there may be replaced.

    Raises:
      FileExistsError: the file exists and `overwrite` is False.
      TypeError: a dtype that files cannot hold.
      ValueError: another ending, or two arrays whose paths read alike.

    Example:
      >>> import tempfile
      >>> tree = {"dense": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}}
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     save(f"{folder}/w.safetensors", tree)
      ...     load(f"{folder}/w.safetensors", tree)["dense"]["bias"]
      array([0., 0., 0.])
    """
    path = checked_ending(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")
    arrays = {name: plain(leaf) for name, leaf in named_leaves(tree).items()}
    if len(arrays) != len(jax.tree.leaves(tree)):
        raise ValueError(f"{path}: expected a tree in which every path reads differently.")
    if path.suffix == ".msgpack":
        msgpack_files.write_named(path, arrays)
    else:
        safetensors_files.write_arrays(path, arrays, {"format": "jkeras-weights-2"})


def read(path: str | os.PathLike[str]) -> Arrays:
    """The arrays in a weight file by name: one from here, or of another library.

    Of a file that holds the whole state of a run, these are the weights.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: another ending, or the file is damaged.
    """
    path = checked_ending(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file.")
    if path.suffix == ".msgpack":
        return msgpack_files.read_named(path)
    arrays, metadata = safetensors_files.read_arrays(path)
    return _of_run(arrays) if metadata.get("format") == CHECKPOINT else arrays


def _of_run(arrays: Arrays) -> Arrays:
    """The params and the state among the arrays of a run's checkpoint, or all if it has none."""
    named = {name.removeprefix("values/"): array for name, array in arrays.items()}
    weights = {n: array for n, array in named.items() if n.startswith(("params/", "state/"))}
    return weights or arrays


def load(path: str | os.PathLike[str], like: Tree) -> Tree:
    """Reads what `save` wrote, if it has the structure of `like`.

    Args:
      path: the file.
      like: a tree of arrays with the names and shapes that are expected, and the dtypes to give
        them; one floating dtype may take another's place.

    Returns:
      The same tree with NumPy arrays from the file (and random keys where `like` has them).

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is damaged, or a weight is missing, left over or of another shape or
        dtype; the message names the first one that differs.
    """
    found = read(path)
    report, names = match({name: plain(leaf) for name, leaf in named_leaves(like).items()}, found)
    if not report.complete:
        raise ValueError(f"{path}: {report.difference}")
    return filled(like, {name: found[file_name] for name, file_name in names.items()})


def filled(tree: Tree, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Tree:
    """A tree with the arrays that are given by name in the place of its own, in its dtypes."""
    leaves = [
        _as(leaf, arrays[name]) if name in arrays else leaf
        for name, leaf in named_leaves(tree).items()
    ]
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def plain(leaf: Any) -> Any:
    """An array as it can be written: random keys as their numbers."""
    leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _is_key(leaf: object) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as(leaf: Any, array: np.ndarray[Any, Any]) -> Any:
    if _is_key(leaf):
        return jax.random.wrap_key_data(jnp.asarray(array), impl=jax.random.key_impl(leaf))
    return array.astype(plain(leaf).dtype, copy=False)


def checked_ending(
    path: str | os.PathLike[str], known: tuple[str, ...] = ENDINGS, who: str = "weights file"
) -> Path:
    """A path, if its name ends with one of these.

    Raises:
      TypeError: it is no path.
      ValueError: another ending; the message suggests a name.

    Example:
      >>> checked_ending("model.msgpack").name
      'model.msgpack'
    """
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{who}: expected a path, got {path!r} ({type(path).__name__}).")
    path = Path(path)
    if path.name.endswith(known):
        return path
    listed = ", ".join(map(repr, known[:-1])) + f" or {known[-1]!r}"
    suffix = path.suffix
    close = [ending for ending in known if nearest(suffix, [ending])] if suffix else []
    better = path.with_suffix(close[0] if close else ".safetensors").name if path.name else ""
    fix = f" Use {better!r}." if better else ""
    raise ValueError(f"{who} {path.name!r}: expected a name that ends with {listed}.{fix}")


__all__ = ["ENDINGS", "Report", "checked_ending", "filled", "load", "plain", "read", "save"]
