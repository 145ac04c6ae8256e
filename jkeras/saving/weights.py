"""Weights in one file: arrays under their paths as msgpack, written whole or not at all.

Any tree of arrays can be saved; the names in the file are the paths of its leaves, such as
`params/dense/kernel`. No code is stored and none is run: a file holds names, shapes, dtypes and
bytes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jkeras.core.folders import atomic_write
from jkeras.core.trees import Tree, named_leaves

_FORMAT = "jkeras-weights-1"


def save(path: str | os.PathLike[str], tree: Tree, *, overwrite: bool = True) -> None:
    """Writes a tree of arrays.

    Raises:
      FileExistsError: the file exists and `overwrite` is False.
      ValueError: the name does not end with `.msgpack`.
    """
    from flax import serialization  # slow to import, and only needed for files

    path = _checked(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")
    arrays = {name: np.asarray(leaf) for name, leaf in named_leaves(tree).items()}
    data = serialization.msgpack_serialize({"format": _FORMAT, "weights": arrays})
    atomic_write(path, lambda file: file.write(data))


def load(path: str | os.PathLike[str], like: Tree) -> Tree:
    """Reads what `save` wrote, if it has the structure of `like`.

    Args:
      path: the file.
      like: a tree of arrays with the names, shapes and dtypes that are expected.

    Returns:
      The same tree with NumPy arrays from the file.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is not such a file, or a weight is missing, left over or of another
        shape or dtype.
    """
    path = _checked(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file.")
    try:
        found = _decoded(path.read_bytes())
    except OSError:  # the file is there and cannot be read: the system says why
        raise
    except Exception as error:  # a damaged file fails anywhere inside the decoder, in any way
        raise ValueError(f"{path}: expected weights saved by jkeras, and it is damaged.") from error
    wanted = named_leaves(like)
    _compare(path, wanted, found)
    return jax.tree.unflatten(jax.tree.structure(like), [found[name] for name in wanted])


def _decoded(data: bytes) -> dict[str, np.ndarray[Any, Any]]:
    """The arrays in a file's content, by name."""
    from flax import serialization

    content = serialization.msgpack_restore(data)
    if content["format"] != _FORMAT:
        raise ValueError(f"expected the format {_FORMAT}, got {content['format']}.")
    for name, weight in content["weights"].items():
        if not isinstance(name, str) or not isinstance(weight, np.ndarray):
            raise ValueError(f"expected an array under {name}, got {type(weight).__name__}.")
    return dict(content["weights"])


def _compare(path: Path, wanted: dict[str, Any], found: dict[str, Any]) -> None:
    for name, weight in wanted.items():
        if name not in found:
            raise ValueError(f"{path}: the model has a weight {name}, and the file does not.")
        if found[name].shape != weight.shape or found[name].dtype != weight.dtype:
            raise ValueError(
                f"{path}: expected {name} of shape {weight.shape} and dtype {weight.dtype}, got "
                f"{found[name].shape} and {found[name].dtype}."
            )
    extra = [name for name in found if name not in wanted]
    if extra:
        raise ValueError(f"{path}: the file has a weight {extra[0]}, and the model does not.")


def _checked(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.suffix != ".msgpack":
        raise ValueError(
            f"weights file {path.name!r}: expected a name that ends with '.msgpack'. "
            f"Use {path.with_suffix('.msgpack').name!r}."
        )
    return path
