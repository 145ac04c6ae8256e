"""Files of weights, pixels, names of classes, and arguments that do not fit."""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import applications
from jkeras.applications import imagenet_utils, weight_files

SMALL: dict[str, Any] = {"include_top": False, "alpha": 0.25, "input_shape": (128, 128, 3)}


def test_published_weights_are_fetched_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weight_files, "ADDRESS", f"{tmp_path.as_uri()}/")
    folder = tmp_path / weight_files.FOLDER / "mobilenet"
    folder.mkdir(parents=True)
    first = applications.MobileNet(weights=None, **SMALL)
    path = tmp_path / "own.weights.h5"
    first.save_weights(path)
    older(first, folder / "mobilenet_2_5_128_tf_no_top.h5")
    for weights in ("imagenet", path):
        second = applications.MobileNet(weights=weights, **SMALL)
        for ours, theirs in zip(second.get_weights(), first.get_weights(), strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert second.name == "mobilenet_0.25_128"


def older(model: jkeras.Model, path: Path) -> None:
    """Writes the weights of a model in the layout of Keras 2."""
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        layers = [layer for layer in model.layers if layer.weights]
        file.attrs["layer_names"] = [layer.name for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{i}" for i in range(len(layer.weights))]
            group.attrs["weight_names"] = names
            for name, values in zip(names, layer.get_weights(), strict=True):
                group[name] = values


def test_a_file_with_another_checksum_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weight_files, "ADDRESS", f"{tmp_path.as_uri()}/")
    known = weight_files.WeightFile("a.h5", hashlib.md5(b"weights").hexdigest())
    (tmp_path / "a.h5").write_bytes(b"others")
    with pytest.raises(ValueError, match="with the md5 hash"):
        known.fetch()
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
    (tmp_path / "a.h5").write_bytes(b"weights")
    assert Path(known.fetch()).read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"weights": "imagnet"}, "`weights`: expected None, 'imagenet' or the path of a file"),
        ({"classes": 10}, "`classes`: expected 1000 with weights='imagenet', got 10"),
        ({"classes": 0, "weights": None}, "`classes`: expected an integer of at least 1"),
        ({"input_shape": (16, 16, 3), "weights": None}, "expected images of at least 32x32"),
        ({"input_shape": (64, 64), "weights": None}, "`input_shape`: expected three sizes"),
        ({"input_shape": (64, 64, 1), "include_top": False}, "expected 3 channels with weights"),
        ({"input_shape": (64, 64, 3)}, "expected \\(224, 224, 3\\) with include_top=True"),
        ({"pooling": "mean", "weights": None}, "`pooling`: expected None, 'avg' or 'max'"),
        ({"classifier_activation": "relu"}, "expected 'softmax' or None with weights that were"),
        ({"input_tensor": np.zeros((1, 64, 64, 3))}, "`input_tensor`: expected a symbol"),
        ({"include_topp": True}, "Did you mean 'include_top'"),
    ],
    ids=lambda value: "" if isinstance(value, str) else "-".join(value),
)
def test_arguments_that_do_not_fit(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        applications.ResNet50(**arguments)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("mode", ["caffe", "tf", "torch"])
def test_pixels(mode: str, data_format: str) -> None:
    x = np.random.default_rng(0).integers(0, 256, (2, 3, 3, 3)).astype("uint8")
    before = x.copy()
    got = imagenet_utils.preprocess_input(x, data_format, mode)
    axis = -1 if data_format == "channels_last" else 1
    channels = np.moveaxis(x.astype("float64"), axis, -1)
    expected = {
        "tf": channels / 127.5 - 1,
        "torch": (channels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225],
        "caffe": channels[..., ::-1] - [103.939, 116.779, 123.68],
    }[mode]
    np.testing.assert_allclose(np.moveaxis(got, axis, -1), expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(x, before)
    assert got.dtype == "float32"
    np.testing.assert_allclose(
        imagenet_utils.preprocess_input(jkeras.ops.array(x), data_format, mode),
        got,
        rtol=1e-5,
        atol=1e-5,
    )


def test_names_of_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "names.json"
    path.write_text(json.dumps({str(i): [f"n{i}", f"class {i}"] for i in range(1000)}))
    stand_in = weight_files.WeightFile("names.json")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(weight_files, "ADDRESS", f"{tmp_path.as_uri()}/")
    monkeypatch.setattr(imagenet_utils, "CLASS_INDEX", stand_in)
    preds = np.zeros((1, 1000), "float32")
    preds[0, [7, 3]] = 0.75, 0.25
    assert applications.resnet50.decode_predictions(preds, top=2) == [
        [("n7", "class 7", 0.75), ("n3", "class 3", 0.25)]
    ]
    with pytest.raises(ValueError, match=r"expected predictions \[batch, 1000\]"):
        applications.vgg16.decode_predictions(preds[:, :5])


def test_a_symbol_takes_the_place_of_the_input_and_the_file_reads_back(tmp_path: Path) -> None:
    inputs = jkeras.Input((32, 32, 4))
    colours = jkeras.layers.Conv2D(3, 1)(inputs)
    model = applications.VGG16(include_top=False, weights=None, input_tensor=colours, pooling="max")
    assert model.input_shape == (None, 32, 32, 4)
    assert model.output_shape == (None, 512)
    config = jkeras.saving.serialize_keras_object(model)
    again = jkeras.saving.deserialize_keras_object(config)
    assert [layer.name for layer in again.layers] == [layer.name for layer in model.layers]


def test_an_efficient_net_without_weights_has_statistics_of_pixels() -> None:
    model = applications.EfficientNetB0(include_top=False, weights=None, input_shape=(32, 32, 3))
    pixels = np.full((1, 32, 32, 3), 51, "float32")
    clone, read = jkeras.models.clone_model(model), jkeras.Model.from_config(model.get_config())
    for net in (model, clone, read):
        scaled = jkeras.Model(net.input, net.get_layer("normalization").output)
        np.testing.assert_allclose(scaled.predict(pixels, verbose=0), pixels / 255, rtol=1e-6)
    assert clone.net == read.net == model.net
