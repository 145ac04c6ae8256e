"""What users type at networks and pixels that does not fit, and how they take networks apart."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import applications, layers
from jkeras.applications import imagenet_utils
from jkeras.applications.request import Request

SMALL: dict[str, Any] = {"alpha": 0.25, "input_shape": (32, 32, 3), "weights": None}
PIXELS = np.zeros((1, 4, 4, 3), "uint8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": 32}, "ResNet50: `input_shape`: expected three sizes, those of one image"),
        ({"input_shape": ("32", "32", "3")}, "without the batch, got \\('32', '32', '3'\\)"),
        ({"classifier_activation": "sofmax"}, "ResNet50: `classifier_activation`: unknown activ"),
        ({"classes": 10.0}, "`classes`: expected an integer of at least 1, got 10.0 \\(float\\)"),
        ({"weights": "imagenett"}, "got 'imagenett'. Did you mean 'imagenet'"),
        ({"weights": "here/none.weights.h5"}, "path of a file that is there, got 'here/none"),
    ],
    ids=str,
)
def test_arguments_are_refused_before_a_layer_is_made(
    arguments: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Request, "image", lambda self: pytest.fail("the network is being built"))
    with pytest.raises(ValueError, match=message):
        applications.ResNet50(**{"weights": None, **arguments})


def test_a_number_of_classes_may_be_numpys_and_channels_warn_once() -> None:
    with pytest.warns(UserWarning, match="has 5 channels") as warned:
        model = applications.MobileNet(
            classes=np.int64(7), alpha=0.25, input_shape=(32, 32, 5), weights=None
        )
    assert model.output_shape == (None, 7) and len(warned) == 1


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        ("cat.jpg", TypeError, "expected an array of pixels, got 'cat.jpg' \\(str\\). Read files"),
        (None, TypeError, "expected an array of pixels, got None"),
        (np.array([["a.jpg"]]), TypeError, "expected an array of pixels, got an array of shape"),
        (
            PIXELS[..., :1],
            ValueError,
            "height, width, 3\\], got shape \\(1, 4, 4, 1",
        ),
        (PIXELS[0, 0], None, ""),
        (
            np.zeros((4, 4)),
            ValueError,
            "got shape \\(4, 4\\). Grey images become such by",
        ),
    ],
)
def test_what_is_no_image(x: Any, error: Any, message: str) -> None:
    for family in (applications.resnet50, applications.densenet):
        if error is None:
            assert family.preprocess_input(x).shape == x.shape
        else:
            with pytest.raises(error, match=message):
                family.preprocess_input(x)


def test_modes_and_layouts_are_words_of_a_list() -> None:
    for options in ({"mode": "keras"}, {"mode": "TF"}, {"data_format": "channel_last"}):
        with pytest.raises(ValueError, match=f"`{next(iter(options))}`: expected 'c"):
            imagenet_utils.preprocess_input(PIXELS, **options)
    with pytest.raises(ValueError, match=r"images \[..., 3, height, width\], got shape"):
        imagenet_utils.preprocess_input(PIXELS, "channels_first")


@pytest.mark.parametrize("top", [0, -1, 2.0, "5", True])
def test_a_number_of_names_that_is_none(top: Any) -> None:
    with pytest.raises(ValueError, match="`top`: expected an integer of at least 1, got"):
        imagenet_utils.decode_predictions(np.zeros((1, 1000)), top=top)


@pytest.fixture(scope="module")
def base() -> jkeras.Model:
    """A small network without its classifier."""
    return applications.MobileNet(include_top=False, **SMALL)


def test_a_frozen_base_stays_and_is_tuned_later(base: jkeras.Model) -> None:
    base.trainable = False
    inputs = jkeras.Input((32, 32, 3))
    pixels = applications.mobilenet.preprocess_input(inputs)
    features = layers.GlobalAveragePooling2D()(base(pixels, training=False))
    model = jkeras.Model(inputs, layers.Dense(2)(features))
    assert len(model.trainable_weights) == 2
    before = base.get_weights()
    model.compile("sgd", "mse")
    model.fit(np.zeros((2, 32, 32, 3)), np.ones((2, 2)), verbose=0)
    for old, new in zip(before, base.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the moving averages, too

    base.trainable = True
    for layer in base.layers[:-10]:
        layer.trainable = False
    weights = sum(len(layer.trainable_weights) for layer in base.layers[-10:])
    assert 0 < weights == len(base.trainable_weights) == len(model.trainable_weights) - 2


def test_features_of_several_layers(base: jkeras.Model) -> None:
    early = base.get_layer("conv_pw_6_relu").output
    late = base.layers[-2].output
    model = jkeras.Model(base.input, [early, late])
    assert model.output_shape == [(None, 2, 2, 128), (None, 1, 1, 256)]
    with pytest.raises(ValueError, match="conv_pw_6_relu"):  # the nearest name
        base.get_layer("conv_pw_6_rel")


def test_weights_of_another_network_are_refused(base: jkeras.Model, tmp_path: Path) -> None:
    path = tmp_path / "base.weights.h5"
    base.save_weights(path)
    options: dict[str, Any] = {"include_top": False, "input_shape": (32, 32, 3), "weights": path}
    fix = r"With weights=None, model\.load_weights\(path, skip_mismatch=True\) loads what fits"
    with pytest.raises(ValueError, match=rf"base\.weights\.h5.* {fix}"):
        applications.VGG16(**options)
    with pytest.raises(ValueError, match=r"base\.weights\.h5"):
        applications.MobileNet(alpha=0.5, **options)
    (tmp_path / "words.weights.h5").write_text("words")
    with pytest.raises(ValueError, match=r"words\.weights\.h5"):
        applications.MobileNet(alpha=0.25, **options | {"weights": tmp_path / "words.weights.h5"})


def test_a_classifier_of_another_size_is_passed_over_on_request(tmp_path: Path) -> None:
    path = tmp_path / "seven.weights.h5"
    seven = applications.MobileNet(classes=7, **SMALL)
    seven.save_weights(path)
    five = applications.MobileNet(classes=5, **SMALL)
    with pytest.raises(ValueError, match="skip_mismatch=True loads what fits"):
        five.load_weights(path)
    by_name: dict[str, Any] = {"by_name": True}  # of Keras 2; here names count always
    with pytest.raises(TypeError, match=r"`by_name`\. Did you mean 'skip_mismatch'"):
        five.load_weights(path, **by_name)
    with pytest.warns(UserWarning, match="conv_preds"):
        five.load_weights(path, skip_mismatch=True)
    pairs = list(zip(five.get_weights(), seven.get_weights(), strict=True))
    assert [n for n, (a, b) in enumerate(pairs) if a.shape != b.shape] == [135, 136]
    for ours, theirs in pairs[:-2]:
        np.testing.assert_array_equal(ours, theirs)
