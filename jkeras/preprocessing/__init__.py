"""The names of `keras.preprocessing`: what `jkeras.utils` has, under the names of Keras 2."""

from jkeras.core.absent import answering as _answering
from jkeras.preprocessing import image, sequence
from jkeras.utils import image_dataset_from_directory, timeseries_dataset_from_array

__all__ = [
    "image",
    "image_dataset_from_directory",
    "sequence",
    "timeseries_dataset_from_array",
]

__getattr__ = _answering(__name__)
