"""A tiny stand-in for MNIST: four archives with few digits in them."""

import functools
import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from jkeras.data.tfds_mnist import ARCHIVES

COUNTS = {"train": 23, "test": 7}


@functools.cache
def digits_of(split):
    rng = np.random.default_rng(len(split))
    images = rng.integers(0, 256, (COUNTS[split], 28, 28), dtype=np.uint8)
    return images, rng.integers(0, 10, COUNTS[split], dtype=np.uint8)


def write_idx_file(path: Path, array: np.ndarray) -> Path:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
    return path


def write_all(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in ARCHIVES.items():
        for name, array in zip(names, digits_of(split), strict=True):
            write_idx_file(folder / name, array)


@pytest.fixture
def digits():
    """The images and labels of each split."""
    return {split: digits_of(split) for split in COUNTS}


@pytest.fixture
def write_idx():
    """Writes an array as a gzipped IDX file: `write_idx(path, array)`."""
    return write_idx_file


@pytest.fixture
def write_archives():
    """Writes the four archives under their own names: `write_archives(folder)`."""
    return write_all


@pytest.fixture
def folder(tmp_path):
    """A data folder that does not exist yet."""
    return tmp_path / "data"


@pytest.fixture
def brought(folder):
    """A data folder into which somebody has put the archives."""
    write_all(folder / "downloads")
    return folder
