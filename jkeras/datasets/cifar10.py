"""CIFAR-10: 60,000 colour images of 10 classes."""

from __future__ import annotations

from jkeras.datasets.cifar import in_layout, load_arrays
from jkeras.datasets.copies import Pairs

CLASSES = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)

BATCHES = {"train": [f"data_batch_{i}" for i in range(1, 6)], "test": ["test_batch"]}
SHAPES: dict[str, tuple[int, ...]] = {
    "x_train": (50000, 32, 32, 3),
    "y_train": (50000,),
    "x_test": (10000, 32, 32, 3),
    "y_test": (10000,),
}


def load_data() -> Pairs:
    """The images, as `keras.datasets.cifar10.load_data` gives them.

    The sources, in this order: the decoded copy in the cache folder; what tensorflow-datasets has
    prepared; the archive in Keras's folder, `~/.keras/datasets`, which is downloaded (171 MB) if
    it is missing.

    Returns:
      `(x_train, y_train), (x_test, y_test)`, all uint8: images `[50000, 32, 32, 3]` and
      `[10000, 32, 32, 3]`, with channels first where `keras.config.image_data_format` says so;
      labels `[50000, 1]` and `[10000, 1]`, positions in `CLASSES`.

    Raises:
      NoNetwork: the archive is missing, and its host cannot be reached.
      DamagedArchive: the archive is damaged.

    Source: Krizhevsky 2009, www.cs.toronto.edu/~kriz/cifar.html;
    `keras.datasets.cifar10.load_data`.
    """
    labels = {"y": ("labels", "label", len(CLASSES))}
    folder = "cifar-10-batches-py"
    found = load_arrays("cifar10", folder, BATCHES, labels, SHAPES, stacklevel=4)
    return (
        (in_layout(found["x_train"]), found["y_train"][:, None]),
        (in_layout(found["x_test"]), found["y_test"][:, None]),
    )
