"""Keras's `.weights.h5`: a group for each layer, with its arrays by number in the subgroup `vars`.

    layers/dense/vars/0    kernel
    layers/dense/vars/1    bias

`jkeras.trainer.files.keras_layout` makes the groups of a model; this module writes groups to a
file, and reads a file into groups. Writing needs h5py. Reading uses `keras_hdf5` instead, which a
damaged or malicious file can neither crash nor block.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from jkeras.core.errors import MissingFileError
from jkeras.saving.keras_hdf5 import UNSAFE, datasets

if TYPE_CHECKING:
    import h5py

Stored = dict[str, dict[str, np.ndarray]]
"""The arrays of each group, by their names in it: "0", "1", … ."""


class Group(NamedTuple):
    """The entry of one layer, or of the optimizer, in a file.

    Attributes:
      path: "layers/dense"; "" for the model itself.
      name: the layer's name, which is stored beside the arrays; None for no name.
      arrays: the layer's weights without those of its sublayers, in order.
      first: the number of the first of them, where another file has those before it.
      named: further arrays that have names in place of numbers.
    """

    path: str
    name: str | None
    arrays: tuple[Any, ...] = ()
    first: int = 0
    named: Mapping[str, Any] = MappingProxyType({})


def write(file: BinaryIO, groups: Iterable[Group]) -> None:
    """Writes groups as an HDF5 file.

    Args:
      file: a seekable file, open for writing and reading.
      groups: the groups, with different paths.

    Raises:
      ImportError: h5py is not installed.
      OSError: the file cannot be written.
    """
    import h5py

    with h5py.File(file, "w", libver="earliest") as h5:
        for group in groups:
            h5_group = h5.create_group(f"{group.path}/vars".lstrip("/"))
            if group.name is not None:
                h5_group.attrs["name"] = group.name
            for number, value in enumerate(group.arrays, group.first):
                write_array(h5_group, str(number), np.asarray(value))
            for name, value in group.named.items():
                write_array(h5_group, name, np.asarray(value))


def write_array(group: h5py.Group, name: str, array: np.ndarray) -> None:
    """Writes an array under a name in a group of h5py."""
    dataset = group.create_dataset(name, data=array)
    if array.dtype.name == "bfloat16":  # HDF5 has no such dtype; Keras's mark for it
        dataset.attrs["dtype"] = "bfloat16"


def read(data: bytes, who: str) -> Stored:
    """The groups in a file of Keras or of `write`.

    Args:
      data: the bytes of the file.
      who: the name of the file in errors.

    Raises:
      ValueError: the file is damaged, or not a weights file of Keras 3.
    """
    return grouped(datasets(data, who), who)


def grouped(arrays: Mapping[str, np.ndarray], who: str) -> Stored:
    """The groups of the arrays of a file by their paths.

    Raises:
      ValueError: no array lies in a subgroup `vars`.
    """
    groups: Stored = {}
    others = []
    for path, array in arrays.items():
        group, _, name = f"/{path}".rpartition("/")
        above, _, last = group.rpartition("/")
        if last == "vars":
            groups.setdefault(above.lstrip("/"), {})[name] = array
        else:
            others.append(path)
    if others and not groups:
        raise ValueError(
            f"{who}: expected weights as Keras 3 writes them to '.weights.h5', with arrays under "
            f"'vars', got {others[0]!r}: the older '.h5' form. Load it in Keras, and save it by "
            f"model.save_weights('name.weights.h5'). {UNSAFE}"
        )
    return groups


def in_order(arrays: Mapping[str, np.ndarray]) -> list[np.ndarray] | None:
    """The arrays of a group in the order of their numbers; None if a name is not a number."""
    names = [str(number) for number in range(len(arrays))]
    return [arrays[name] for name in names] if set(names) == set(arrays) else None


File = str | os.PathLike[str] | BinaryIO
"""A path, or a file that is open in binary mode."""


def read_bytes(path: File) -> bytes:
    """The content of a file.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: `path` is not a regular file, but a folder or a device.
    """
    if not isinstance(path, str | os.PathLike):
        return path.read()
    path = Path(path)
    if not path.exists():
        raise MissingFileError(f"{path}: there is no such file.")
    if not path.is_file():
        raise ValueError(f"{path}: expected a file, and it is none.")
    return path.read_bytes()
