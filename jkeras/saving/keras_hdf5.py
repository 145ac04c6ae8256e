"""Reads the datasets of an HDF5 file as Keras writes it, in plain Python.

    arrays = datasets(data, "model.weights.h5")     # {"layers/dense/vars/0": array, ...}

HDF5 is a large format, and a damaged file can make its C library loop or crash. Keras uses a small
part of it: groups with symbol tables, and contiguous datasets. This module reads that part and
raises on anything else. Laws:

  - Every offset is checked against the file, every object is visited once, and depths and names are
    bounded, so the time is linear in the size of the file for any content.
  - The arrays are views of the argument `data`; together they are no larger than the file.
  - An invalid file raises a `ValueError` that names the file and the entry.

Source: "HDF5 File Format Specification 3.0", sections II.A, III.A-D, IV.A.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, NamedTuple, NoReturn

import jax.numpy as jnp
import numpy as np

UNSAFE = "If you trust who wrote the file, h5py reads it with safe_mode=False."
SIGNATURE = b"\x89HDF\r\n\x1a\n"
MOST_DEPTH = 64
"""Groups in one another."""
LONGEST_PATH = 1024
"""Bytes in the names that lead to an entry."""

_ENTRY, _MESSAGE = 40, 8
_DATASPACE, _DATATYPE, _LAYOUT, _CONTINUED, _TABLE = 0x01, 0x03, 0x08, 0x10, 0x11
_REFUSED = {
    0x02: "a group of a newer form",
    0x06: "a group of a newer form",
    0x07: "data in another file",
    0x0B: "compressed data",
}
_FLOATS = {  # exponent and mantissa bits of each size in bytes
    (2, 5, 10): "f2",
    (4, 8, 23): "f4",
    (8, 11, 52): "f8",
}


class _Table(NamedTuple):
    """A group: the addresses of its B-tree of entries and of the heap with their names."""

    tree: int
    heap: int


def datasets(data: bytes, who: str) -> dict[str, np.ndarray]:
    """The arrays of a file under their paths, in the order of the file.

    Args:
      data: the bytes of the file.
      who: the name of the file in errors.

    Returns:
      Views of `data`, of number or bool dtypes (bfloat16 too).

    Raises:
      ValueError: the file is not HDF5, is damaged or truncated, or uses features that Keras does
        not: links, compression, chunks, data in other files.
    """
    return _Reader(data, who).arrays()


class _Reader:
    def __init__(self, data: bytes, who: str) -> None:
        self.data, self.who, self.path = data, who, ""
        self.visited: set[int] = set()
        self.left = self.unread = len(data)

    def arrays(self) -> dict[str, np.ndarray]:
        arrays: dict[str, np.ndarray] = {}
        stack = [("", self._root(), 0)]
        while stack:
            self.path, address, depth = stack.pop()
            content = self._object(address)
            if isinstance(content, _Table):
                if depth == MOST_DEPTH:
                    self._refuse(f"more than {MOST_DEPTH} groups in one another")
                start = f"{self.path}/" if self.path else ""
                entries = list(self._entries(content))
                stack += [(start + name, at, depth + 1) for name, at in reversed(entries)]
            else:
                arrays[self.path] = content
        return arrays

    # -- checked access to the bytes

    def _fail(self, what: str) -> NoReturn:
        entry = f"entry {self.path!r}" if self.path else "its beginning"
        raise ValueError(f"{self.who}: the file is damaged at {entry}: {what}.")

    def _refuse(self, what: str) -> NoReturn:
        entry = f"entry {self.path!r}: " if self.path else ""
        raise ValueError(
            f"{self.who}: {entry}expected what Keras writes, got {what}. Load the file in Keras "
            f"and save it again. {UNSAFE}"
        )

    def _unpack(self, form: str, at: int) -> tuple[Any, ...]:
        if at < 0 or at + struct.calcsize(form) > len(self.data):
            self._fail(f"offset {at} lies outside the {len(self.data)} bytes of the file")
        return struct.unpack_from(form, self.data, at)

    def _check_signature(self, mark: bytes, at: int) -> None:
        """Raises unless a structure begins with its signature and is visited for the first time."""
        if self._unpack("<4s", at)[0] != mark:
            self._fail(f"expected {mark.decode()} at offset {at}")
        self._visit(at)

    def _visit(self, at: int) -> None:
        if at in self.visited:
            self._fail(f"what lies at offset {at} is referred to twice")
        self.visited.add(at)

    def _read(self, size: int) -> None:
        """Adds to the bytes read; more bytes than the file has mean that structures overlap."""
        self.unread -= size
        if self.unread < 0:
            self._fail("its structures overlap")

    def _root(self) -> int:
        """The address of the outermost group."""
        if self.data[:8] != SIGNATURE:
            raise ValueError(f"{self.who}: expected an HDF5 file, and it does not begin like one.")
        version, offsets, lengths = self._unpack("<B4xBB", 8)
        if version > 1:
            self._refuse(f"version {version} of the format's beginning")
        if (offsets, lengths) != (8, 8):
            self._fail(f"addresses have {offsets} and {lengths} bytes, not 8")
        at = 24 if version == 0 else 28
        base, _, end, _, _, address = self._unpack("<6Q", at)
        if base != 0:
            self._refuse(f"a file that begins at byte {base}")
        if end > len(self.data):
            self._fail(f"it should have {end} bytes and has {len(self.data)}: it is cut short")
        return int(address)

    # -- objects

    def _object(self, address: int) -> _Table | np.ndarray:
        """The group or the array whose header is at an address."""
        self._visit(address)
        messages = dict(self._messages(address))
        if _TABLE in messages:
            return _Table(*self._unpack("<QQ", messages[_TABLE][0]))
        for kind, what in _REFUSED.items():
            if kind in messages:
                self._refuse(what)
        for kind, what in ((_DATASPACE, "shape"), (_DATATYPE, "dtype"), (_LAYOUT, "place")):
            if kind not in messages:
                self._fail(f"it is no group, and a dataset without a {what}")
        return self._array(messages)

    def _messages(self, address: int) -> Iterator[tuple[int, tuple[int, int]]]:
        """The messages of an object's header: the kind, and the start and end of the content."""
        version, _, _, size = self._unpack("<BxHII", address)
        if version != 1:
            self._refuse(f"version {version} of an object's header")
        blocks = [(address + 16, size)]
        while blocks:
            at, size = blocks.pop()
            end = at + size
            if end > len(self.data):
                self._fail(f"its header ends at {end}, outside the file")
            self._read(size)
            while at + _MESSAGE <= end:
                kind, length, flags = self._unpack("<HHB", at)
                at += _MESSAGE
                if at + length > end:
                    self._fail("a part of its header is longer than the header")
                if flags & 2:
                    self._refuse("a shared part of a header")
                if kind == _CONTINUED:
                    more = self._unpack("<QQ", at)
                    self._visit(more[0])
                    blocks.append(more)
                yield kind, (at, at + length)
                at += length

    def _entries(self, table: _Table) -> Iterator[tuple[str, int]]:
        """The names in a group, each with the address of its object."""
        if self._unpack("<4s", table.heap)[0] != b"HEAP":
            self._fail(f"expected HEAP at offset {table.heap}")
        size, _, names = self._unpack("<QQQ", table.heap + 8)
        if names + size > len(self.data):
            self._fail("its names lie outside the file")
        known = set()
        for leaf in self._leaves(table.tree):
            self._check_signature(b"SNOD", leaf)
            (count,) = self._unpack("<6xH", leaf)
            self._read(count * _ENTRY)
            for i in range(count):
                offset, address, kind = self._unpack("<QQI", leaf + 8 + i * _ENTRY)
                name = self._name(names + offset, names + size)
                if kind == 2:
                    self._refuse(f"a link instead of an object under {name!r}")
                if name in known:
                    self._fail(f"it has the name {name!r} twice")
                known.add(name)
                yield name, address

    def _leaves(self, root: int) -> Iterator[int]:
        """The leaves of a B-tree of entries, in order."""
        stack: list[tuple[int, int | None]] = [(root, None)]
        while stack:
            at, above = stack.pop()
            self._check_signature(b"TREE", at)
            kind, level, count = self._unpack("<4xBBH", at)
            if kind != 0 or (above is not None and level != above - 1):
                self._fail(f"the tree of entries at offset {at} is not in order")
            self._read(count * 16)
            children = self._unpack(f"<{2 * count}Q", at + 24)[1::2]
            if level == 0:
                yield from children
            else:
                stack += [(child, level) for child in reversed(children)]

    def _name(self, at: int, end: int) -> str:
        if not 0 <= at < end:
            self._fail("a name lies outside the names of its group")
        stop = self.data.find(b"\0", at, min(end, at + LONGEST_PATH - len(self.path)))
        if stop < 0:
            self._fail(f"a path is longer than {LONGEST_PATH} bytes, or has no end")
        try:
            name = self.data[at:stop].decode()
        except UnicodeDecodeError:
            self._fail("a name is no text")
        if name in ("", ".", "..") or "/" in name:
            self._fail(f"the name {name!r} is not allowed")
        return name

    # -- arrays

    def _array(self, messages: dict[int, tuple[int, int]]) -> np.ndarray:
        at = messages[_DATASPACE][0]
        version, rank, _, kind = self._unpack("<BBBB", at)
        if version not in (1, 2) or rank > 32 or (version == 2 and kind == 2):
            self._fail(f"its shape has version {version} and {rank} axes")
        shape = self._unpack(f"<{rank}Q", at + (8 if version == 1 else 4))
        dtype = self._dtype(messages[_DATATYPE][0])
        size = dtype.itemsize
        for n in shape:
            size *= n
        if size > self.left:
            self._fail(f"its shape {shape} needs {size} bytes, more than the file has")
        self.left -= size
        at = self._place(messages[_LAYOUT], size)
        is_bool = dtype.kind == "b"
        stored = np.dtype("u1") if is_bool else dtype  # a byte may be neither 0 nor 1
        array = np.frombuffer(self.data, stored, size // dtype.itemsize, at)
        try:
            array = array.reshape(shape)
        except ValueError:  # no elements, and other axes longer than NumPy can count
            self._fail(f"it has the shape {shape}")
        return array != 0 if is_bool else array

    def _dtype(self, at: int) -> np.dtype:
        packed, low, _, _, size = self._unpack("<BBBBI", at)
        kind, order = packed & 15, ">" if low & 1 else "<"
        if kind == 0 and size in (1, 2, 4, 8):
            return np.dtype(f"{order}{'i' if low & 8 else 'u'}{size}")
        if kind == 1 and size in (2, 4, 8) and not low & 64:
            exponent, mantissa = self._unpack("<5xBxB", at + 8)
            if (size, exponent, mantissa) in _FLOATS:
                return np.dtype(order + _FLOATS[size, exponent, mantissa])
        if kind == 5 and size == 2:  # how h5py writes the bytes of bfloat16
            return np.dtype(jnp.bfloat16)
        if kind == 8 and size == 1:
            return np.dtype(bool)
        self._refuse(f"a dtype of class {kind} and {size} bytes, which is no number")

    def _place(self, message: tuple[int, int], size: int) -> int:
        """The address of the bytes of an array."""
        at, end = message
        version, kind = self._unpack("<BB", at)
        if version not in (3, 4) or kind > 1:
            self._refuse(f"data in chunks or of a newer form ({version}, {kind})")
        if kind == 0:
            (length,) = self._unpack("<2xH", at)
            start = at + 4
            fits = length >= size and start + length <= end
        else:
            start, length = self._unpack("<2xQQ", at)
            fits = length >= size and (size == 0 or start + size <= len(self.data))
        if not fits:
            self._fail(f"it should have {size} bytes, and {length} are said to be at {start}")
        return int(start) if size else 0
