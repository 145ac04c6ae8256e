"""Prices of houses in Boston, 1978: 506 examples, 13 measurements."""

from __future__ import annotations

import os

from jkeras.core.errors import named_arguments
from jkeras.data.keras_files import keras_file
from jkeras.data.pickles import read_any_npz
from jkeras.datasets.copies import Pairs
from jkeras.datasets.sources import SOURCES
from jkeras.datasets.splits import check_test_split, divided, shuffled


@named_arguments
def load_data(
    path: str | os.PathLike[str] = "boston_housing.npz", test_split: float = 0.2, seed: int = 113
) -> Pairs:
    """The houses, as `keras.datasets.boston_housing.load_data` gives them.

    One of the measurements, B, is made of the share of Black inhabitants, on the assumption that
    segregation raises prices: the data set serves to show such faults, not to predict prices.
    `california_housing` takes its place.

    Args:
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        if it is missing.
      test_split: the fraction for test.
      seed: of the order of examples.

    Returns:
      `(x_train, y_train), (x_test, y_test)`, all floats: measurements `[examples, 13]` and
      median prices `[examples]` in 1,000 dollars.

    Raises:
      ValueError: `test_split` is no fraction.
      NoNetwork: the file is missing, and its host cannot be reached.
      DamagedArchive: the file is damaged.

    Source: Harrison and Rubinfeld 1978, doi:10.1016/0095-0696(78)90006-2;
    `keras.datasets.boston_housing.load_data`.
    """
    check_test_split("boston_housing", test_split)
    arrays = read_any_npz(keras_file(SOURCES["boston_housing"], path), ("x", "y"))
    return divided(*shuffled(arrays["x"], arrays["y"], seed), test_split)
