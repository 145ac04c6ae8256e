"""Keras's `.keras`: a zip archive of metadata.json, config.json, model.weights.h5, and perhaps text
files of layers in assets/.

Laws: nothing is extracted to a folder, only these members are read, and the bytes read are
bounded by the size of the file; an invalid archive raises a `ValueError` that names the file and
the member.
"""

from __future__ import annotations

import datetime
import functools
import io
import json
import os
import re
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from jkeras.core.folders import atomic_write
from jkeras.saving.keras_h5 import File, read_bytes

KERAS = "3.15.1"
"""The version of Keras whose format this is."""

METADATA, CONFIG, WEIGHTS = "metadata.json", "config.json", "model.weights.h5"
ASSETS = "assets"
"""The folder of further files of layers, such as vocabularies."""
MOST_GROWTH, ALLOWANCE = 20, 1 << 24
"""A member may be larger than its compressed bytes by this factor, and this many bytes besides.
Keras does not compress, so its own members do not grow at all."""
MOST_DEPTH = 100
"""Brackets in one another in JSON; a model in a model in a model has about 20."""
IN_MEMORY = 1 << 26

_ASSETS = re.compile(r"assets(/[^/\\\0]+)*/?")
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)


class Archive(NamedTuple):
    """The content of a `.keras` file.

    Attributes:
      metadata: the version of Keras and the date.
      config: the configuration of the model.
      weights: the bytes of an HDF5 file.
      assets: the texts of files of layers by their names in the archive.
    """

    metadata: dict[str, Any]
    config: dict[str, Any]
    weights: bytes
    assets: dict[str, str]


# -- writing


def write(
    file: BinaryIO,
    config: Mapping[str, Any],
    write_weights: Callable[[Any], object],
    assets: Mapping[str, str] | None = None,
) -> None:
    """Writes an archive.

    Args:
      file: a seekable file, open for writing.
      config: the configuration, which becomes JSON.
      write_weights: a function that writes an HDF5 file into the open file that is its argument.
      assets: the texts of further files by their names.

    Raises:
      TypeError: the configuration contains an object that JSON cannot represent.
    """
    text = json.dumps(config)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(METADATA, _metadata())
        archive.writestr(CONFIG, text)
        for name, content in (assets or {}).items():
            archive.writestr(name, content)
        # HDF5 goes back and forth, and a member of an archive is written from front to end.
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as weights:
            write_weights(weights)
            weights.seek(0)
            with archive.open(WEIGHTS, "w", force_zip64=True) as member:
                shutil.copyfileobj(weights, member, 1 << 20)


