"""Images as files, objects and arrays: Keras's results, and errors."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jkeras.utils import array_to_img, images, img_to_array, load_img, save_img

RNG = np.random.default_rng(0)
ARRAYS = [RNG.normal(size=(4, 5, channels)) * 100 for channels in (1, 3, 4)]
BYTES = RNG.integers(0, 256, (6, 9, 3)).astype("uint8")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the pixels of `BYTES`."""
    path = tmp_path_factory.mktemp("images") / "a.png"
    Image.fromarray(BYTES).save(path)
    return path


def keras_utils() -> Any:
    return pytest.importorskip("keras", reason="Keras is the oracle").utils


@pytest.mark.parametrize("options", [{}, {"scale": False}, {"dtype": "float64"}])
@pytest.mark.parametrize("array", ARRAYS, ids=["grey", "rgb", "rgba"])
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated:DeprecationWarning")  # Keras's
@pytest.mark.filterwarnings("ignore:invalid value encountered in cast:RuntimeWarning")
def test_arrays_become_the_images_of_keras(array: np.ndarray, options: dict) -> None:
    array = np.abs(array)
    mine, theirs = array_to_img(array, **options), keras_utils().array_to_img(array, **options)
    assert mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_images_become_the_arrays_of_keras(file: Path) -> None:
    for image in (Image.open(file), Image.open(file).convert("L")):
        for options in ({}, {"data_format": "channels_first"}, {"dtype": "uint8"}):
            mine = img_to_array(image, **options)
            theirs = keras_utils().img_to_array(image, **options)
            assert mine.dtype == theirs.dtype
            np.testing.assert_array_equal(mine, theirs)


LOADS: list[dict[str, Any]] = [
    {},
    {"color_mode": "grayscale"},
    {"color_mode": "rgba"},
    {"target_size": (6, 9)},
    {"target_size": (4, 4)},
    {"target_size": (4, 4), "interpolation": "bilinear", "keep_aspect_ratio": True},
    {"target_size": (12, 3), "interpolation": "lanczos", "keep_aspect_ratio": True},
]


@pytest.mark.parametrize("options", LOADS)
def test_files_become_the_images_of_keras(file: Path, options: dict[str, Any]) -> None:
    mine, theirs = load_img(file, **options), keras_utils().load_img(file, **options)
    assert mine.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(mine), np.asarray(theirs))


def test_what_is_saved_is_loaded_again(tmp_path: Path) -> None:
    save_img(tmp_path / "a.png", BYTES, scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "a.png")), BYTES)
    buffer = io.BytesIO()
    save_img(buffer, BYTES.transpose(2, 0, 1), "channels_first", "png", scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(buffer)), BYTES)


def test_jpeg_has_no_transparency(tmp_path: Path) -> None:
    with pytest.warns(UserWarning) as caught:
        save_img(tmp_path / "a.jpg", np.zeros((2, 2, 4)))
    assert [str(warning.message) for warning in caught] == [
        "save_img: JPEG has no transparency, so the fourth channel is left out. Write a PNG to "
        "keep it."
    ]
    assert load_img(tmp_path / "a.jpg").size == (2, 2)


WRONG: list[tuple[Any, type[Exception], str]] = [
    (
        lambda: load_img(3),
        TypeError,
        "load_img: `path`: expected a path or io.BytesIO, got 3 (int).",
    ),
    (
        lambda: load_img("a.png", color_mode="grey"),
        ValueError,
        "load_img: `color_mode`: expected one of 'grayscale', 'rgb', 'rgba', got 'grey'.",
    ),
    (
        lambda: load_img("a.png", interpolation="bilinaer"),
        ValueError,
        "load_img: `interpolation`: expected one of 'nearest', 'bilinear', 'bicubic', 'hamming', "
        "'box', 'lanczos', got 'bilinaer'. Did you mean 'bilinear'?",
    ),
    (
        lambda: array_to_img(np.zeros((4, 4))),
        ValueError,
        "array_to_img: `x`: expected one image with 1, 3 or 4 channels, got an array of shape "
        "(4, 4) and dtype float64. For a grey image add the channel: x[..., None].",
    ),
    (
        lambda: img_to_array(np.zeros(4)),
        ValueError,
        "img_to_array: `img`: expected an image, or an array [height, width, channels], got an "
        "array of shape (4,) and dtype float64.",
    ),
    (
        lambda: img_to_array(BYTES, "channel_first"),
        ValueError,
        "img_to_array: `data_format`: expected one of 'channels_last', 'channels_first', got "
        "'channel_first'. Did you mean 'channels_first'?",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses(use: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        use()
    assert str(caught.value) == message


def test_a_size_that_is_none(file: Path) -> None:
    with pytest.raises(ValueError) as caught:
        load_img(file, target_size=4)
    assert str(caught.value) == "load_img: `target_size`: expected (height, width), got 4."


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(images.importlib, "import_module", missing)
    with pytest.raises(ImportError) as caught:
        array_to_img(np.zeros((2, 2, 3)))
    assert str(caught.value) == (
        "array_to_img: expected Pillow, which reads and writes images, and it is not installed: "
        "pip install pillow"
    )
