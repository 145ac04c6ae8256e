"""The files of weights that Keras publishes, by address and checksum."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from jkeras.core.errors import Message, with_message
from jkeras.trainer import Model
from jkeras.utils import get_file

ADDRESS = "https://storage.googleapis.com/"
FOLDER = "tensorflow/keras-applications/"


class WeightFile(NamedTuple):
    """One published file.

    Attributes:
      path: behind `ADDRESS`.
      checksum: MD5 or SHA-256; None where Keras has none.
      name: under which it is kept; the last part of `path` when left out.
    """

    path: str
    checksum: str | None = None
    name: str | None = None

    def fetch(self) -> str:
        """The path of the file here, in Keras's own folder; it is fetched unless it is there.

        Raises:
          ConnectionError: the address cannot be reached.
          ValueError: the checksum is another.
        """
        name = self.name or self.path.rpartition("/")[2]
        return get_file(name, ADDRESS + self.path, cache_subdir="models", file_hash=self.checksum)


class WeightFiles(NamedTuple):
    """The two files of a network: with its classifier and without."""

    top: WeightFile
    no_top: WeightFile


def published(
    folder: str, stem: str, checksums: tuple[str | None, str | None], endings: tuple[str, str]
) -> WeightFiles:
    """The files `stem` with each ending in a folder of Keras's.

    Args:
      folder: behind `ADDRESS`.
      stem: how both names begin.
      checksums, endings: of the file with the classifier, and of that without.
    """
    pairs = zip(endings, checksums, strict=True)
    return WeightFiles(*(WeightFile(f"{folder}{stem}{end}", known) for end, known in pairs))


KERNELS = ("_weights_tf_dim_ordering_tf_kernels.h5", "_weights_tf_dim_ordering_tf_kernels_notop.h5")
"""The endings of the oldest networks' files."""

PLAIN = (".h5", "_notop.h5")
"""The endings of the newest networks' files."""


def load(model: Model, path: str | os.PathLike[str]) -> None:
    """Reads a file of weights into a model.

    A `.h5` file that is no `.weights.h5` has the layout of Keras 2, which h5py alone reads.

    Raises:
      ValueError: the file is damaged, or its weights are not those of the model.
    """
    text = os.fspath(path)
    is_older = Path(text).suffix in (".h5", ".hdf5") and not text.endswith(".weights.h5")
    try:
        model.load_weights(text, safe_mode=not is_older)
    except ValueError as error:
        fix = "With weights=None, model.load_weights(path, skip_mismatch=True) loads what fits."
        told = str(error).replace("skip_mismatch=True loads what fits.", fix)
        raise with_message(error, Message(told)) from error
