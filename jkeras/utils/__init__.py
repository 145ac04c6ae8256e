"""Small helpers in Keras's spelling: seeds, arrays, data sets, images."""

from jkeras.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.display import Progbar
from jkeras.display.graph_picture import plot_model
from jkeras.utils.image_folders import image_dataset_from_directory
from jkeras.utils.images import array_to_img, img_to_array, load_img, save_img
from jkeras.utils.numeric import normalize, to_categorical
from jkeras.utils.py_dataset import PyDataset
from jkeras.utils.seeds import set_random_seed
from jkeras.utils.sequences import pad_sequences
from jkeras.utils.splitting import split_dataset
from jkeras.utils.timeseries import timeseries_dataset_from_array

Sequence = PyDataset
"""Its older name."""

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "load_img",
    "normalize",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "timeseries_dataset_from_array",
    "to_categorical",
]
