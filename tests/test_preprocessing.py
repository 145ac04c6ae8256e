"""The names of `keras.preprocessing`, and errors of imports that say why a name is missing."""

import pytest

import jkeras
from jkeras import backend, preprocessing, utils
from jkeras.preprocessing.image import img_to_array
from jkeras.preprocessing.sequence import pad_sequences


def test_names_are_those_of_utils() -> None:
    assert preprocessing.sequence.pad_sequences is pad_sequences is utils.pad_sequences
    assert preprocessing.image.img_to_array is img_to_array is utils.img_to_array
    assert preprocessing.timeseries_dataset_from_array is utils.timeseries_dataset_from_array
    assert backend.Variable is jkeras.Variable


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("from jkeras import legacy", "older than Keras 3 is out of scope"),
        ("from jkeras.layers import Dnese", "Did you mean 'Dense'"),
        ("from jkeras.ops import concat", "Did you mean 'concatenate'"),
        ("from jkeras.config import disable_flash_attention", "flash_attention=False"),
        ("from jkeras.preprocessing.sequence import TimeseriesGenerator", "takes its place"),
    ],
)
def test_an_import_says_why_a_name_is_missing(line: str, reason: str) -> None:
    with pytest.raises(ImportError, match=reason):
        exec(line)
    module, name = line.split()[1], line.split()[3]
    assert not hasattr(__import__("importlib").import_module(module), name)
