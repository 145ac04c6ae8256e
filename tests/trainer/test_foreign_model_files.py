"""`.keras` files from strangers: nothing in them is run, imported, or given memory it has not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import jkeras
from jkeras import layers
from jkeras.models import load_model
from jkeras.saving import keras_archive


def small() -> jkeras.Sequential:
    dense = layers.Dense(2, kernel_initializer="ones")  # random numbers take longer to compile
    return jkeras.Sequential([layers.Input((3,)), dense], seed=0)


def message_of(error: type[Exception], function: Callable[..., Any], *args: Any, **kw: Any) -> str:
    with pytest.raises(error) as caught:
        function(*args, **kw)
    return str(caught.value)


def tampered(folder: Path, change: Callable[[Any], Any], weights: bytes | None = None) -> Path:
    """A file of a small model with another configuration."""
    path = folder / "m.keras"
    small().save(path)
    found = keras_archive.read(path)
    config = json.loads(json.dumps(found.config))
    config = change(config) or config
    with open(path, "w+b") as file:
        data = found.weights if weights is None else weights
        keras_archive.write(file, config, lambda member: member.write(data))
    return path


def test_a_layer_that_the_file_cannot_fill_gets_no_memory(tmp_path: Path) -> None:
    def wide(config: Any) -> None:
        config["config"]["layers"][1]["config"]["units"] = 10**12

    path = tampered(tmp_path, wide)
    assert message_of(ValueError, load_model, path) == (
        f"{path}: model.weights.h5: expected params/dense/kernel of shape (3, 1000000000000) and "
        "dtype float32, got (3, 2) and float32. In all: 0 fit, 2 different."
    )


def test_states_that_no_file_holds_get_no_memory(tmp_path: Path) -> None:
    net = [layers.Input((2, 3), batch_size=2), layers.LSTM(2, stateful=True)]
    jkeras.Sequential(net, seed=0).save(tmp_path / "m.keras")
    found = keras_archive.read(tmp_path / "m.keras")
    text = json.dumps(found.config).replace("[2, 2, 3]", "[100000000, 2, 3]")
    with open(tmp_path / "m.keras", "w+b") as file:
        keras_archive.write(file, json.loads(text), lambda f: f.write(found.weights))
    assert "expected the states of its batches to be smaller." in message_of(
        ValueError, load_model, tmp_path / "m.keras"
    )


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    code = {"class_name": "__lambda__", "config": {"code": "4wAA", "defaults": None}}

    def evil(config: Any) -> None:
        config["config"]["layers"][1].update(class_name="Lambda")
        config["config"]["layers"][1]["config"] = {"name": "sneaky", "function": code}

    path = tampered(tmp_path, evil)
    assert message_of(ValueError, load_model, path) == (
        f"{path}: config.json: Lambda 'sneaky' holds a Python lambda as code, which could do "
        "anything. If you trust who wrote the file, load it with safe_mode=False; better, write "
        "the function with def, make the layer anew with it, and load with "
        "custom_objects={'name': function}."
    )


def test_nothing_is_imported_that_a_file_names(tmp_path: Path) -> None:
    (tmp_path / "evil_module.py").write_text("raise SystemExit('imported')")

    def evil(config: Any) -> None:
        config["config"]["layers"][1].update(module="evil_module", class_name="Evil")

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(tmp_path)
        message = message_of(ValueError, load_model, tampered(tmp_path, evil))
    assert "config.json: the configuration names the class 'Evil', which is not known" in message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c: {"a": 1}, "config.json: expected the configuration of a model, with a key "
         "'class_name', got the keys 'a'."),
        (lambda c: c["config"].pop("layers") and None, "config.json: Sequential.from_config: the "
         "configuration lacks `layers`. It has: name, trainable, dtype."),
        (lambda c: c["config"]["layers"][1]["config"].update(units=-1), "config.json: Dense: "
         "`units`: expected a positive integer, got -1."),
        (lambda c: c.update(compile_config={"optimizer": "adma"}), "config.json: compile_config: "),
        (lambda c: c["config"]["layers"].pop() and None, "model.weights.h5: the file has a weight "
         "layers/dense/vars/0, and the model does not. In all: 0 fit, 2 not in the "
         "model."),
    ],
)  # fmt: skip
def test_a_configuration_that_makes_no_sense_says_where(
    change: Callable[[Any], Any], message: str, tmp_path: Path
) -> None:
    path = tampered(tmp_path, change)
    found = message_of(ValueError, load_model, path)
    assert found.startswith(f"{path}: {message}")


def test_a_recurrence_unrolled_forever_is_refused(tmp_path: Path) -> None:
    def forever(config: Any) -> None:
        config["config"]["layers"][0]["config"]["batch_shape"] = [None, 10**9, 3]
        config["config"]["layers"][1].update(class_name="LSTM")
        config["config"]["layers"][1]["config"] = {"name": "r", "units": 2, "unroll": True}

    path = tampered(tmp_path, forever)
    assert message_of(ValueError, load_model, path) == (
        f"{path}: config.json: LSTM 'r' is unrolled, and an input has an axis of 1000000000: "
        "expected at most 4096, because each step is traced."
    )
