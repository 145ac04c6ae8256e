"""Named arrays in a msgpack file, in the format of `flax.serialization`.

A file of this module holds `{"format": …, "weights": {name: array}, "crc32": {name: checksum}}`.
Any other tree of `flax.serialization.to_bytes` can be read too; its names are the leaves' paths.

Laws:
- Reading creates only dicts, numbers, strings and arrays, and allocates at most a small multiple of
  the file: an array whose bytes do not fill its shape raises.
- A file of this module is verified when it is read, except one of the first format, which had no
  checksums.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.core.errors import describe
from jkeras.core.folders import atomic_write
from jkeras.saving.safetensors_files import Arrays, check_size, checksum, named_dtype

_FORMAT, _FIRST_FORMAT = "jkeras-weights-2", "jkeras-weights-1"
_ARRAY, _SCALAR = 1, 3  # Flax's extension types; 2 is a complex number, which no weight is
_CHUNKED = "__msgpack_chunked_array__"
_LONGEST_LIST = 1024  # msgpack allocates lists by what they claim to hold; Flax writes short ones
_DEEPEST = 100


def write_named(path: str | os.PathLike[str], arrays: Mapping[str, Any]) -> None:
    """Writes named arrays to a file, atomically; an existing file is replaced.

    Raises:
      TypeError: an array has a dtype that the format does not support.
      OSError: the file cannot be written.
    """
    from flax import serialization  # slow to import, and only needed here

    named = {name: np.asarray(array) for name, array in arrays.items()}
    crcs = {name: checksum(name, array) for name, array in named.items()}
    content = {"format": _FORMAT, "weights": named, "crc32": crcs}
    data = serialization.msgpack_serialize(content)
    atomic_write(path, lambda file: file.write(data))


def read_named(path: str | os.PathLike[str]) -> Arrays:
    """Reads a file of `write_named` or of `flax.serialization.to_bytes`.

    Returns:
      The arrays by name, or by their paths in Flax's tree.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or of another format.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_named(f"{folder}/a.msgpack", {"params/bias": np.ones(2, np.float32)})
      ...     read_named(f"{folder}/a.msgpack")
      {'params/bias': array([1., 1.], dtype=float32)}
    """
    import msgpack  # type: ignore[import-untyped]

    data = Path(path).read_bytes()
    try:
        content = msgpack.unpackb(
            data,
            ext_hook=_extension_array,
            object_pairs_hook=_checked_dict,
            strict_map_key=False,
            max_array_len=_LONGEST_LIST,
        )
        return _arrays_in(content)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        reason = str(error) or "it is no msgpack"
        raise ValueError(f"{path}: expected weights, and the file is damaged: {reason}") from error


def _arrays_in(content: object) -> Arrays:
    if not isinstance(content, dict):
        raise ValueError(f"it holds {describe(content)}.")
    if not isinstance(content.get("format"), str):
        return dict(_named(content, ()))
    version = content["format"]
    if version not in (_FORMAT, _FIRST_FORMAT):
        raise ValueError(f"expected the format {_FORMAT!r}, got {version!r}.")
    arrays = content.get("weights")
    if not isinstance(arrays, dict):
        raise ValueError(f"expected a table of weights, got {describe(arrays)}.")
    arrays = {name: _whole_array(name, array) for name, array in arrays.items()}
    if version == _FIRST_FORMAT:
        return arrays
    crcs = content.get("crc32")
    if not isinstance(crcs, dict) or set(crcs) != set(arrays):
        raise ValueError("its checksums are those of other arrays.")
    for name, array in arrays.items():
        if checksum(name, array) != crcs[name]:
            raise ValueError(f"the bytes of {name!r} do not have their checksum.")
    return arrays


def _checked_dict(pairs: list[tuple[Any, Any]]) -> dict[str, Any]:
    """A table with string keys as a dict; raises if a key occurs twice."""
    keys = [str(key) if type(key) is int else key for key, _ in pairs]
    for key in keys:
        if type(key) is not str:
            raise ValueError(f"expected strings as keys, got {describe(key)}.")
    if len(set(keys)) != len(keys):
        raise ValueError("a name stands in it twice.")
    return dict(zip(keys, (value for _, value in pairs), strict=True))


def _extension_array(code: int, data: bytes) -> np.ndarray[Any, Any]:
    """The array in one of Flax's extensions: its shape, its dtype's name, its bytes."""
    import msgpack

    if code not in (_ARRAY, _SCALAR):
        raise ValueError(f"expected arrays, got the extension {code}.")
    parts = msgpack.unpackb(data, raw=True, max_array_len=_LONGEST_LIST)
    match parts:
        case [list(shape), bytes(name), bytes(buffer)]:
            dtype = named_dtype(name.decode("ascii", "replace"))
        case _:
            raise ValueError("an array is not the three parts that it should be.")
    if dtype is None:
        raise ValueError(f"an array has the dtype {name!r}.")
    try:
        check_size(shape, dtype, len(buffer))
    except ValueError as error:
        raise ValueError(f"an array {error}") from None
    return np.ndarray(shape, dtype, buffer)


def _named(content: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    """The arrays in nested tables by their paths; None is skipped, as in Flax."""
    if len(path) > _DEEPEST:
        raise ValueError(f"expected at most {_DEEPEST} levels, got more.")
    for key, part in content.items():
        name = "/".join((*path, key))
        if isinstance(part, dict) and _CHUNKED not in part:
            yield from _named(part, (*path, key))
        elif part is not None:
            yield name, _whole_array(name, part)


def _whole_array(name: str, part: object) -> np.ndarray[Any, Any]:
    """An array; the chunks of one above a gigabyte, which Flax divides, are joined."""
    if isinstance(part, bool | int | float):
        return np.asarray(part)
    if isinstance(part, dict) and _CHUNKED in part:
        part = _joined(name, part.get("shape"), part.get("chunks"))
    if not isinstance(part, np.ndarray):
        raise ValueError(f"expected an array under {name!r}, got {describe(part)}.")
    return part


def _joined(name: str, shape: object, chunks: object) -> np.ndarray[Any, Any]:
    """Flat chunks as one array. Flax writes the shape and the chunks as tables, in order."""
    if not isinstance(shape, dict) or not isinstance(chunks, dict) or not chunks:
        raise ValueError(f"expected a shape and pieces under {name!r}.")
    if any(not isinstance(chunk, np.ndarray) for chunk in chunks.values()):
        raise ValueError(f"expected arrays as the pieces of {name!r}.")
    whole, sizes = np.concatenate(list(chunks.values())), list(shape.values())
    check_size(sizes, whole.dtype, whole.nbytes)
    return whole.reshape(sizes)
