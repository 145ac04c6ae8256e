"""KerasFileEditor: weights of a file shown, compared, renamed, added, deleted, written again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.saving import KerasFileEditor

RNG = np.random.default_rng(0)


def model(*names: str) -> Any:
    x = inputs = jkeras.Input((2,))
    for name in names:
        x = layers.Dense(3, name=name)(x)
    return jkeras.Model(inputs, layers.Dense(3, name="out")(x))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The file of a model with two layers."""
    model("a").save_weights(tmp_path / "m.weights.h5")
    return tmp_path / "m.weights.h5"


def test_a_file_is_edited_until_it_fits_another_model(path: Path, tmp_path: Path) -> None:
    editor, target = KerasFileEditor(path), model("a", "b")
    assert editor.compare(model("a")) == {"status": "success", "error_count": 0, "match_count": 4}
    before = editor.compare(target)
    assert (before["status"], before["error_count"]) == ("error", 1)
    kernel, bias = RNG.normal(size=(3, 3)).astype("float32"), np.ones(3, "float32")
    editor.add_object("layers/fourth", {"0": kernel})
    editor.rename_object("layers/fourth", "third")
    editor.rename_object("third", "dense_2")
    editor.add_weights("dense_2", {"1": bias})
    assert editor.compare(target)["status"] == "success"
    editor.save(tmp_path / "edited.weights.h5")
    target.load_weights(tmp_path / "edited.weights.h5")
    np.testing.assert_array_equal(target.get_weights()[4], kernel)
    np.testing.assert_array_equal(target.get_weights()[5], bias)
    editor.delete_weight("dense_2", "1")
    assert editor.compare(target)["error_count"] == 1
    editor.add_weights("dense_2", {"1": np.zeros(7)})
    assert editor.compare(target)["error_count"] == 1
    editor.delete_object("layers/dense_2")
    assert editor.compare(model("a"))["status"] == "success"
    editor.resave_weights(tmp_path / "again.weights.h5")
    model("a").load_weights(tmp_path / "again.weights.h5")


def test_what_is_said(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    editor = KerasFileEditor(path)
    editor.summary()
    editor.compare(model("a", "b"))
    assert capsys.readouterr().out.splitlines() == [
        f"Keras model file {str(path)!r}",
        "Weights structure",
        "  layers",
        "      dense",
        "          0: shape=(2, 3), dtype=float32",
        "          1: shape=(3,), dtype=float32",
        "      dense_1",
        "          0: shape=(3, 3), dtype=float32",
        "          1: shape=(3,), dtype=float32",
        "Running comparison",
        "...object layers/dense_2: in the model, and not in the file",
        "Found 1 difference between the file and the model",
    ]


def test_a_whole_model_has_its_configuration(tmp_path: Path) -> None:
    trained = model("a")
    trained.compile("adam", "mse")
    trained.fit(np.ones((4, 2)), np.ones((4, 3)), verbose=0)
    trained.save(tmp_path / "m.keras")
    editor = KerasFileEditor(str(tmp_path / "m.keras"))
    assert editor.config is not None and editor.config["class_name"] == "Functional"
    assert editor.metadata is not None and "keras_version" in editor.metadata
    assert "optimizer" in editor.weights_dict
    assert editor.compare(model("a"))["status"] == "success"
    editor.save(tmp_path / "all.weights.h5")
    again = KerasFileEditor(tmp_path / "all.weights.h5")
    assert again.compare(trained)["match_count"] == 4
    for name in ("optimizer", "layers"):
        assert again.weights_dict[name].keys() == editor.weights_dict[name].keys()


WHO = "KerasFileEditor"
WRONG: list[tuple[Any, str]] = [
    (
        lambda e: e.rename_object("dens", "x"),
        f"{WHO}: rename_object: `object_name`: expected the name or path of an object in the file, "
        "got 'dens'. Did you mean 'dense'?",
    ),
    (
        lambda e: e.rename_object("dense", "dense_1"),
        f"{WHO}: rename_object: `new_name`: expected a name that is free, got 'dense_1', which is "
        "there.",
    ),
    (
        lambda e: e.rename_object("dense", "a/b"),
        f"{WHO}: rename_object: `new_name`: expected a name without a path, got 'a/b'.",
    ),
    (
        lambda e: e.add_object("layers/dense", {}),
        f"{WHO}: add_object: `object_path`: expected the path of a new object, got 'layers/dense', "
        "which is there. add_weights adds to it.",
    ),
    (
        lambda e: e.add_object("layer/x", {}),
        f"{WHO}: add_object: `object_path`: expected the path of an object in one that is there, "
        "got 'layer/x'. At 'layer' there are: layers.",
    ),
    (
        lambda e: e.add_weights("dense", [1]),
        f"{WHO}: add_weights: `weights`: expected a dict of arrays by their names, got [1] (list). "
        'For example: {"0": kernel, "1": bias}.',
    ),
    (
        lambda e: e.delete_weight("dense", "2"),
        f"{WHO}: delete_weight: `weight_name`: expected one of '0', '1', got '2'.",
    ),
    (
        lambda e: e.save("m.h5"),
        f"{WHO}: save: `filepath`: expected a name that ends with '.weights.h5', got 'm.h5'.",
    ),
    (
        lambda e: e.compare(3),
        f"{WHO}: compare: `reference_model`: expected a model, got 3 (int).",
    ),
    (
        lambda e: KerasFileEditor("m.onnx"),
        f"{WHO}: `filepath`: expected a name that ends with '.keras' or '.weights.h5', got "
        "'m.onnx'.",
    ),
]


@pytest.mark.parametrize("use, message", WRONG, ids=range(len(WRONG)))
def test_wrong_use_is_named(use: Any, message: str, path: Path) -> None:
    editor = KerasFileEditor(path)
    with pytest.raises((TypeError, ValueError)) as caught:
        use(editor)
    assert str(caught.value) == message


def test_a_name_at_two_places_asks_for_a_path(path: Path) -> None:
    editor = KerasFileEditor(path)
    editor.add_object("dense", {"0": np.zeros(1)})
    with pytest.raises(ValueError, match="Write one of its paths: layers/dense, dense"):
        editor.delete_object("dense")
