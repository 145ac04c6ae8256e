"""A nested value in one file: it comes back, and damage is said with the entry's name."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.saving.checkpoint_file import read_checkpoint, write_checkpoint
from jkeras.saving.safetensors_files import write_arrays

VALUE = {
    "params": {"dense": {"kernel": jnp.ones((2, 3), jnp.bfloat16), "bias": jnp.zeros(3)}},
    "step": 17,
    "logs": [("loss", 0.1), ("best", float("nan"))],
    "key": jax.random.key(7),
    "callbacks": {"early_stopping": {"wait": 2, "best": None, "stopped": False}},
}


def test_training_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "latest.checkpoint"
    write_checkpoint(path, VALUE)
    write_checkpoint(path, VALUE)
    found = read_checkpoint(str(path))
    assert found["params"]["dense"]["kernel"].dtype == jnp.bfloat16
    assert found["params"]["dense"]["kernel"].tolist() == [[1, 1, 1], [1, 1, 1]]
    assert repr(found["logs"]) == "[('loss', 0.1), ('best', nan)]"
    assert found["key"] == jax.random.key(7)
    assert found["callbacks"] == VALUE["callbacks"]
    assert list(found) == list(VALUE)
    assert [file.name for file in tmp_path.iterdir()] == ["latest.checkpoint"]


def test_damage_is_said_with_the_name_of_the_entry(tmp_path: Path) -> None:
    path = tmp_path / "latest"
    write_checkpoint(path, {"epoch": 1, "kernel": np.full(100, 3.0)})
    whole = bytearray(path.read_bytes())
    whole[-5] ^= 1
    path.write_bytes(whole)
    with pytest.raises(ValueError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == (
        f"{path}: expected a whole file of the safetensors format, but 'kernel' is damaged: its "
        "bytes do not have their checksum."
    )


def test_a_value_that_cannot_be_kept_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "latest"
    write_checkpoint(path, {"epoch": 1})
    with pytest.raises(TypeError, match="nested value at 'f': expected None, a number"):
        write_checkpoint(path, {"f": print})
    assert read_checkpoint(path) == {"epoch": 1}


FORMAT = "jkeras-checkpoint-1"


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (
            {},
            "expected a checkpoint of the format 'jkeras-checkpoint-1', got a safetensors file "
            "without one.",
        ),
        (
            {"format": "jkeras-checkpoint-9"},
            "expected a checkpoint of the format 'jkeras-checkpoint-1', got 'jkeras-checkpoint-9'.",
        ),
        (
            {"format": FORMAT},
            "expected a checkpoint, and it is damaged: Expecting value: line 1 column 1 (char 0)",
        ),
        (
            {"format": FORMAT, "value": "{"},
            "expected a checkpoint, and it is damaged: Expecting property name enclosed in double "
            "quotes: line 1 column 2 (char 1)",
        ),
        (
            {"format": FORMAT, "value": '{"array":"b"}'},
            "expected a checkpoint, and it is damaged: nested value: expected an array 'b', which "
            "is not there.",
        ),
    ],
)
def test_other_files_are_refused(tmp_path: Path, metadata: Any, message: str) -> None:
    path = tmp_path / "latest"
    write_arrays(path, {"a": np.ones(1)}, metadata)
    with pytest.raises(ValueError) as caught:
        read_checkpoint(path)
    assert str(caught.value) == f"{path}: {message}"


def test_a_nest_without_end_and_a_missing_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "latest"
    with pytest.raises(FileNotFoundError):
        read_checkpoint(path)
    write_arrays(path, {}, {"format": FORMAT, "value": "[" * 5000 + "]" * 5000})
    with pytest.raises(ValueError, match="expected a checkpoint, and it is damaged: "):
        read_checkpoint(path)
