"""Files that Keras's data sets lie in: in Keras's own folder, or fetched into it.

Laws: a file is used only if it has the checksum; what a user has put somewhere else is never
replaced.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from jkeras.core.folders import keras_folder, writable_keras_folder
from jkeras.core.session import print_message
from jkeras.data.archives import NoNetwork, damaged, fetch, plain_disk_errors


class KerasFile(NamedTuple):
    """A file and its source.

    Attributes:
      name: the name under which Keras keeps it, in its folder `datasets`.
      url: the address.
      megabytes: its size, in 10^6 bytes.
      sha256: the SHA-256 of its bytes, hexadecimal; empty where none is known.
      md5: the MD5, where that is all that is known.
      is_prepared: whether tensorflow-datasets prepares the same examples.
    """

    name: str
    url: str
    megabytes: int
    sha256: str = ""
    md5: str = ""
    is_prepared: bool = False

    @property
    def checksum(self) -> str:
        """The kind of the checksum and its value."""
        return f"SHA-256 {self.sha256}" if self.sha256 else f"MD5 {self.md5}"


def keras_file(file: KerasFile, path: str | os.PathLike[str] | None = None) -> Path:
    """Where a whole file lies; fetches it if it is missing.

    It is looked for in Keras's folder (`$KERAS_HOME/datasets`, else `~/.keras/datasets`) under
    Keras's name and under the one in its address, which a browser gives it.

    Args:
      file: which one.
      path: another name in that folder, or an absolute path.

    Raises:
      NoNetwork: it is not there, and its host cannot be reached; says where it may be put.
      DamagedArchive: what was fetched, or lies at an absolute path, has another checksum.
      DatasetError: the folder cannot be written to.
    """
    name, own_name = os.fspath(path or file.name), urlsplit(file.url).path.rpartition("/")[2]
    target = writable_keras_folder() / "datasets" / name
    home = keras_folder("datasets", name)
    places = dict.fromkeys(p for t in (home, target) for p in (t, t.with_name(own_name)))
    there = [place for place in places if place.is_file()]
    for place in there:
        if _has_checksum(place, file):
            return place
    if there and Path(name).is_absolute():
        raise damaged(there[0], file.checksum, "another one")
    print_message(f"Downloading data from {file.url}")
    try:
        with plain_disk_errors(own_name, target.parent, file.megabytes, "KERAS_HOME"):
            fetch(
                file.url,
                target,
                sha256=file.sha256,
                md5=file.md5,
                is_prepared=file.is_prepared,
            )
    except NoNetwork as error:
        if not there:
            raise
        other = f"{there[0]} has another checksum than {file.checksum}."
        raise NoNetwork(f"{error} {other}") from error.__cause__
    return target


def _has_checksum(path: Path, file: KerasFile) -> bool:
    with path.open("rb") as content:
        found = hashlib.file_digest(content, "sha256" if file.sha256 else "md5").hexdigest()
    return found == (file.sha256 or file.md5)
