"""Named arrays in a safetensors file, written atomically and verified by checksums.

The format: eight bytes with the length of the header, the header (JSON: for each name the dtype,
shape and offsets; `__metadata__` maps strings to strings), then the arrays' bytes, without gaps.

The library of that name reads and checks the header. The arrays' bytes are read here, because their
checksum is then computed while they are in the processor's cache; and files are written here,
because the library orders the metadata at random, so that two files of the same arrays differ, and
needs all arrays on the host at once.

Laws:
- The library reads the files of this module, and this module reads the library's.
- Reading allocates the header and the arrays whose bytes are in the file, whatever the header
  claims. No code from a file runs.
- A file of this module is verified when it is read: `crc32` in the metadata has a checksum of each
  array with its name, dtype and shape; `crc32_of_metadata` has one of the other metadata.

Source: https://huggingface.co/docs/safetensors (the format).
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from jkeras.core.errors import WrongTypeError, describe
from jkeras.core.folders import atomic_write

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

_CODES = {
    "bool": "BOOL", "uint8": "U8", "int8": "I8", "uint16": "U16", "int16": "I16", "uint32": "U32",
    "int32": "I32", "uint64": "U64", "int64": "I64", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e8m0fnu": "F8_E8M0", "float16": "F16", "bfloat16": "BF16",
    "float32": "F32", "float64": "F64", "complex64": "C64",
}  # fmt: skip
_DTYPES = {code: jnp.dtype(name).newbyteorder("<") for name, code in _CODES.items()}

_HIGHEST_RANK = 32
_LARGEST = 2**62  # bytes; what NumPy can count, also where an axis is 0
_METADATA, _CRCS, _CRC = "__metadata__", "crc32", "crc32_of_metadata"
_UNKNOWN_CRC = "00000000"
_PIECE = 1 << 20  # bytes that are written or read, and summed up, at a time

Arrays = dict[str, np.ndarray[Any, Any]]


def code_of(dtype: DTypeLike) -> str:
    """The format's code of a dtype.

    Raises:
      TypeError: the format does not support the dtype.

    Example:
      >>> code_of(jnp.bfloat16), code_of(np.dtype(">i4"))
      ('BF16', 'I32')
    """
    name = getattr(dtype, "name", None) or np.dtype(dtype).name
    if name not in _CODES:
        raise WrongTypeError(
            f"expected a dtype that files can hold ({', '.join(_CODES)}), got {name}."
        )
    return _CODES[name]


def named_dtype(name: str) -> np.dtype[Any] | None:
    """The dtype of a name, if the format supports it.

    Example:
      >>> named_dtype("bfloat16"), named_dtype("object")
      (dtype(bfloat16), None)
    """
    return jnp.dtype(name) if name in _CODES else None


# -- writing


def write_arrays(
    path: str | os.PathLike[str],
    arrays: Mapping[str, Any],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Writes named arrays to a file, atomically.

    Args:
      path: the file; an existing file is replaced.
      arrays: NumPy or JAX arrays. They are written one by one, so at most one array of a device is
        copied to the host at a time.
      metadata: strings to store in the header.

    Raises:
      TypeError: an array has a dtype that the format does not support.
      ValueError: a name that the format reserves.
      OSError: the file cannot be written.

    Example:
      >>> import tempfile
      >>> with tempfile.TemporaryDirectory() as folder:
      ...     write_arrays(f"{folder}/a.safetensors", {"kernel": np.ones((2, 3))}, {"by": "me"})
      ...     arrays, metadata = read_arrays(f"{folder}/a.safetensors")
      >>> arrays["kernel"].shape, metadata
      ((2, 3), {'by': 'me'})
    """
    metadata = dict(metadata or {})
    for name in {_METADATA} & set(arrays) or {_CRCS, _CRC} & set(metadata):
        raise ValueError(f"{path}: expected another name than {name!r}, which the format keeps.")
    codes = {}
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        try:  # wide dtypes come first, so that arrays are aligned
            codes[name] = code_of(arrays[name].dtype)
        except TypeError as error:
            raise WrongTypeError(f"{path}: {name!r}: {error}") from None
    crcs = dict.fromkeys(codes, _UNKNOWN_CRC)

    def header() -> bytes:
        """The length and the header; of the same size for all values of the checksums."""
        strings = {**metadata, _CRCS: json.dumps(crcs)}
        content: dict[str, Any] = {_METADATA: {**strings, _CRC: _metadata_crc(strings)}}
        end = 0
        for name, code in codes.items():
            shape = list(map(int, arrays[name].shape))
            begin, end = end, end + math.prod(shape) * arrays[name].dtype.itemsize
            content[name] = {"dtype": code, "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(content, separators=(",", ":")).encode("ascii")
        text += b" " * (-len(text) % 8)
        return len(text).to_bytes(8, "little") + text

    def write(file: BinaryIO) -> None:
        file.write(header())
        for name in codes:
            crcs[name] = checksum(name, arrays[name], file.write)
        file.seek(0)
        file.write(header())

    atomic_write(path, write)


def checksum(
    name: str, array: ArrayLike, piece_fn: Callable[[memoryview], object] | None = None
) -> str:
    """The CRC-32 of an array's name, dtype, shape and bytes, as eight digits.

    Args:
      name: the array's name.
      array: the array.
      piece_fn: called with each chunk of the bytes, in order, before it enters the checksum, to
        write or fill the chunk while it is in the processor's cache.

    Example:
      >>> checksum("bias", np.zeros(3, np.float32)), checksum("bias", np.zeros(3, np.int32))
      ('6b0b2eb1', 'b79136f1')
    """
    array = np.asarray(array)
    array = np.asarray(array, array.dtype.newbyteorder("<"), order="C")  # a copy only if it is not
    crc = zlib.crc32(json.dumps([name, code_of(array.dtype), array.shape]).encode("ascii"))
    data = array.reshape(-1).view(np.uint8).data
    for start in range(0, len(data), _PIECE):
        piece = data[start : start + _PIECE]
        if piece_fn is not None:
            piece_fn(piece)
        crc = zlib.crc32(piece, crc)
    return f"{crc:08x}"


def _metadata_crc(strings: Mapping[str, str]) -> str:
    return f"{zlib.crc32(json.dumps(strings, sort_keys=True).encode('ascii')):08x}"


# -- reading


def read_arrays(path: str | os.PathLike[str]) -> tuple[Arrays, dict[str, str]]:
    """Reads a safetensors file, of this module or of another program.

    Args:
      path: the file.

    Returns:
      The arrays by name, in the order of the file, and the metadata without the checksums. A file
      without checksums, of another program, is not verified.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is damaged, or not a safetensors file; the message says where.
    """
    import safetensors

    path = Path(path)
    with open(path, "rb") as file:
        try:
            with safetensors.safe_open(path, "numpy", backend="pread") as header:
                slices = {name: header.get_slice(name) for name in header.offset_keys()}
                entries = {n: (s.get_dtype(), s.get_shape()) for n, s in slices.items()}
                metadata: dict[str, str] = header.metadata() or {}
        except safetensors.SafetensorError as error:
            reason = str(error).rpartition("deserializing header: ")[2]
            size = os.fstat(file.fileno()).st_size
            _refuse(path, f"its header is damaged ({reason[:120]}). The file has {size} bytes.")
        if not os.path.samestat(os.fstat(file.fileno()), os.stat(path)):
            return read_arrays(path)  # the file was replaced between the two openings
        file.seek(8 + int.from_bytes(file.read(8), "little"))
        crcs = _checked_crcs(path, metadata, entries)
        arrays = {}
        for name, (code, shape) in entries.items():
            arrays[name], crc = _read_array(path, file, name, code, shape)
            if crcs is not None and crcs[name] != crc:
                _refuse(path, f"{name!r} is damaged: its bytes do not have their checksum.")
    return arrays, metadata


def _refuse(path: Path, problem: str) -> NoReturn:
    raise ValueError(f"{path}: expected a whole file of the safetensors format, but {problem}")


def check_size(shape: object, dtype: np.dtype[Any], size: int) -> None:
    """Checks the shape and dtype of an array in a file before memory is allocated for it.

    Args:
      shape: the shape in the file, which may be any JSON value.
      dtype: the array's dtype.
      size: the number of bytes of the array in the file.

    Raises:
      ValueError: `shape` is not a list of sizes, or does not fit `dtype` and `size`.
    """
    if (
        not isinstance(shape, list)
        or not all(type(n) is int and 0 <= n <= _LARGEST for n in shape)
        or len(shape) > _HIGHEST_RANK
    ):
        raise ValueError(f"has the shape {describe(shape)}.")
    if math.prod(max(axis, 1) for axis in shape) * dtype.itemsize > _LARGEST:
        raise ValueError(f"has the shape {describe(shape)}, which no array has.")
    if math.prod(shape) * dtype.itemsize != size:
        raise ValueError(f"has the shape {shape} and dtype {dtype.name}, but {size} bytes.")


def _checked_crcs(
    path: Path, metadata: dict[str, str], entries: Iterable[str]
) -> dict[str, str] | None:
    """Removes the arrays' checksums from the metadata and returns them; None without checksums."""
    if _CRCS not in metadata and _CRC not in metadata:
        return None
    expected = metadata.pop(_CRC, None)
    if expected != _metadata_crc(metadata):
        _refuse(path, "its metadata is damaged: it does not have its checksum.")
    try:
        crcs = json.loads(metadata.pop(_CRCS, ""))
    except (ValueError, RecursionError):
        crcs = None
    if not isinstance(crcs, dict) or set(crcs) != set(entries):
        _refuse(path, "its checksums are those of other arrays.")
    return crcs


def _read_array(
    path: Path, file: BinaryIO, name: str, code: str, shape: list[int]
) -> tuple[np.ndarray[Any, Any], str]:
    """Reads the next array of the file; returns the array and its checksum."""
    if code not in _DTYPES:
        _refuse(path, f"{name!r} has the dtype {code!r}. Known: {', '.join(_DTYPES)}.")
    dtype = _DTYPES[code]
    try:
        check_size(shape, dtype, math.prod(shape) * dtype.itemsize)
    except ValueError as error:
        _refuse(path, f"{name!r} {error}")

    def fill(piece: memoryview) -> None:
        if file.readinto(piece) != len(piece):  # type: ignore[attr-defined]
            _refuse(path, f"it ends within {name!r}.")

    array = np.empty(shape, dtype)
    return array, checksum(name, array, fill)
