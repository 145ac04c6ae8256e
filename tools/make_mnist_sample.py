"""Makes jkeras/datasets/files/mnist_sample.npz: 10,000 digits, shuffled, split 8,000 to 2,000.

    python tools/make_mnist_sample.py SOURCE.npz

SOURCE holds `images` uint8 (10000, 28, 28) and `labels` uint8 (10000,); the README beside the
result says where they are from. The same source always gives the same arrays.
"""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import numpy as np

TARGET = Path(__file__).parents[1] / "jkeras" / "datasets" / "files" / "mnist_sample.npz"
SEED = 1998


def split_evenly(labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Positions of the training and test examples, both shuffled.

    Sorted by class, at random within one, every fifth example is for testing: so each class gives a
    fifth of its examples, to within one.
    """
    shuffled = rng.permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    is_test = np.arange(len(labels)) % 5 == 0
    return rng.permutation(by_class[~is_test]), rng.permutation(by_class[is_test])


def write_npz(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays as NumPy does, compressed harder and with a fixed date."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, array in arrays.items():
            member = io.BytesIO()
            np.save(member, array, allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", date_time=(1998, 1, 1, 0, 0, 0))
            archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, 9)


def main(source: str) -> None:
    """Reads the source, writes the sample and prints its size."""
    with np.load(source, allow_pickle=False) as data:
        images, labels = data["images"], data["labels"]
    train, test = split_evenly(labels, np.random.default_rng(SEED))
    arrays = {
        "x_train": images[train],
        "y_train": labels[train],
        "x_test": images[test],
        "y_test": labels[test],
    }
    write_npz(TARGET, arrays)
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(sys.argv[1])
