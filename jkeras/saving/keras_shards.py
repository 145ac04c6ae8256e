"""Keras's `.weights.json`: weights in several HDF5 files, and a map from groups to files.

    m.weights.json            {"weight_map": {"/layers/dense/vars": "m_00000.weights.h5", …}, …}
    m_00000.weights.h5        groups as in any `.weights.h5`

Laws: no file but those beside the map is read; the map is written last, when its files are whole.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from jkeras.core.folders import atomic_write
from jkeras.saving import keras_h5
from jkeras.saving.keras_archive import json_object
from jkeras.saving.keras_h5 import Group, Stored, read_bytes

ENDING = ".weights.json"


def write(path: Path, groups: Iterable[Group], most_bytes: float) -> None:
    """Writes groups to files of at most so many bytes of weights, and the map of them.

    Args:
      path: of the map; its name ends with `.weights.json`.
      groups: the groups, with different paths.
      most_bytes: a weight that is larger has a file of its own.

    Raises:
      ImportError: h5py is not installed.
      OSError: a file cannot be written.
    """
    shards: list[list[Group]] = [[]]
    size = total = 0
    places: dict[str, list[str]] = {}
    for group in groups:
        parts: dict[int, list[object]] = {len(shards) - 1: []}
        for array in group.arrays:
            wanted = np.asarray(array).nbytes
            if size and size + wanted > most_bytes:
                shards.append([])
                size = 0
            size, total = size + wanted, total + wanted
            parts.setdefault(len(shards) - 1, []).append(array)
        start = 0
        for shard, arrays in parts.items():
            shards[shard].append(group._replace(arrays=tuple(arrays), first=start))
            start += len(arrays)
        written = [shard for shard, arrays in parts.items() if arrays]
        if written:
            key = f"/{group.path}/vars" if group.path else "/vars"
            places[key] = [_shard_name(path, shard) for shard in written]
    for number, shard_groups in enumerate(shards):
        write_fn = functools.partial(keras_h5.write, groups=shard_groups)
        atomic_write(path.with_name(_shard_name(path, number)), write_fn)
    weight_map = {key: names[0] if len(names) == 1 else names for key, names in places.items()}
    text = json.dumps({"metadata": {"total_size": total}, "weight_map": weight_map}, indent=4)
    atomic_write(path, lambda file: file.write(text.encode()))


def _shard_name(path: Path, number: int) -> str:
    return f"{path.name.removesuffix(ENDING)}_{number:05}.weights.h5"


def read(path: Path) -> Stored:
    """The groups in the files of a map.

    Raises:
      FileNotFoundError: the map, or a file of it, is not there.
      ValueError: the map or a file is damaged, or a name in it is not that of a file beside it.
    """
    content = json_object(read_bytes(path), str(path))
    weight_map = content.get("weight_map")
    if not isinstance(weight_map, dict):
        raise ValueError(f"{path}: expected a map of weights with a 'weight_map', got none.")
    listed = [name for names in weight_map.values() for name in _listed(names)]
    groups: Stored = {}
    for name in dict.fromkeys(listed):
        if not isinstance(name, str) or Path(name).name != name or name in ("", ".", ".."):
            raise ValueError(f"{path}: expected names of files beside it, got {name!r}.")
        shard = path.with_name(name)
        for group, arrays in keras_h5.read(read_bytes(shard), str(shard)).items():
            groups.setdefault(group, {}).update(arrays)
    return groups


def _listed(names: object) -> list[object]:
    return names if isinstance(names, list) else [names]
