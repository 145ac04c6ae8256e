"""Fashion-MNIST: 70,000 pictures of clothes, in the form of MNIST."""

from __future__ import annotations

import numpy as np

from jkeras.core.folders import cache_folder
from jkeras.data.archives import damaged, read_idx
from jkeras.data.keras_files import keras_file
from jkeras.datasets.copies import Arrays, Pairs, copied, prepared, write_copy
from jkeras.datasets.sources import SOURCES

CLASSES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)

SHAPES: dict[str, tuple[int, ...]] = {
    "x_train": (60000, 28, 28),
    "y_train": (60000,),
    "x_test": (10000, 28, 28),
    "y_test": (10000,),
}


def load_data() -> Pairs:
    """The pictures, as `keras.datasets.fashion_mnist.load_data` gives them.

    The sources, in this order: the decoded copy in the cache folder; what tensorflow-datasets has
    prepared; the archives in Keras's folder, `~/.keras/datasets/fashion-mnist`, which are
    downloaded (31 MB) if they are missing.

    Returns:
      `(x_train, y_train), (x_test, y_test)`, all uint8: images `[60000, 28, 28]` and
      `[10000, 28, 28]`, labels `[60000]` and `[10000]`, positions in `CLASSES`.

    Raises:
      NoNetwork: an archive is missing, and its host cannot be reached.
      DamagedArchive: an archive is damaged.

    Source: Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747;
    `keras.datasets.fashion_mnist.load_data`.
    """
    name = "fashion_mnist"
    arrays = copied(name, SHAPES)
    if arrays is None:
        arrays = prepared(name, {"x": "image", "y": "label"}, SHAPES) or _decoded()
        write_copy(name, cache_folder("datasets", f"{name}.npz"), arrays, stacklevel=3)
    return (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])


def _decoded() -> Arrays:
    """The arrays from the archives."""
    arrays: dict[str, np.ndarray] = {}
    for name, shape in SHAPES.items():
        file = keras_file(SOURCES[f"fashion_mnist/{name}"])
        arrays[name] = read_idx(file)
        if arrays[name].shape != shape:
            raise damaged(file, f"an array of shape {shape}", f"{arrays[name].shape}")
    return arrays
