"""Folders in Orbax's format: checkpoints of jkeras, and trees that other programs have saved.

A checkpoint of jkeras is a folder with two items: `arrays`, an Orbax tree of the arrays by name,
and `value`, the JSON value of `nested.flatten` with checksums of both items. Arrays that are cut
over processes, of which each process writes its parts, have Orbax's checksums alone. A folder of
checkpoints has one such folder for each step (`jkeras.saving.orbax_manager` writes them).

Laws:
  - Reading returns the written value bit for bit, or raises an error that names folder and entry.
  - Reading allocates no more than the files of the folder can hold, and runs no code from them.
"""

from __future__ import annotations

import json
import os
import warnings
import weakref
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jkeras.core.errors import MissingFileError
from jkeras.core.global_arrays import is_cut
from jkeras.saving.nested import flatten, rebuild
from jkeras.saving.orbax_trees import damaged, nested, read_tree, tree_in

if TYPE_CHECKING:
    from jkeras.saving.nested import Json, Nested
    from jkeras.saving.safetensors_files import Arrays

FORMAT = "jkeras-orbax-1"
ARRAYS, VALUE = "arrays", "value"

_DTYPES = (
    *("bool", "bfloat16", "complex64", "float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu"),
    *(f"{kind}{bits}" for kind in ("float", "int", "uint") for bits in (8, 16, 32, 64)),
)
_KERAS = {"trainable_variables": "params", "non_trainable_variables": "state"}

Folder = str | os.PathLike[str]


def host_copy(value: Nested) -> tuple[Any, Arrays]:
    """The two parts of `nested.flatten`, with JAX arrays copied to the host.

    NumPy arrays are not copied, nor those that are cut over processes. Other JAX arrays are,
    because on the CPU `np.asarray` of a JAX array is a view of the same memory, which the next
    training step overwrites.
    """
    structure, arrays = flatten(value)
    is_kept = {n: is_cut(a) or a.flags.owndata for n, a in arrays.items()}
    return structure, {n: a if is_kept[n] else np.array(a) for n, a in arrays.items()}


def items_of(
    structure: Json, arrays: Arrays, metrics: dict[str, float] | None = None
) -> dict[str, Any]:
    """The two items of a checkpoint, as Orbax's `args.Composite` takes them.

    Args:
      structure, arrays: the return values of `host_copy`.
      metrics: metrics that are stored beside the value.
    """
    from orbax.checkpoint import args

    # Orbax stores no array without elements.
    empty = {n: [list(a.shape), a.dtype.name] for n, a in arrays.items() if not a.size}
    full = {name: array for name, array in arrays.items() if array.size}
    content = {
        "value": structure,
        "empty": empty,
        "crc32": {name: _crc(array) for name, array in full.items() if not is_cut(array)},
        "metrics": metrics or {},
    }
    if cut := [name for name, array in full.items() if is_cut(array)]:
        content["cut"] = cut
    text = json.dumps(content)
    about = {"format": FORMAT, "crc32": zlib.crc32(text.encode()), "content": text}
    # And no tree without arrays.
    tree = full or {"nothing": np.zeros(1, np.uint8)}
    return {ARRAYS: args.PyTreeSave(tree), VALUE: args.JsonSave(about)}


def handlers() -> dict[str, Any]:
    """Orbax's handlers of the two items, without compression, which gains little for floats."""
    import orbax.checkpoint as ocp

    plain = ocp.PyTreeCheckpointHandler(use_compression=False)
    return {ARRAYS: plain, VALUE: ocp.JsonCheckpointHandler()}


# -- reading checkpoints


def read_step(path: Folder) -> Any:
    """The value of one checkpoint.

    Args:
      path: the folder of the checkpoint, such as `run/12`.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: the folder is not a checkpoint of jkeras, or is damaged; the message says how.
    """
    path = Path(path).absolute()
    if not path.is_dir():
        raise MissingFileError(f"{path}: there is no such folder.")
    content = _read_json(path)
    crcs, empty = content["crc32"], content["empty"]
    arrays = {name: np.zeros(shape, dtype) for name, (shape, dtype) in empty.items()}
    cut = content["cut"]
    tree = read_tree(path / ARRAYS, packed=1) if crcs or cut else {}
    for name, array in tree.items() if isinstance(tree, dict) else [(ARRAYS, tree)]:
        is_other = name not in cut and crcs.get(name) != _crc(array)
        if not isinstance(array, np.ndarray) or is_other:
            raise ValueError(f"{path}: expected the array {name} as written, got other bytes.")
        arrays[name] = array
    try:
        return rebuild(content.get("value"), arrays)
    except ValueError as error:
        raise ValueError(f"{path}: expected a whole checkpoint: {error}") from error


writers: weakref.WeakSet[Any] = weakref.WeakSet()
"""The managers of this process, each with a `directory` and a method `wait`."""