def write_folder(
    folder: Path,
    config: Mapping[str, Any],
    write_weights: Callable[[Any], object],
    assets: Mapping[str, str] | None = None,
) -> None:
    """Writes the members of an archive as files of a folder, each whole or not at all; arguments
    and errors as for `write`.
    """
    text = json.dumps(config)
    atomic_write(folder / METADATA, lambda file: file.write(_metadata().encode()))
    atomic_write(folder / CONFIG, lambda file: file.write(text.encode()))
    atomic_write(folder / WEIGHTS, write_weights)
    for name, content in (assets or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        atomic_write(folder / name, functools.partial(_write_text, content))


def _write_text(content: str, file: BinaryIO) -> None:
    file.write(content.encode())


def _metadata() -> str:
    now = datetime.datetime.now().strftime("%Y-%m-%d@%H:%M:%S")
    return json.dumps({"keras_version": KERAS, "date_saved": now})


# -- reading


def read(path: File) -> Archive:
    """Reads an archive, from a path or an open file, or a folder with its members as files.

    Raises:
      FileNotFoundError: the file does not exist.
      ValueError: the file is not a `.keras` archive, a member is missing, damaged or too large, or
        the names of the members are not those of a model.
    """
    names = (METADATA, CONFIG, WEIGHTS)
    if isinstance(path, str | os.PathLike) and os.path.isdir(path):
        members = {name: read_bytes(Path(path) / name) for name in names}
        texts = [file for file in (Path(path) / ASSETS).rglob("*.txt") if file.is_file()]
        members |= {file.relative_to(path).as_posix(): read_bytes(file) for file in texts}
    else:
        members = _members(read_bytes(path), str(path), names, with_assets=True)
    metadata = json_object(members[METADATA], f"{path}: {METADATA}")
    config = json_object(members[CONFIG], f"{path}: {CONFIG}")
    assets = {
        name: _text(content, f"{path}: {name}")
        for name, content in members.items()
        if name not in names
    }
    return Archive(metadata, config, members[WEIGHTS], assets)


def _text(content: bytes, who: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise ValueError(f"{who}: expected text in UTF-8, and it is none.") from None


def read_weights(path: str | os.PathLike[str]) -> bytes:
    """The HDF5 file in an archive; errors as of `read`."""
    return _members(read_bytes(path), str(path), (WEIGHTS,))[WEIGHTS]


def _members(
    data: bytes, who: str, required: tuple[str, ...], *, with_assets: bool = False
) -> dict[str, bytes]:
    """The bytes of the required members, and of the text files among the assets."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except _UNREADABLE as error:
        raise ValueError(f"{who}: expected a .keras file, and it is damaged: {error}.") from None
    with archive:
        infos = archive.infolist()
        _check_names(infos, who, required)
        texts = {i.filename for i in infos if with_assets and _is_text(i.filename)}
        wanted = {*required, *texts}
        return {i.filename: _content(archive, i, who) for i in infos if i.filename in wanted}


def _is_text(name: str) -> bool:
    return name.startswith(f"{ASSETS}/") and name.endswith(".txt")


_UNREADABLE = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    RuntimeError,
    ValueError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What zipfile raises for a file or a member that is damaged."""


def _check_names(infos: list[zipfile.ZipInfo], who: str, required: tuple[str, ...]) -> None:
    """Raises if a member's name is not one of Keras's, or a required member is missing."""
    names = [info.filename for info in infos]
    for info in infos:
        name = info.filename
        if stat.S_ISLNK(info.external_attr >> 16):
            raise ValueError(f"{who}: the member {name!r} is a link, which is not allowed.")
        plain = name in (METADATA, CONFIG, WEIGHTS)
        if not plain and (not _ASSETS.fullmatch(name) or ".." in name.split("/")):
            raise ValueError(
                f"{who}: expected the members {METADATA}, {CONFIG} and {WEIGHTS}, got {name!r}."
            )
        if plain and names.count(name) > 1:
            raise ValueError(f"{who}: the member {name!r} is there twice.")
    missing = [name for name in required if name not in names]
    if missing:
        raise ValueError(f"{who}: expected a .keras file, and it has no {missing[0]}.")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, who: str) -> bytes:
    """The bytes of a member; raises if it is larger than allowed."""
    where = f"{who}: the member {info.filename!r}"
    if info.flag_bits & 1:
        raise ValueError(f"{where} is encrypted, which is not supported.")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{where} is compressed in a way that is not supported.")
    most = info.compress_size * MOST_GROWTH + ALLOWANCE
    if info.file_size > most:
        raise ValueError(
            f"{where} would have {info.file_size} bytes, and the file holds {info.compress_size} "
            f"for it: more than {MOST_GROWTH} to 1. Pack it without compression, as Keras does."
        )
    try:
        with archive.open(info) as member:
            content = member.read(info.file_size + 1)
    except _UNREADABLE as error:
        raise ValueError(f"{where} is damaged: {error}.") from None
    if len(content) != info.file_size:
        raise ValueError(f"{where} has not the {info.file_size} bytes that it declares.")
    return content


def json_object(data: str | bytes, who: str) -> dict[str, Any]:
    """The dict of a JSON object with at most `MOST_DEPTH` levels.

    Args:
      data: the text, or its bytes in UTF-8.
      who: the name of the text in errors.

    Raises:
      ValueError: `data` is not a JSON object, or is nested too deeply.

    Example:
      >>> json_object('{"units": 3}', "config.json")
      {'units': 3}
    """
    try:
        text = data.decode() if isinstance(data, bytes) else data
        depth = 0
        for match in _BRACKETS.finditer(text):
            depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(match.group(), 0)
            if depth > MOST_DEPTH:
                raise ValueError(f"{who}: expected at most {MOST_DEPTH} brackets in one another.")
        value = json.loads(text)
    except UnicodeDecodeError:
        raise ValueError(f"{who}: expected JSON, and it is no text.") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"{who}: expected JSON: {error}.") from None
    if not isinstance(value, dict):
        raise ValueError(f"{who}: expected a JSON object, got {type(value).__name__}.")
    return value
