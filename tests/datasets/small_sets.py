"""Small files in the form of those that the data sets of Keras come in."""

from __future__ import annotations

import gzip
import io
import pickle
import struct
import tarfile
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

RNG_SEED = 5
CIFAR10 = {"train": 5, "test": 3}
CIFAR100 = {"train": 4, "test": 3}
FASHION = {"train": 6, "test": 4}


class Python2(pickle._Pickler):  # type: ignore[misc]
    """Writes bytes as the strings of Python 2, as in the batches of CIFAR."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)  # type: ignore[attr-defined]

    def save_bytes(self, value: bytes) -> None:
        if len(value) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(value)]) + value)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(value)) + value)
        self.memoize(value)

    dispatch[bytes] = save_bytes


def python2_pickle(value: Any) -> bytes:
    """A pickle as Python 2 with NumPy 1 wrote it."""
    content = io.BytesIO()
    Python2(content, 2).dump(value)
    return content.getvalue().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")


def texts(count: int, rng: np.random.Generator) -> np.ndarray:
    """Lists of word ids of several lengths."""
    found = np.empty(count, object)
    found[:] = [rng.integers(1, 40, length).tolist() for length in rng.integers(1, 12, count)]
    return found


def write_npz(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path


def boston(folder: Path) -> Path:
    rng = np.random.default_rng(RNG_SEED)
    return write_npz(folder / "boston_housing.npz", x=rng.random((37, 13)), y=rng.random(37))


def california(folder: Path) -> Path:
    rng = np.random.default_rng(RNG_SEED)
    x = rng.random((655, 8), dtype=np.float32)
    return write_npz(folder / "california_housing.npz", x=x, y=x.sum(1))


def imdb(folder: Path) -> Path:
    rng = np.random.default_rng(RNG_SEED)
    return write_npz(
        folder / "imdb.npz",
        x_train=texts(31, rng),
        y_train=rng.integers(0, 2, 31),
        x_test=texts(23, rng),
        y_test=rng.integers(0, 2, 23),
    )


def reuters(folder: Path) -> Path:
    rng = np.random.default_rng(RNG_SEED)
    return write_npz(folder / "reuters.npz", x=texts(43, rng), y=rng.integers(0, 46, 43))


def words(folder: Path, name: str) -> Path:
    path = folder / f"{name}_word_index.json"
    path.write_text('{"fawn": 34701, "caf\\u00e9": 2, "the": 1}', encoding="ascii")
    return path


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path


def batch(count: int, rng: np.random.Generator, **classes: int) -> bytes:
    """A batch of CIFAR with labels of several kinds."""
    labels = {
        f"{key}labels".encode(): rng.integers(0, n, count).tolist() for key, n in classes.items()
    }
    pixels = rng.integers(0, 256, (count, 3072), dtype=np.uint8)
    return python2_pickle({b"batch_label": b"a batch", b"data": pixels, **labels})


def cifar10(folder: Path) -> Path:
    """Five batches of one image, and three for test."""
    rng = np.random.default_rng(RNG_SEED)
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    counts = [1] * 5 + [CIFAR10["test"]]
    members = {
        f"cifar-10-batches-py/{name}": batch(count, rng, **{"": 10})
        for name, count in zip(names, counts, strict=True)
    }
    extra = {"cifar-10-batches-py/batches.meta": b"not read"}
    return write_tar(folder / "cifar-10-python.tar.gz", {**extra, **members})


def cifar100(folder: Path) -> Path:
    rng = np.random.default_rng(RNG_SEED)
    members = {
        f"cifar-100-python/{name}": batch(count, rng, fine_=100, coarse_=20)
        for name, count in CIFAR100.items()
    }
    return write_tar(folder / "cifar-100-python.tar.gz", members)


def fashion(folder: Path) -> list[Path]:
    """The four archives, in Keras's order: labels and images for training, then for test."""
    rng, paths = np.random.default_rng(RNG_SEED), []
    for prefix, count in (("train", FASHION["train"]), ("t10k", FASHION["test"])):
        for name, shape in (("labels-idx1", (count,)), ("images-idx3", (count, 28, 28))):
            array = rng.integers(0, 10, shape, dtype=np.uint8)
            header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            path = folder / f"{prefix}-{name}-ubyte.gz"
            path.write_bytes(gzip.compress(header + array.tobytes()))
            paths.append(path)
    return paths