def _after_writes(path: Path) -> Path:
    """The folder, once the background writes of this process to it are complete."""
    for writer in list(writers):
        if writer.directory in (path.absolute(), path.absolute().parent):
            writer.wait()
    return path


def steps_in(path: Folder) -> list[int]:
    """The steps of the complete checkpoints in a folder, in order."""
    path = Path(path).absolute()
    names = [p.name for p in path.iterdir()] if path.is_dir() else []
    return sorted(int(name) for name in names if name.isdecimal() and (path / name).is_dir())


def restore_latest(path: Folder) -> Any:
    """The value of the latest readable checkpoint; warns about damaged ones.

    Waits for a checkpoint that this process is still writing.

    Args:
      path: a folder of checkpoints, or one checkpoint.

    Raises:
      OSError: the background write failed; earlier checkpoints are intact.
      FileNotFoundError: the folder does not exist.
      ValueError: the folder has no checkpoint, or none can be read.
    """
    path = _after_writes(Path(path).absolute())
    steps = steps_in(path)
    if (path / VALUE).exists() or not path.is_dir():
        return read_step(path)
    if not steps:
        raise ValueError(f"{path}: expected checkpoints in folders such as {path / '0'}, got none.")
    while True:
        step = steps.pop()
        try:
            return read_step(path / str(step))
        except ValueError as error:
            if not steps:
                raise
            message = f"{error} The checkpoint before it, {steps[-1]}, is taken instead."
            warnings.warn(message, stacklevel=2)


def _read_json(path: Path) -> dict[str, Any]:
    from etils import epath
    from orbax.checkpoint import args

    try:
        about = handlers()[VALUE].restore(epath.Path(path / VALUE), args=args.JsonRestore())
        if about["format"] != FORMAT:
            raise ValueError(f"expected the format {FORMAT!r}, got {about['format']!r}.")
        if about["crc32"] != zlib.crc32(about["content"].encode()):
            raise ValueError("its checksum is another.")
        content = json.loads(about["content"])
    except Exception as error:  # a damaged file fails in Orbax in any way
        raise damaged(path, VALUE, error) from error
    for name in ("crc32", "empty"):
        if not isinstance(content, dict) or not isinstance(content.get(name), dict):
            raise ValueError(f"{path}: expected an entry {name!r} in {VALUE}, got none.")
    if not isinstance(content.setdefault("cut", []), list):
        raise ValueError(f"{path}: expected the entry 'cut' in {VALUE} to be a list.")
    for name, entry in content["empty"].items():
        match entry:
            case [[*shape], str(dtype)] if 0 in shape and len(shape) <= 32 and dtype in _DTYPES:
                if all(type(n) is int and 0 <= n < 2**31 for n in shape):
                    continue
        raise ValueError(f"{path}: expected {name} in {VALUE} to be an array without elements.")
    return content


# -- trees of others


def load_tree(path: Folder) -> dict[str, Any]:
    """The arrays of an Orbax tree, nested as they were saved, by any program.

    Args:
      path: a tree (`StandardCheckpointer`, `PyTreeCheckpointer`), one checkpoint of a manager, or a
        folder of checkpoints, whose latest is read. From a checkpoint of jkeras the weights are
        read: `{"params": …, "state": …}`.

    Returns:
      Dicts of NumPy arrays. Lists become dicts with the keys "0", "1", …, and the variables of
      `flax.nnx` their values; strings and None are left out.

    Raises:
      FileNotFoundError: the folder does not exist.
      ValueError: the folder has no tree, or a damaged one.
    """
    path = _after_writes(Path(path).absolute())
    if not path.is_dir():
        raise MissingFileError(f"{path}: there is no such folder.")
    if steps := steps_in(path):
        path = path / str(steps[-1])
    if (path / VALUE).is_dir() and (path / ARRAYS).is_dir():
        return _weights_of(path, read_step(path))
    tree: Any = nested(read_tree(tree_in(path)))
    if not isinstance(tree, dict):
        raise ValueError(f"{path}: expected a dict of arrays, got one array.")
    return {_KERAS.get(str(name), str(name)): part for name, part in tree.items()}


def _weights_of(path: Path, value: Nested) -> dict[str, Any]:
    """The weights in a checkpoint's value: a run's `params` and `state`, or the whole value."""
    if isinstance(value, dict) and isinstance(value.get("values"), dict):
        value = value["values"]  # of a run: arrays under their paths
    if not isinstance(value, dict):
        raise ValueError(f"{path}: expected weights, got a value of kind {type(value).__name__}.")
    tree: dict[str, Any] = {}
    for name, part in value.items():
        *above, last = name.split("/")
        place = tree
        for step in above:
            place = place.setdefault(step, {})
        place[last] = part
    return {name: tree[name] for name in ("params", "state") if name in tree} or tree


def _crc(array: np.ndarray[Any, Any]) -> int:
    """A checksum of an array with its shape and dtype."""
    about = f"{array.shape} {array.dtype}".encode()
    plain = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
    return zlib.crc32(plain.data, zlib.crc32(about))
