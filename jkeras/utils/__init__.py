"""The functions of `keras.utils`: seeds, arrays, data sets, images."""

import importlib as _importlib
from typing import TYPE_CHECKING
from typing import Any as _Any

from jkeras.core.absent import answering as _answering
from jkeras.core.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object
from jkeras.core.session import (
    clear_session,
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
    is_keras_tensor,
    standardize_dtype,
)
from jkeras.display import Progbar
from jkeras.display.graph_picture import plot_model
from jkeras.utils.batches import (
    get_source_inputs,
    pack_x_y_sample_weight,
    unpack_x_y_sample_weight,
)
from jkeras.utils.config import Config
from jkeras.utils.files import get_file
from jkeras.utils.image_folders import image_dataset_from_directory
from jkeras.utils.images import array_to_img, img_to_array, load_img, save_img
from jkeras.utils.numeric import normalize, to_categorical
from jkeras.utils.py_dataset import PyDataset
from jkeras.utils.record_files import array_record_dataset, parquet_dataset
from jkeras.utils.seeds import set_random_seed
from jkeras.utils.sequences import pad_sequences
from jkeras.utils.splitting import split_dataset
from jkeras.utils.timeseries import timeseries_dataset_from_array

if TYPE_CHECKING:
    from typing import Any

    from jkeras.utils.from_directories import (
        audio_dataset_from_directory,
        text_dataset_from_directory,
    )

    FeatureSpace: Any

Sequence = PyDataset
"""Its older name."""

__all__ = [
    "Config",
    "CustomObjectScope",
    "FeatureSpace",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_record_dataset",
    "array_to_img",
    "audio_dataset_from_directory",
    "bounding_boxes",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "get_source_inputs",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "parquet_dataset",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "text_dataset_from_directory",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

_absent = _answering(__name__, "jkeras.utils.from_directories", "jkeras.trainer.feature_space")


def __getattr__(name: str) -> _Any:
    if name == "bounding_boxes":
        return _importlib.import_module(f"{__name__}.{name}")
    return _absent(name)
