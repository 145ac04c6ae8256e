"""Weights in one file: nested dicts of arrays as msgpack, written whole or not at all.

No code is stored and none is run: a file holds names, shapes, dtypes and bytes.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jkeras.core.folders import atomic_write

_FORMAT = "jkeras-weights-1"


def save(path: str | os.PathLike[str], tree: dict[str, Any], *, overwrite: bool = True) -> None:
    """Writes nested dicts of arrays.

    Raises:
      FileExistsError: the file exists and `overwrite` is False.
      ValueError: the name does not end with `.msgpack`.
    """
    from flax import serialization  # slow to import, and only needed for files

    path = _checked(path)
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} exists. Choose another name, or pass overwrite=True.")
    content = {"format": _FORMAT, "weights": jax.tree.map(np.asarray, tree)}
    data = serialization.msgpack_serialize(content)
    atomic_write(path, lambda file: file.write(data))


def load(path: str | os.PathLike[str], like: dict[str, Any]) -> dict[str, Any]:
    """Reads what `save` wrote, if it has the structure of `like`.

    Args:
      path: the file.
      like: nested dicts of arrays with the names, shapes and dtypes that are expected.

    Returns:
      Nested dicts of NumPy arrays.

    Raises:
      FileNotFoundError: there is no such file.
      ValueError: the file is not such a file, or a weight is missing, left over or of another
        shape.
    """
    from flax import serialization

    path = _checked(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: there is no such file.")
    try:
        content = serialization.msgpack_restore(path.read_bytes())
        assert content["format"] == _FORMAT
        found = _flat(content["weights"])
    except Exception as error:  # a damaged file fails anywhere inside the decoder, in any way
        raise ValueError(f"{path}: expected weights saved by jkeras, and it is damaged.") from error
    wanted = _flat(like)
    _compare(path, wanted, found)
    return _nested(found)


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


def _flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dicts as one dict of paths, `params/dense/kernel`."""
    flat: dict[str, Any] = {}
    for name, part in tree.items():
        path = f"{prefix}/{name}" if prefix else name
        flat |= _flat(part, path) if isinstance(part, dict) else {path: part}
    return flat


def _nested(flat: dict[str, Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {"params": {}, "state": {}}
    for path, leaf in flat.items():
        *parents, name = path.split("/")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[name] = leaf
    return tree


def _checked(path: str | os.PathLike[str]) -> Path:
    path = Path(path)
    if path.suffix != ".msgpack":
        raise ValueError(
            f"weights file {path.name!r}: expected a name that ends with '.msgpack'. "
            f"Use {path.with_suffix('.msgpack').name!r}."
        )
    return path
