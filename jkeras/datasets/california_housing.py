"""Prices of houses in California, 1990: 20,640 block groups, 8 measurements."""

from __future__ import annotations

import os

from jkeras.core.errors import named_arguments, nearest, value_error
from jkeras.data.keras_files import keras_file
from jkeras.data.pickles import read_any_npz
from jkeras.datasets.copies import Pairs
from jkeras.datasets.sources import SOURCES
from jkeras.datasets.splits import check_test_split, divided, shuffled

FEATURES = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)
SMALL = 600


@named_arguments
def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int = 113,
) -> Pairs:
    """The block groups, as `keras.datasets.california_housing.load_data` gives them.

    Args:
      version: "large" for all, "small" for the first 600.
      path: the file in Keras's folder, `~/.keras/datasets`, or an absolute path; it is downloaded
        if it is missing.
      test_split: the fraction for test.
      seed: of the order of examples.

    Returns:
      `(x_train, y_train), (x_test, y_test)`, all floats: measurements `[examples, 8]`, in the
      order of `FEATURES`, and median prices `[examples]` in dollars.

    Raises:
      ValueError: another `version`, or `test_split` is no fraction.
      NoNetwork: the file is missing, and its host cannot be reached.
      DamagedArchive: the file is damaged.

    Source: Pace and Barry 1997, doi:10.1016/S0167-7152(96)00140-X;
    `keras.datasets.california_housing.load_data`.
    """
    who = "california_housing"
    check_test_split(who, test_split)
    if version not in ("large", "small"):
        raise value_error(
            who=who,
            argument="version",
            expected="'large' or 'small'",
            got=repr(version),
            fix=nearest(str(version), ("large", "small")).strip(),
        )
    arrays = read_any_npz(keras_file(SOURCES[who], path), ("x", "y"))
    count = SMALL if version == "small" else None
    return divided(*shuffled(arrays["x"][:count], arrays["y"][:count], seed), test_split)
