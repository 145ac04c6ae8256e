"""`image_dataset_from_directory`: Keras's files, labels, splits and pixels; and errors."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import jkeras
from jkeras.utils import image_dataset_from_directory

RNG = np.random.default_rng(0)
TREE = {
    "cats": ["b.png", "a.JPG", "old/c.png", "old/deep/d.bmp", "notes.txt"],
    "dogs": ["x.gif", "y.png", "z.jpeg"],
    "birds": ["1.png", "2.png", "10.png"],
    ".hidden": ["h.png"],
}
SIZES = [(7, 5), (6, 6), (4, 9)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small images of several sizes and colors in three classes, and what is no image."""
    top = tmp_path_factory.mktemp("pets")
    for number, (name, files) in enumerate(TREE.items()):
        for i, file in enumerate(files):
            path = top / name / file
            path.parent.mkdir(parents=True, exist_ok=True)
            size = SIZES[(number + i) % 3]
            pixels = RNG.integers(0, 256, (*size, 3)).astype("uint8")
            if file.endswith(".txt"):
                path.write_text("no image")
            else:
                Image.fromarray(pixels if i % 2 else pixels[..., 0]).save(path)
    return top


def made(directory: Any, **options: Any) -> Any:
    """The data set with small images, without a word."""
    return image_dataset_from_directory(directory, **{"image_size": 4, "verbose": False, **options})


def keras_index() -> Any:
    name = "keras.src.utils.dataset_utils"
    return pytest.importorskip(name, reason="Keras is the oracle").index_directory


FORMATS = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
LISTINGS: list[dict[str, Any]] = [
    {"shuffle": False},
    {"seed": 3},
    {"seed": 3, "class_names": ["dogs", "cats"]},
    {"seed": 5, "labels": None},
    {"shuffle": False, "labels": [0, 1, 0, 1, 2, 0, 1, 0, 1, 2, 0]},
]


@pytest.mark.parametrize("options", LISTINGS)
def test_files_labels_and_classes_are_those_of_keras(folder: Path, options: dict) -> None:
    given = {"labels": "inferred", "shuffle": True} | options
    paths, labels, names = keras_index()(str(folder), formats=FORMATS, verbose=False, **given)
    data = made(folder, batch_size=None, **options)
    assert (data.file_paths, data.class_names) == (paths, names)
    ordered = data.in_order()
    if labels is not None:
        assert [int(y) for _, y in ordered] == list(labels)
    assert len(data) == len(paths)


