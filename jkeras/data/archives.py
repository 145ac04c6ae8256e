"""Archives from the network: fetched whole or not at all, parsed strictly, errors in plain words.

Laws:
- `fetch` gives up after `CONNECT_S` seconds without an answer, and leaves either the whole file
  with the promised checksum or nothing.
- `read_idx` returns exactly what the header announces, or raises: a file that is too short, too
  long or not an IDX file is never half-read, and no header can make it allocate more than the
  file's own bytes could decompress to.
- Every failure is a `DatasetError` whose message names the file or host and what to do about it.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import http.client
import io
import queue
import struct
import threading
import urllib.error
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

import numpy as np

from jkeras.core.folders import atomic_write

CONNECT_S = 8.0  # seconds until a host must have answered, name look-up included
STALL_S = 30.0  # seconds that a transfer may stand still
DEFLATE_RATIO = 1032  # the most bytes that one byte of deflate can stand for (zlib's documentation)
FULL = (errno.ENOSPC, errno.EDQUOT)


class DatasetError(RuntimeError):
    """A dataset is not available; the message says what to do."""


class NoNetwork(DatasetError):
    """The data would have to be downloaded, and its host cannot be reached."""


class DamagedArchive(DatasetError):
    """A file is truncated, altered, or of another kind than its name says."""


class DiskFull(DatasetError):
    """There is no room for the data."""


class NotPrepared(DatasetError):
    """The dataset is known, but not in the data folder, and cannot be prepared here."""


class UnknownDataset(DatasetError, ValueError):
    """No dataset has this name."""


@contextlib.contextmanager
def plain_disk_errors(
    name: str, folder: Path, needed_mb: int, variable: str = "JKERAS_DATA_DIR"
) -> Iterator[None]:
    """Turns the operating system's errors of writing in `folder` into a `DatasetError`.

    Args:
      name: the dataset's name, with which the message begins.
      folder: the folder that the block writes to.
      needed_mb: the megabytes (10^6 bytes) that the block writes in all.
      variable: of the environment, which chooses the folder.

    Raises:
      DiskFull: no space left, or a quota is used up.
      DatasetError: the folder cannot be written to for another reason.
    """
    try:
        yield
    except OSError as error:
        fix = f"set {variable} to a folder"
        # tensorflow-datasets looks at the free space itself, and raises without a number.
        if error.errno in FULL or str(error).startswith("Not enough disk space"):
            raise DiskFull(
                f"{name}: expected {needed_mb} MB of free space for {folder}, got a full disk. "
                f"Free some space or {fix} with more."
            ) from error
        raise DatasetError(
            f"{name}: expected to write in {folder}, got {error.strerror or error}. "
            f"Make it writable or {fix} that is."
        ) from error


def fetch(
    url: str,
    path: Path,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    is_prepared: bool = True,
) -> None:
    """Downloads `url` to `path`, whole or not at all.

    Args:
      url: an http or https address; the environment's proxy settings are respected.
      path: the file to write.
      sha256, md5: the expected checksums, hexadecimal; the announced length counts anyway.
      is_prepared: whether a dataset that tensorflow-datasets has prepared does as well.

    Raises:
      NoNetwork: the host cannot be reached, does not answer in time, or refuses.
      DamagedArchive: fewer bytes than announced, or a wrong checksum; nothing is kept.
      OSError: the file cannot be written.
    """
    try:
        with contextlib.closing(_open_url(url)) as response:
            checksums = {"SHA-256": sha256 or "", "MD5": md5 or ""}
            atomic_write(path, lambda file: _copy(url, response, file, checksums))
    except NoNetwork as error:
        file, folder = urlsplit(url).path.rpartition("/")[2], path.parent
        prepared = "set JKERAS_DATA_DIR to a folder with the prepared dataset, or " * is_prepared
        fix = f"Without a network, {prepared}put {file} into {folder}."
        raise NoNetwork(f"{error} {fix}") from error.__cause__


def _open_url(url: str) -> Any:
    """The response to a GET, or `NoNetwork` within `CONNECT_S`.

    A socket's own time limit covers neither the name look-up nor a host with many addresses, so the
    request runs in a thread, which is abandoned after the time limit.
    """
    from urllib.request import urlopen  # takes longer to import than all the rest of this file

    answers: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def connect() -> None:
        try:
            answers.put(urlopen(url, timeout=STALL_S))
        except BaseException as error:  # handed to the waiting thread, which raises it
            answers.put(error)

    threading.Thread(target=connect, daemon=True).start()
    try:
        answer = answers.get(timeout=CONNECT_S)
    except queue.Empty:
        answer = TimeoutError(f"no answer within {CONNECT_S:g} s")
    if isinstance(answer, (OSError, http.client.HTTPException)):
        raise _no_network(url, answer) from answer
    if isinstance(answer, BaseException):
        raise answer
    return answer


def _copy(
    url: str,
    response: http.client.HTTPResponse,
    file: BinaryIO,
    checksums: Mapping[str, str],
) -> None:
    """Copies a response's body into `file` and compares it with its length and checksums."""
    wanted = {kind: checksum for kind, checksum in checksums.items() if checksum}
    digests = {kind: hashlib.new(kind.replace("-", "").lower()) for kind in wanted}
    count = 0
    while block := _read_block(url, response):
        for digest in digests.values():
            digest.update(block)
        count += file.write(block)
    announced = response.headers.get("Content-Length")
    if announced is not None and count != int(announced):
        raise _damaged_transfer(url, f"{announced} bytes", f"{count} bytes")
    for kind, checksum in wanted.items():
        if digests[kind].hexdigest() != checksum:
            raise _damaged_transfer(url, f"{kind} {checksum}", digests[kind].hexdigest())


