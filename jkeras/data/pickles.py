"""Arrays and lists out of pickles, without running anything that a file asks for.

NumPy writes arrays of lists as pickles, and CIFAR's batches are pickles of Python 2. Law: a pickle
makes arrays, dtypes, and Python's plain values; whatever else it names is an error.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.data.archives import UNREADABLE, DamagedArchive, damaged

ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy._core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
}
"""All that a pickle may name: what an array is made of, as NumPy 1 and NumPy 2 call it."""

HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
"""The readers of the two headers of the npy format that NumPy writes for such arrays."""

_BROKEN = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    ImportError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)


class _Plain(pickle.Unpickler):
    """An unpickler of arrays and plain values."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return ALLOWED[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"a pickle that asks for {module}.{name}") from None


def unpickled(path: Path, content: io.BytesIO, *, encoding: str = "ASCII") -> Any:
    """The arrays and plain values in a pickle.

    Args:
      path: the file that it is from, for messages.
      content: the pickle, from the current position on.
      encoding: of Python 2's strings; "bytes" leaves them as they are.

    Raises:
      DamagedArchive: it is no pickle, or asks for something else.
    """
    try:
        return _Plain(content, encoding=encoding).load()
    except _BROKEN as error:
        raise damaged(path, "a pickle of arrays and plain values", f"{error}") from error


def read_any_npz(path: Path, names: Sequence[str]) -> dict[str, np.ndarray[Any, Any]]:
    """Arrays in NumPy's npz format, arrays of lists among them.

    Args:
      path: the file.
      names: the arrays that are read.

    Raises:
      DamagedArchive: the file is not an npz archive, an array is missing, or asks for anything but
        numbers and lists.
      FileNotFoundError: there is no such file.
    """
    content = io.BytesIO(path.read_bytes())
    try:
        with zipfile.ZipFile(content) as archive:
            return {name: _array(path, archive.read(f"{name}.npy")) for name in names}
    except DamagedArchive:
        raise
    except UNREADABLE as error:
        raise damaged(path, "arrays in NumPy's npz format", f"{error}") from error


def _array(path: Path, data: bytes) -> np.ndarray[Any, Any]:
    """One array of an npz file."""
    content = io.BytesIO(data)
    version = np.lib.format.read_magic(content)
    if version not in HEADERS:
        raise ValueError(f"version {version} of the npy format")
    shape, _, dtype = HEADERS[version](content, max_header_size=4096)
    if not dtype.hasobject:
        content.seek(0)
        numbers: np.ndarray[Any, Any] = np.lib.format.read_array(content, allow_pickle=False)
        return numbers
    array = unpickled(path, content)
    if not isinstance(array, np.ndarray) or array.shape != shape:
        raise damaged(path, f"an array of shape {shape}", type(array).__name__)
    return array