@pytest.mark.parametrize("subset", ["training", "validation", "both"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_the_split_is_that_of_keras(folder: Path, subset: str, shuffle: bool) -> None:
    options = {"validation_split": 0.3, "subset": subset, "seed": 7, "shuffle": shuffle}
    paths, _, _ = keras_index()(
        str(folder), "inferred", FORMATS, shuffle=shuffle, seed=7, verbose=False
    )
    expected = {"training": [paths[:-3]], "validation": [paths[-3:]]}
    expected["both"] = expected["training"] + expected["validation"]
    data = made(folder, **options)
    found = data if subset == "both" else [data]
    assert [part.file_paths for part in found] == expected[subset]
    if subset == "both":
        orders = [np.concatenate([y for _, y in part]).tolist() for part in (data[1], data[1])]
        assert orders[0] == orders[1]  # validation data keep their order


PIXELS: list[dict[str, Any]] = [
    {},
    {"interpolation": "Nearest", "color_mode": "grayscale"},
    {"interpolation": "bicubic", "color_mode": "rgba", "image_size": (3, 8)},
    {"interpolation": "lanczos3", "data_format": "channels_first"},
    {"crop_to_aspect_ratio": True, "image_size": (8, 3)},
    {"pad_to_aspect_ratio": True, "image_size": (3, 8), "interpolation": "lanczos5"},
]


@pytest.mark.parametrize("options", PIXELS)
def test_pixels_are_those_of_keras(folder: Path, options: dict[str, Any]) -> None:
    name = "keras.src.utils.image_dataset_utils"
    read = pytest.importorskip(name, reason="Keras is the oracle")._load_image_grain
    data = made(folder, labels=None, shuffle=False, batch_size=4, **options)
    images = np.concatenate(list(data))
    size = options.get("image_size", (4, 4))
    channels = {"grayscale": 1, "rgba": 4}.get(options.get("color_mode", "rgb"), 3)
    for i in range(0, len(images), 5):  # Keras compiles a program for each size
        theirs = read(
            io.BytesIO(Path(data.file_paths[i]).read_bytes()),  # it would leave a file open
            size,
            channels,
            options.get("interpolation", "bilinear").lower(),
            options.get("data_format", "channels_last"),
            options.get("crop_to_aspect_ratio", False),
            options.get("pad_to_aspect_ratio", False),
        )
        assert images.dtype == np.float32
        np.testing.assert_allclose(images[i], np.asarray(theirs), rtol=1e-5, atol=1e-3)


MODES = {
    "int": (np.int32, (), [0, 1, 2]),
    "categorical": (np.float32, (3,), np.eye(3).tolist()),
}


@pytest.mark.parametrize("mode", MODES)
def test_labels_have_the_form_of_their_mode(folder: Path, mode: str) -> None:
    dtype, shape, values = MODES[mode]
    labels = np.concatenate([y for _, y in made(folder, label_mode=mode, shuffle=False)])
    assert (labels.dtype, labels.shape) == (dtype, (10, *shape))
    assert [labels[i].tolist() for i in (0, 3, 9)] == values


def test_two_classes_are_binary(folder: Path) -> None:
    data = made(folder, label_mode="binary", class_names=["dogs", "birds"], shuffle=False)
    ((images, labels),) = data
    assert (images.shape, labels.dtype) == ((6, 4, 4, 3), np.float32)
    assert labels.tolist() == [[0.0]] * 3 + [[1.0]] * 3


def test_no_mode_is_no_labels(folder: Path) -> None:
    data = made(folder, label_mode=None)
    assert (next(iter(data)).shape, data.class_names) == ((11, 4, 4, 3), None)


def test_every_epoch_has_another_order_and_the_same_pairs(folder: Path) -> None:
    data = made(folder, seed=2, batch_size=16)
    ((x, y),), ((again, labels),) = data, data
    assert y.tolist() != labels.tolist()
    pairs = [
        sorted((float(i.sum()), int(c)) for i, c in zip(*epoch, strict=True))
        for epoch in ((x, y), (again, labels))
    ]
    assert pairs[0] == pairs[1]
    ((_, first),) = made(folder, seed=2, batch_size=16)
    assert first.tolist() == y.tolist()


def test_links_are_followed_when_asked(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "more").symlink_to(folder / "cats", target_is_directory=True)
    Image.fromarray(np.zeros((2, 2, 3), "uint8")).save(tmp_path / "cats" / "a.png")
    counts = [len(made(tmp_path, follow_links=f).file_paths) for f in (False, True)]
    assert counts == [1, 5]


def test_it_prints_what_it_found(folder: Path, capsys: pytest.CaptureFixture) -> None:
    options = {"seed": 0, "validation_split": 0.3, "subset": "both"}
    image_dataset_from_directory(folder, image_size=(4, 4), **options)
    image_dataset_from_directory(folder, labels=None)
    assert capsys.readouterr().out == (
        "Found 10 files belonging to 3 classes.\n"
        "Using 7 files for training.\n"
        "Using 3 files for validation.\n"
        "Found 11 files.\n"
    )


def test_a_model_trains_on_images(folder: Path) -> None:
    layers = jkeras.layers
    train, val = made(folder, seed=0, validation_split=0.3, subset="both", batch_size=4)
    model = jkeras.Sequential(
        [layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(3, activation="softmax")], seed=0
    )
    model.compile("adam", "sparse_categorical_crossentropy")
    history = model.fit(train, validation_data=val, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert model.predict(val.map(lambda x, y: x), verbose=0).shape == (3, 3)


WHO = "image_dataset_from_directory: "
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    (
        {"directory": "nowhere"},
        FileNotFoundError,
        "`directory`: expected a folder, got 'nowhere', and there is none.",
    ),
    ({"directory": 3}, TypeError, "`directory`: expected a path, got 3 (int)."),
    (
        {"labels": "infered"},
        ValueError,
        "`labels`: expected 'inferred', a list of integers, or None, got 'infered' (str).",
    ),
    (
        {"labels": [0, 1]},
        ValueError,
        "`labels`: expected one for each of the 11 files, got 2.",
    ),
    (
        {"labels": ["a"] * 11},
        TypeError,
        "`labels`: expected integers, got ['a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a', 'a'] "
        "(list).",
    ),
    (
        {"labels": [3, 5] * 5 + [3], "label_mode": "categorical"},
        ValueError,
        "`labels`: expected numbers from 0 to 1 for label_mode='categorical', got 3 to 5.",
    ),
    (
        {"labels": None, "class_names": ["cats"]},
        ValueError,
        "`class_names`: expected None unless labels='inferred', got ['cats'].",
    ),
    (
        {"class_names": ["cats", "dog"]},
        ValueError,
        "`class_names`: expected names of subfolders, got 'dog'. Did you mean 'dogs'? Subfolders: "
        "birds, cats, dogs.",
    ),
    (
        {"label_mode": "one_hot"},
        ValueError,
        "`label_mode`: expected one of 'int', 'categorical', 'binary', got 'one_hot'.",
    ),
    (
        {"label_mode": "binary"},
        ValueError,
        "label_mode='binary': expected two classes, got 3: birds, cats, dogs. For more write "
        "label_mode='int'.",
    ),
    (
        {"color_mode": "RGB"},
        ValueError,
        "`color_mode`: expected one of 'grayscale', 'rgb', 'rgba', got 'RGB'. Did you mean 'rgb'?",
    ),
    (
        {"image_size": (4, 4, 3)},
        ValueError,
        "`image_size`: expected (height, width), got (4, 4, 3).",
    ),
    ({"image_size": (4, 0)}, ValueError, "`image_size`: expected at least 1, got 0."),
    (
        {"interpolation": "area"},
        ValueError,
        "`interpolation`: expected one of 'bicubic', 'bilinear', 'lanczos3', 'lanczos5', "
        "'nearest', got 'area'.",
    ),
    (
        {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
        ValueError,
        "expected at most one of `crop_to_aspect_ratio` and `pad_to_aspect_ratio`, got both.",
    ),
    (
        {"validation_split": 20, "subset": "both", "seed": 0},
        ValueError,
        "`validation_split`: expected a fraction between 0 and 1, got 20.",
    ),
    (
        {"validation_split": 0.2},
        ValueError,
        "expected both `validation_split` and `subset`, or none of them, got validation_split=0.2 "
        "and subset=None.",
    ),
    (
        {"validation_split": 0.2, "subset": "train", "seed": 0},
        ValueError,
        "`subset`: expected one of 'training', 'validation', 'both', got 'train'. Did you mean "
        "'training'?",
    ),
    (
        {"validation_split": 0.2, "subset": "training"},
        ValueError,
        "expected a `seed` with `validation_split` and `shuffle`, got none: without it the two "
        "parts would overlap. Pass seed=0.",
    ),
    (
        {"validation_split": 0.05, "subset": "both", "seed": 0},
        ValueError,
        "`validation_split`: expected files for training and for validation, got 10 and 0 out of "
        "10 with 0.05.",
    ),
    ({"batch_size": 0}, ValueError, "`batch_size`: expected at least 1, got 0."),
]


@pytest.mark.parametrize(("changes", "kind", "message"), WRONG)
def test_wrong_uses(
    folder: Path, changes: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind) as caught:
        made(**{"directory": folder, **changes})
    assert str(caught.value) == WHO + message


def test_folders_without_images_or_classes(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        made(tmp_path)
    assert str(caught.value) == (
        f"{WHO}`directory`: expected a subfolder for each class, got none in {str(tmp_path)!r}. "
        "For images without classes pass labels=None."
    )
    with pytest.raises(ValueError) as caught:
        made(tmp_path, labels=None)
    assert str(caught.value) == (
        f"{WHO}`directory`: expected image files (.bmp, .gif, .jpeg, .jpg, .png), got none in "
        f"{str(tmp_path)!r}."
    )
