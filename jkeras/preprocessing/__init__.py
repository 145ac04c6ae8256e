"""The names of `keras.preprocessing`: what `jkeras.utils` has, under the names of Keras 2."""

from typing import TYPE_CHECKING

from jkeras.core.absent import answering as _answering
from jkeras.preprocessing import image, sequence
from jkeras.utils import image_dataset_from_directory, timeseries_dataset_from_array

if TYPE_CHECKING:
    from jkeras.utils.from_directories import text_dataset_from_directory

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
]

__getattr__ = _answering(__name__, "jkeras.utils.from_directories")
