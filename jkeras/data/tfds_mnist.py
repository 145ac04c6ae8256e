"""MNIST, prepared for tensorflow-datasets without TensorFlow.

The registered builder keeps its description, its addresses and its checksums; only reading the
archives and writing the images are replaced by code without TensorFlow. The result has the official
layout, which tensorflow-datasets reads everywhere.

Laws:
- Archives and the prepared folder appear under their names only when they are complete.
- Two processes may prepare at once: each works in a folder of its own, and the first rename wins;
  the other one finds the dataset there and uses it. (No lock, so none can be left behind.)
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from jkeras.data.archives import damaged, fetch, plain_disk_errors, read_idx

ARCHIVES = {
    "train": ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
    "test": ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"),
}
NEEDED_MB = 40  # archives 12, prepared files 27; megabytes


def prepare_mnist(folder: Path) -> None:
    """Downloads MNIST (11 MB) and writes it into `folder` as tensorflow-datasets would.

    Args:
      folder: the folder of prepared datasets; archives go to `downloads` in it.

    Raises:
      NoNetwork: an archive is missing and cannot be downloaded.
      DamagedArchive: an archive is truncated or altered.
      DiskFull: the disk is full; `DatasetError` if the folder cannot be written to.
    """
    import tensorflow_datasets as tfds

    config = tfds.download.DownloadConfig(try_download_gcs=False)
    with plain_disk_errors("mnist", folder, NEEDED_MB):
        builder = _plain_builder()(data_dir=folder, file_format="array_record")
        try:
            builder.download_and_prepare(download_dir=folder / "downloads", download_config=config)
        except OSError:
            if not builder.is_prepared():  # else another process was faster, and its work serves
                raise


def _plain_builder() -> type:
    """The registered MNIST builder, with the two steps that import TensorFlow replaced."""
    import tensorflow_datasets as tfds

    registered: Any = tfds.image_classification.MNIST
    checksums = registered.url_infos or {}

    class PlainMnist(registered, skip_registration=True):  # type: ignore[call-arg]
        name = "mnist"

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            folder = Path(dl_manager.download_dir)
            urls = {file: self.URL + file for pair in ARCHIVES.values() for file in pair}
            paths = {file: _archive(folder, url, checksums.get(url)) for file, url in urls.items()}
            return {
                split: self._generate_examples(*(paths[file] for file in pair))
                for split, pair in ARCHIVES.items()
            }

        def _generate_examples(self, images: Path, labels: Path) -> Iterator[tuple[int, Any]]:
            for key, (image, label) in enumerate(_digits(images, labels)):
                yield key, {"image": io.BytesIO(encode_png(image)), "label": int(label)}

    return PlainMnist


def _archive(folder: Path, url: str, info: Any | None) -> Path:
    """The path of an archive in the folder of downloads; downloads it if it is missing.

    An existing file has the name that tensorflow-datasets gives to the archive, or the name in its
    address. `info` is the registered size and checksum.
    """
    from tensorflow_datasets.core.download.resource import get_dl_fname

    checksum = info.checksum if info else None
    path = folder / get_dl_fname(url, checksum)
    manual = folder / url.rpartition("/")[2]
    if path.exists() or manual.exists():
        return path if path.exists() else manual
    fetch(url, path, sha256=checksum)
    return path


def _digits(images: Path, labels: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of an image and its label from two archives that belong together."""
    pixels, classes = read_idx(images), read_idx(labels)
    if pixels.shape[1:] != (28, 28):
        raise damaged(images, "images of 28 x 28", f"shape {pixels.shape}")
    if classes.shape != pixels.shape[:1]:
        raise damaged(labels, f"{len(pixels)} labels", f"shape {classes.shape}")
    if classes.max(initial=0) > 9:
        raise damaged(labels, "labels from 0 to 9", f"{classes.max()}")
    return zip(pixels, classes, strict=True)


def encode_png(image: np.ndarray) -> bytes:
    """A grey image as a PNG file.

    Args:
      image: uint8 `[height, width]`.

    Returns:
      the file's bytes: header, one compressed block of unfiltered rows, end.

    Source: PNG (Portable Network Graphics) specification, ISO/IEC 15948.
    """
    height, width = image.shape
    rows = np.pad(image, ((0, 0), (1, 0)))  # each row opens with its filter, 0: none
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
