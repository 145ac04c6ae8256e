"""CIFAR-100: 60,000 colour images of 100 classes in 20 groups."""

from __future__ import annotations

import numpy as np

from jkeras.core.errors import named_arguments, nearest, value_error
from jkeras.datasets.cifar import in_layout, load_arrays
from jkeras.datasets.copies import Pairs

LABELS = {
    "fine": ("fine_labels", "label", 100),
    "coarse": ("coarse_labels", "coarse_label", 20),
}
BATCHES = {"train": ["train"], "test": ["test"]}
SHAPES: dict[str, tuple[int, ...]] = {
    "x_train": (50000, 32, 32, 3),
    "fine_train": (50000,),
    "coarse_train": (50000,),
    "x_test": (10000, 32, 32, 3),
    "fine_test": (10000,),
    "coarse_test": (10000,),
}


@named_arguments
def load_data(label_mode: str = "fine") -> Pairs:
    """The images, as `keras.datasets.cifar100.load_data` gives them; sources as for `cifar10`.

    Args:
      label_mode: "fine" for the 100 classes, "coarse" for the 20 groups.

    Returns:
      `(x_train, y_train), (x_test, y_test)`: images `[50000, 32, 32, 3]` and
      `[10000, 32, 32, 3]` of uint8, labels `[50000, 1]` and `[10000, 1]` of int64.

    Raises:
      ValueError: another `label_mode`.
      NoNetwork: the archive is missing, and its host cannot be reached.
      DamagedArchive: the archive is damaged.

    Source: Krizhevsky 2009, www.cs.toronto.edu/~kriz/cifar.html;
    `keras.datasets.cifar100.load_data`.
    """
    if label_mode not in LABELS:
        raise value_error(
            who="cifar100",
            argument="label_mode",
            expected="'fine' or 'coarse'",
            got=repr(label_mode),
            fix=nearest(str(label_mode), LABELS).strip(),
        )
    folder = "cifar-100-python"
    found = load_arrays("cifar100", folder, BATCHES, LABELS, SHAPES, stacklevel=5)
    train, test = (found[f"{label_mode}_{split}"].astype(np.int64) for split in BATCHES)
    return (
        (in_layout(found["x_train"]), train[:, None]),
        (in_layout(found["x_test"]), test[:, None]),
    )
