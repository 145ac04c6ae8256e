"""`get_file`: a file from the network, kept in a folder, and unpacked if it is an archive.

Laws:
  - A file is whole and has the expected hash, or it is not there; an archive is unpacked as a whole
    or not at all, and nothing of it lies outside of its folder.
  - The folders are Keras's (`~/.keras/datasets`), so that files that Keras has fetched are found.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit

from jkeras.core.errors import named_arguments, value_error
from jkeras.core.folders import atomic_write, writable_keras_folder
from jkeras.core.session import print_message

SECONDS = 30.0  # that a host may take to answer, and a transfer may stand still
FORMATS = ("tar", "zip")
_WHO = "get_file"


@named_arguments
def get_file(
    fname: str | os.PathLike[str] | None = None,
    origin: str | None = None,
    untar: bool = False,
    md5_hash: str | None = None,
    file_hash: str | None = None,
    cache_subdir: str = "datasets",
    hash_algorithm: str = "auto",
    extract: bool = False,
    archive_format: str | Sequence[str] | None = "auto",
    cache_dir: str | os.PathLike[str] | None = None,
    force_download: bool = False,
) -> str:
    """The path of a file that is fetched if it is not there yet, or of its unpacked folder.

    Args:
      fname: the name of the file; when left out that in `origin`. Of an archive that is unpacked it
        is the name of the folder, unless it has an ending.
      origin: the address: http, https, ftp or file.
      untar: unpack a tar archive; the older form of `extract`.
      md5_hash: the older form of `file_hash`.
      file_hash: the SHA-256 or MD5 hash of the file, hexadecimal. A file of another hash is fetched
        again.
      cache_subdir: the folder in `cache_dir`, or an absolute path.
      hash_algorithm: "sha256" or "md5"; "auto" to tell by the length of the hash.
      extract: unpack a tar or zip archive.
      archive_format: "tar" or "zip", or both in a list; "auto" to tell by the file.
      cache_dir: `$KERAS_HOME`, or `~/.keras`, when left out.
      force_download: fetch the file also if it is there.

    Raises:
      ConnectionError: the address cannot be reached.
      ValueError: no address; a `fname` with folders; another hash; or not an archive.

    Source: `keras.utils.get_file`.
    """
    if not origin:
        raise value_error(who=_WHO, expected="`origin`, the address of a file", got=repr(origin))
    name = os.fspath(fname) if fname else os.path.basename(urlsplit(origin).path)
    if not name or os.sep in name:
        fix = "Name its folder by `cache_dir` or `cache_subdir`."
        raise value_error(
            who=_WHO, expected="the name of a file as `fname`", got=repr(name), fix=fix
        )
    if md5_hash is not None and file_hash is None:
        file_hash, hash_algorithm = md5_hash, "md5"
    algorithm, file_hash = _algorithm(hash_algorithm, file_hash), file_hash and file_hash.lower()
    formats = _formats("tar" if untar else archive_format)
    folder = writable_keras_folder(cache_dir) / cache_subdir
    extract = extract or untar
    file, unpacked = folder / name, folder / name
    if extract and fname and "." in name:
        unpacked = folder / f"{name[: name.find('.')]}_extracted"
    elif extract:
        file = folder / f"{name}_archive"
    kept = file.exists() and not force_download
    if kept and file_hash is not None:
        kept = hash_file(file, algorithm) == file_hash
    if not kept:
        print_message(f"Downloading data from {origin}")
        _fetch(origin, file, algorithm, file_hash)
    if not extract:
        return str(file)
    if (not kept or not unpacked.is_dir()) and not extract_archive(file, unpacked, formats):
        raise value_error(
            who=_WHO, expected=f"{origin} to be a tar or zip archive", got="another kind of file"
        )
    return str(unpacked)


def hash_file(path: str | os.PathLike[str], algorithm: str = "sha256") -> str:
    """The hash of a file, hexadecimal; `algorithm` is "sha256" or "md5"."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def extract_archive(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str] = ".",
    archive_format: str | Sequence[str] | None = "auto",
) -> bool:
    """Unpacks a tar or zip archive into a folder, all of it or nothing.

    Args:
      path: the archive.
      folder: where its files shall lie, beside those that are there.
      archive_format: "tar" or "zip", or both in a list; "auto" to tell by the file; None for none.

    Returns:
      Whether the file is such an archive.
    """
    formats = _formats(archive_format)
    is_tar = "tar" in formats and tarfile.is_tarfile(path)
    if not is_tar and not ("zip" in formats and zipfile.is_zipfile(path)):
        return False
    Path(folder).absolute().parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=Path(folder).absolute().parent) as whole:
        if is_tar:
            with tarfile.open(path) as archive:
                archive.extractall(whole, filter="data")  # refuses what leads out of the folder
        else:
            with zipfile.ZipFile(path) as pack:
                pack.extractall(whole)  # leaves out what leads out of it
        shutil.copytree(whole, folder, dirs_exist_ok=True)
    return True


def _algorithm(algorithm: str, file_hash: str | None) -> str:
    if algorithm not in ("auto", "sha256", "md5"):
        expected = "`hash_algorithm` 'auto', 'sha256' or 'md5'"
        raise value_error(who=_WHO, expected=expected, got=repr(algorithm))
    if algorithm == "auto":
        return "md5" if file_hash is not None and len(file_hash) != 64 else "sha256"
    return algorithm


def _formats(archive_format: str | Sequence[str] | None) -> tuple[str, ...]:
    given = (archive_format,) if isinstance(archive_format, str) else tuple(archive_format or ())
    formats = FORMATS if given == ("auto",) else given
    if not set(formats) <= set(FORMATS):
        expected = "`archive_format` 'auto', 'tar', 'zip' or None"
        raise value_error(who=_WHO, expected=expected, got=repr(archive_format))
    return formats


def _fetch(origin: str, path: Path, algorithm: str, file_hash: str | None) -> None:
    """Fetches a file, if it is whole and has the hash."""
    from urllib.request import urlopen  # takes longer to import than all the rest of this file

    try:
        with urlopen(origin, timeout=SECONDS) as answer:
            size = answer.headers.get("Content-Length")

            def write(file: Any) -> None:
                shutil.copyfileobj(answer, file)
                if size is not None and file.tell() != int(size):
                    raise ConnectionError(f"{file.tell()} of {size} bytes")
                file.seek(0)
                got = hashlib.file_digest(file, algorithm).hexdigest()
                if file_hash is not None and got != file_hash:
                    raise value_error(
                        who=_WHO,
                        expected=f"{origin} with the {algorithm} hash {file_hash}",
                        got=f"{got}, which was not kept",
                    )

            atomic_write(path, write)
    except (URLError, ConnectionError, TimeoutError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        fix = f"Put the file there yourself: {path}."
        raise ConnectionError(f"{_WHO}: expected {origin}, got {reason}. {fix}") from error
