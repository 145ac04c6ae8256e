"""Weights in one file: arrays by their paths, written atomically.

Any tree of arrays can be saved; the names in the file are the paths of its leaves, such as
`params/dense/kernel`. The suffix of the file's name selects the format: `.safetensors` or
`.msgpack`. A file holds no code, but names, shapes, dtypes, bytes and their checksums.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.errors import MissingFileError, WrongTypeError, nearest
from jkeras.core.trees import Tree, named_leaves
from jkeras.saving import msgpack_files, safetensors_files
from jkeras.saving.checkpoint_file import FORMAT as CHECKPOINT
from jkeras.saving.matching import Report, match
from jkeras.saving.safetensors_files import Arrays

ENDINGS = (".safetensors", ".msgpack")


def save(path: str | os.PathLike[str], tree: Tree, *, overwrite: bool = True) -> None:
    """Writes a tree of arrays.

    Args:
      path: ends with `.safetensors` or `.msgpack`; a missing folder is created.
      tree: arrays in any containers. Random keys are written as their key data.
      overwrite: whether an existing file may be replaced.

    Raises:
      FileExistsError: the file exists and `overwrite` is False.
      TypeError: an array has a dtype that the format does not support.
      ValueError: another suffix, or two arrays with the same path as a name.

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
    """The arrays by name in a weight file, of this module or of another library.

    From a file with the whole state of a run the weights are returned.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: another suffix, or the file is damaged.
    """
    path = checked_ending(path)
    if not path.exists():
        raise MissingFileError(f"{path}: there is no such file.")
    if path.suffix == ".msgpack":
        return msgpack_files.read_named(path)
    arrays, metadata = safetensors_files.read_arrays(path)
    if metadata.get("format") != CHECKPOINT:
        return arrays
    named = {name.removeprefix("values/"): array for name, array in arrays.items()}
    weights = {n: array for n, array in named.items() if n.startswith(("params/", "state/"))}
    return weights or arrays


def load(path: str | os.PathLike[str], like: Tree) -> Tree:
    """Reads a file of `save` into a tree with the structure of `like`.

    Args:
      path: the file.
      like: a tree of arrays with the expected names and shapes, and the dtypes of the result; a
        floating dtype in the file is cast to another one.

    Returns:
      A tree like `like`, with NumPy arrays from the file, and random keys in place of random keys.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or a weight is missing, left over or of another shape or
        dtype; the message names the first one that differs.
    """
    arrays = read(path)
    report, names = match({name: plain(leaf) for name, leaf in named_leaves(like).items()}, arrays)
    if not report.complete:
        raise ValueError(f"{path}: {report.difference}")
    return filled(like, {name: arrays[file_name] for name, file_name in names.items()})


def filled(tree: Tree, arrays: Mapping[str, np.ndarray[Any, Any]]) -> Tree:
    """A tree whose arrays are replaced by the named arrays, cast to the dtypes of the tree."""
    leaves = []
    for name, leaf in named_leaves(tree).items():
        if name not in arrays:
            leaves.append(leaf)
        elif _is_key(leaf):
            data, impl = jnp.asarray(arrays[name]), jax.random.key_impl(leaf)
            leaves.append(jax.random.wrap_key_data(data, impl=impl))
        else:
            leaves.append(arrays[name].astype(plain(leaf).dtype, copy=False))
    return jax.tree.unflatten(jax.tree.structure(tree), leaves)


def plain(leaf: Any) -> Any:
    """An array in a dtype that can be written: the key data for random keys."""
    leaf = leaf if hasattr(leaf, "dtype") else np.asarray(leaf)
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _is_key(leaf: object) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def checked_ending(
    path: str | os.PathLike[str], known: tuple[str, ...] = ENDINGS, who: str = "weights file"
) -> Path:
    """The path, if it ends with one of these suffixes.

    Raises:
      TypeError: `path` is not a path.
      ValueError: another suffix; the message suggests a name.

    Example:
      >>> checked_ending("model.msgpack").name
      'model.msgpack'
    """
    if not isinstance(path, str | os.PathLike):
        raise WrongTypeError(f"{who}: expected a path, got {path!r} ({type(path).__name__}).")
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
