"""Fisher's iris flowers: 150 examples, 4 measurements, 3 species; they ship with the package."""

from __future__ import annotations

import csv
from importlib.resources import files

import numpy as np

FEATURES = ("sepal_length", "sepal_width", "petal_length", "petal_width")
CLASSES = ("setosa", "versicolor", "virginica")


def load_data() -> tuple[np.ndarray, np.ndarray]:
    """The 150 flowers in their original order: 50 of each species, one after the other.

    The values are those of Fisher's paper (as in R's `iris`). The copy in the UCI repository
    differs from it in flowers 35 and 38, counted from 1.

    Returns:
      `(x, y)`: x float32 `[150, 4]`, centimeters, columns as in `FEATURES`; y uint8 `[150]`, the
      position of the species in `CLASSES`.

    Example:
      >>> x, y = load_data()
      >>> x.shape, [CLASSES[k] for k in y[[0, 50, 100]]]
      ((150, 4), ['setosa', 'versicolor', 'virginica'])

    Source: Fisher 1936, doi:10.1111/j.1469-1809.1936.tb02137.x, table I.
    """
    text = (files("jkeras.datasets") / "files" / "iris.csv").read_text(encoding="ascii")
    rows = list(csv.DictReader(text.splitlines()))
    x = np.array([[row[feature] for feature in FEATURES] for row in rows], np.float32)
    y = np.array([CLASSES.index(row["species"]) for row in rows], np.uint8)
    return x, y