def _read_block(url: str, response: http.client.HTTPResponse) -> bytes:
    """The next 256 KiB; a broken connection raises `NoNetwork`, not an error of the disk."""
    try:
        return response.read(1 << 18)
    except http.client.IncompleteRead as error:
        return error.partial
    except (OSError, http.client.HTTPException) as error:
        raise _no_network(url, error) from error


def _damaged_transfer(url: str, expected: str, got: str) -> DamagedArchive:
    return DamagedArchive(f"{url}: expected {expected}, got {got}. Nothing was kept: run it again.")


def _no_network(url: str, error: BaseException) -> NoNetwork:
    """The error for a host that cannot be used, with the reason in the system's words."""
    reason = getattr(error, "reason", None) or error
    if isinstance(error, urllib.error.HTTPError):
        reason = f"HTTP {error.code} {error.reason}"
        error.close()  # it holds the connection
    elif isinstance(reason, OSError):
        reason = reason.strerror or reason
    address = urlsplit(url)
    name = address.path.rpartition("/")[2]
    return NoNetwork(f"{name}: expected a download from {address.netloc}, got {reason}.")


def read_idx(path: Path) -> np.ndarray:
    """The array in a gzipped IDX file of unsigned bytes (MNIST's format).

    The format: two zero bytes, a type code (8: unsigned byte), the rank, each dimension as a
    big-endian 32-bit integer, then the elements in C order.

    Returns:
      uint8 array of the shape in the header.

    Raises:
      DamagedArchive: the file is not a whole gzipped IDX file of unsigned bytes.
      FileNotFoundError: there is no such file.

    Source: the format's description on the MNIST page of LeCun, Cortes and Burges.
    """
    room = path.stat().st_size * DEFLATE_RATIO
    try:
        with gzip.open(path, "rb") as file:
            magic = file.read(4)
            if len(magic) != 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
                got = f"first bytes {magic.hex(' ')}"
                raise damaged(path, "an IDX file of unsigned bytes", got)
            rank = magic[3]
            sizes = file.read(4 * rank)
            if len(sizes) != 4 * rank:
                raise damaged(path, f"{rank} dimensions", f"{len(sizes)} bytes of header")
            shape = struct.unpack(f">{rank}I", sizes)
            count = int(np.prod(shape, dtype=object))
            if count > room:
                raise damaged(path, f"{shape} bytes", f"a file that holds at most {room}")
            data = file.read(count)
            rest = file.read(1)  # reaches the end, where gzip compares its checksum
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise damaged(path, "a whole gzip file", f"{error}") from error
    if len(data) != count or rest:
        got = "more" if rest else f"{len(data)}"
        raise damaged(path, f"{count} elements", got)
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def read_npz(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Arrays of unsigned bytes in NumPy's npz format, of known shapes.

    The header of an array is checked before its elements are read, so a false header allocates
    nothing.

    Args:
      path: the file.
      shapes: the names of the arrays and their shapes; other arrays in the file are not read.

    Raises:
      DamagedArchive: the file is not an npz archive, or an array is missing or has another shape
        or dtype.
      FileNotFoundError: there is no such file.
    """
    content = io.BytesIO(path.read_bytes())  # what fails from here on is the file's content
    try:
        with zipfile.ZipFile(content) as archive:
            return {name: _npy(path, archive, name, shape) for name, shape in shapes.items()}
    except DamagedArchive:
        raise
    except UNREADABLE as error:
        raise damaged(path, "arrays in NumPy's npz format", f"{error}") from error


UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    NotImplementedError,  # a way of compression that zipfile does not know
    RuntimeError,  # an encrypted member
    struct.error,
    ValueError,
)


def _npy(
    path: Path, archive: zipfile.ZipFile, name: str, shape: tuple[int, ...]
) -> np.ndarray[Any, Any]:
    """One array of an npz file; raises unless it has this shape."""
    with archive.open(f"{name}.npy") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):  # what NumPy writes for every plain array
            raise ValueError(f"{name}: version {version} of the npy format")
        actual, fortran, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=4096)
        if (actual, fortran, dtype) != (shape, False, np.uint8):
            raise damaged(path, f"{name} uint8 {shape}", f"{dtype} {actual}")
        data = file.read(int(np.prod(shape)))
        rest = file.read(1)  # reaches the end, where zipfile compares its checksum
    if len(data) != np.prod(shape) or rest:
        raise ValueError(f"{name}: {'more' if rest else len(data)} elements")
    return np.frombuffer(data, np.uint8).reshape(shape).copy()


def damaged(path: Path, expected: str, got: str) -> DamagedArchive:
    """The error for a file with unexpected content."""
    return DamagedArchive(f"{path}: expected {expected}, got {got}. Delete it and run it again.")
