"""The data sets of Keras: to the value those that Keras reads from the same files."""

from __future__ import annotations

import importlib
import os
import pickle
import socket
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras import config, datasets
from jkeras.data import tfds as door
from jkeras.data.archives import DamagedArchive, NoNetwork
from jkeras.datasets import cifar10, cifar100, fashion_mnist, imdb, mnist, reuters
from jkeras.datasets.sources import SOURCES
from tests.datasets import small_sets
from tests.datasets.conftest import point_at

NAMES = (
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "reuters",
)
WORDS: list[dict[str, Any]] = [
    {},
    {"num_words": 20},
    {"num_words": 20, "skip_top": 4, "maxlen": 9},
    {"num_words": 20, "oov_char": None},
    {"start_char": None},
    {"start_char": None, "index_from": 0, "num_words": 0},
    {"seed": 7, "start_char": 5, "oov_char": 0, "index_from": 6, "maxlen": 4},
    {"maxlen": 3},  # texts of one length: two axes
]
CASES: list[tuple[str, dict[str, Any]]] = [
    ("boston_housing", {}),
    ("boston_housing", {"test_split": 0.33, "seed": 3}),
    ("boston_housing", {"test_split": 0}),
    ("california_housing", {}),
    ("california_housing", {"version": "small", "test_split": 0.25, "seed": 1}),
    ("cifar100", {}),
    ("cifar100", {"label_mode": "coarse"}),
    ("fashion_mnist", {}),
    *(("imdb", options) for options in WORDS),
    *(("reuters", options) for options in WORDS),
    ("reuters", {"test_split": 0.5, "num_words": 12}),
    ("reuters", {"test_split": 0.0}),
]


def keras_module(name: str) -> Any:
    return importlib.import_module(f"keras.src.datasets.{name}")


def loaded(name: str, **options: Any) -> Any:
    return getattr(datasets, name).load_data(**options)


def flat(pairs: Any) -> list[np.ndarray]:
    (x_train, y_train), (x_test, y_test) = pairs
    return [x_train, y_train, x_test, y_test]


def assert_same(found: Any, expected: Any) -> None:
    for mine, other in zip(flat(found), flat(expected), strict=True):
        assert (mine.dtype, mine.shape) == (other.dtype, other.shape)
        if mine.dtype == object:
            assert mine.tolist() == other.tolist()
            assert {type(word) for text in mine for word in text} <= {int}
        else:
            np.testing.assert_array_equal(mine, other, strict=True)


@pytest.fixture
def keras_reads(
    small: list[str],
    small_files: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Any]:
    """Lets a module of Keras read the small files."""

    def prepare(name: str) -> Any:
        def get_file(fname: str, origin: str, **_: Any) -> str:
            if origin.endswith(".tar.gz"):
                with tarfile.open(small_files[name]) as archive:
                    archive.extractall(tmp_path / fname, filter="data")
                return str(tmp_path / fname)
            folder = next(iter(small_files.values())).parent
            return str(folder / origin.rpartition("/")[2])

        module = keras_module(name)
        monkeypatch.setattr(module, "get_file", get_file)
        return module

    return prepare


@pytest.mark.parametrize(("name", "options"), CASES, ids=[f"{n}-{o}" for n, o in CASES])
def test_the_values_are_those_of_keras(
    name: str, options: dict[str, Any], keras_reads: Callable[[str], Any]
) -> None:
    expected = keras_reads(name).load_data(**options)
    assert_same(loaded(name, **options), expected)


def test_the_values_of_cifar10_are_those_of_keras(keras_reads: Callable[[str], Any]) -> None:
    """Keras fills 10,000 rows with each batch, which here has one."""
    (x_train, y_train), test = keras_reads("cifar10").load_data()
    assert_same(cifar10.load_data(), ((x_train[::10_000], y_train[::10_000]), test))


def test_channels_come_first_where_the_configuration_says_so(small: list[str]) -> None:
    last = [flat(module.load_data()) for module in (cifar10, cifar100)]
    config.set_image_data_format("channels_first")
    try:
        first = [flat(module.load_data()) for module in (cifar10, cifar100)]
    finally:
        config.set_image_data_format("channels_last")
    for ours, theirs in zip(first, last, strict=True):
        assert ours[0].shape[1:] == (3, 32, 32)
        for i in (0, 2):
            np.testing.assert_array_equal(ours[i].transpose(0, 2, 3, 1), theirs[i])


def test_word_indices_and_topics_are_those_of_keras(keras_reads: Callable[[str], Any]) -> None:
    for module in (imdb, reuters):
        name = module.__name__.rpartition(".")[2]
        assert module.get_word_index() == keras_reads(name).get_word_index()
    assert reuters.get_label_names() == keras_module("reuters").get_label_names()


def asked_by_keras(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str, str]]:
    """Name, address and checksum of every file that Keras asks for."""
    asked = []

    def get_file(
        fname: str, origin: str, extract: bool = False, file_hash: str = "", **folder: str
    ) -> str:
        name = f"{fname}_archive" if extract else fname
        subdir = folder.get("cache_subdir", "datasets").partition("datasets/")[2]
        asked.append((f"{subdir}/{name}" if subdir else name, origin, file_hash))
        if len(asked) < 4 and "fashion" in subdir:
            return ""  # all four are asked for before one is read
        raise InterruptedError

    for name in NAMES:
        module = keras_module(name)
        monkeypatch.setattr(module, "get_file", get_file)
        for function in ("load_data", "get_word_index"):
            if hasattr(module, function):
                asked_before, asked[:] = list(asked), []
                with pytest.raises(InterruptedError):
                    getattr(module, function)()
                asked[:] = asked_before + asked
    return set(asked)


def test_the_table_of_sources_is_that_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    here = {
        (file.name, file.url, file.sha256 or file.md5)
        for name, file in SOURCES.items()
        if "fashion" not in name
    }
    fashion = {(file.name, file.url, "") for name, file in SOURCES.items() if "fashion" in name}
    assert asked_by_keras(monkeypatch) == here | fashion


def test_the_checksums_of_fashion_mnist_are_those_of_tensorflow_datasets() -> None:
    import tensorflow_datasets as tfds

    known = tfds.image_classification.FashionMNIST.url_infos
    for name, file in SOURCES.items():
        if "fashion" in name:
            infos = {url.rpartition("/")[2]: info for url, info in known.items()}
            assert infos[file.name.rpartition("/")[2]].checksum == file.sha256


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_fetched_once_and_lies_where_keras_looks(
    name: str, small: list[str], folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = loaded(name)
    sources = [file for key, file in SOURCES.items() if key.partition("/")[0] == name]
    fetched = [file for file in sources if not file.md5]
    for file in fetched:
        assert (folders / "keras" / "datasets" / file.name).is_file()
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"Downloading data from {file.url}" for file in fetched]
    assert len(small) == len(fetched)
    assert_same(loaded(name), first)
    assert len(small) == len(fetched)


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion_mnist"])
def test_images_are_decoded_once(name: str, small: list[str], folders: Path) -> None:
    first = loaded(name)
    kept = folders / "home" / "datasets" / f"{name}.npz"
    for path in (folders / "keras" / "datasets").rglob("*"):
        if path.is_file():
            path.unlink()
    fetched = len(small)
    assert_same(loaded(name), first)
    assert len(small) == fetched
    for images in flat(loaded(name))[::2]:
        images[0] = 1  # may be written to
    kept.write_bytes(kept.read_bytes()[:-200])
    assert_same(loaded(name), first)
    assert len(small) == 2 * fetched


@pytest.mark.parametrize("name", ["cifar10", "fashion_mnist"])
def test_a_copy_that_cannot_be_written_only_warns(
    name: str, small: list[str], folders: Path
) -> None:
    (folders / "home").write_text("a file where the folder should be")
    with pytest.warns(UserWarning, match=f"^{name}: expected to keep a decoded copy") as caught:
        loaded(name)
    assert Path(caught[0].filename).name == Path(__file__).name


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "fashion_mnist"])
def test_what_tensorflow_datasets_has_prepared_is_read(
    name: str, small: list[str], folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = loaded(name)
    (folders / "home" / "datasets" / f"{name}.npz").unlink()
    arrays = dict(zip(("x_train", "y_train", "x_test", "y_test"), flat(expected), strict=True))

    def read_arrays(builder: Any, split: str) -> dict[str, np.ndarray]:
        places = np.argsort(door.original_order(split, len(arrays[f"x_{split}"])))
        images, labels = arrays[f"x_{split}"][places], arrays[f"y_{split}"][places].ravel()
        images = images[..., None] if images.ndim == 3 else images
        return {"image": images, "label": labels.astype("int64"), "coarse_label": labels // 5}

    (folders / "data" / name).mkdir(parents=True)
    monkeypatch.setattr(door, "prepared", lambda name: name)
    monkeypatch.setattr(door, "read_arrays", read_arrays)
    fetched = len(small)
    assert_same(loaded(name), expected)
    assert len(small) == fetched
    (folders / "home" / "datasets" / f"{name}.npz").unlink()
    monkeypatch.setattr(door, "read_arrays", lambda builder, split: {})
    for path in (folders / "keras" / "datasets").rglob("*.gz"):
        path.unlink()
    assert_same(loaded(name), expected)  # another form of it: the archives again


@pytest.fixture
def closed_host(
    folders: Path, small_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> str:
    """Makes every source a file on a host that refuses."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{listener.getsockname()[1]}"
    for name, file in SOURCES.items():
        url = f"http://{host}/{file.url.rpartition('/')[2]}"
        monkeypatch.setitem(SOURCES, name, file._replace(url=url))
    return host


@pytest.mark.parametrize("name", NAMES)
def test_without_a_network_one_error_says_where_the_file_goes(
    name: str, closed_host: str, folders: Path
) -> None:
    with pytest.raises(NoNetwork) as caught:
        loaded(name)
    key = "fashion_mnist/x_train" if name == "fashion_mnist" else name
    file = SOURCES[key].url.rpartition("/")[2]
    prepared = "set JKERAS_DATA_DIR to a folder with the prepared dataset, or "
    has_images = name in ("cifar10", "cifar100", "fashion_mnist")
    folder = (folders / "keras" / "datasets" / SOURCES[key].name).parent
    assert str(caught.value) == (
        f"{file}: expected a download from {closed_host}, got Connection refused. Without a "
        f"network, {prepared if has_images else ''}put {file} into {folder}."
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_somebody_put_there_is_used(
    name: str, small: list[str], small_files: dict[str, Path], folders: Path
) -> None:
    for key, path in small_files.items():
        if key.partition("/")[0] == name:
            place = (folders / "keras" / "datasets" / SOURCES[key].name).with_name(path.name)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(path.read_bytes())
    loaded(name)
    assert small == []


def test_a_file_with_another_checksum_is_fetched_again(
    small: list[str], folders: Path, closed_port_after: Callable[[], None]
) -> None:
    path = folders / "keras" / "datasets" / "imdb.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"older")
    imdb.load_data()
    assert small == ["/imdb.npz"]
    path.write_bytes(b"older")
    closed_port_after()
    with pytest.raises(NoNetwork) as caught:
        imdb.load_data()
    assert str(caught.value).endswith(
        f"put imdb.npz into {path.parent}. {path} has another checksum than SHA-256 "
        f"{SOURCES['imdb'].sha256}."
    )


@pytest.fixture
def closed_port_after(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the host of IMDB's file one that refuses, when it is called."""

    def close() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = listener.getsockname()[1]
        url = f"http://127.0.0.1:{port}/imdb.npz"
        monkeypatch.setitem(SOURCES, "imdb", SOURCES["imdb"]._replace(url=url))

    return close


def test_a_file_at_an_absolute_path(
    small: list[str], small_files: dict[str, Path], tmp_path: Path
) -> None:
    found = imdb.load_data(path=small_files["imdb"])
    assert small == [] and len(found[0][0]) == 31
    mine = tmp_path / "mine.npz"
    mine.write_bytes(b"something else")
    with pytest.raises(DamagedArchive) as caught:
        imdb.load_data(path=mine)
    assert str(caught.value) == (
        f"{mine}: expected SHA-256 {SOURCES['imdb'].sha256}, got another one. Delete it and run it "
        "again."
    )
    assert mine.read_bytes() == b"something else"
    assert imdb.get_word_index(tmp_path / "words.json")["the"] == 1
    assert (tmp_path / "words.json").is_file()


class Command:
    """What a pickle runs where nothing stops it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def trusted(monkeypatch: pytest.MonkeyPatch, name: str, path: Path) -> None:
    """Makes a file the source of a data set, by a checksum of its own."""
    point_at(monkeypatch, name, path, f"http://127.0.0.1:1/{path.name}")


def test_nothing_in_a_file_is_executed(
    folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, target = tmp_path / "keras" / "datasets", tmp_path / "made"
    place.mkdir(parents=True)
    evil = np.empty(1, object)
    evil[:] = [Command(target)]
    np.savez(place / "reuters.npz", x=evil, y=np.zeros(1))
    member = {"cifar-100-python/train": pickle.dumps({b"data": Command(target)})}
    small_sets.write_tar(place / "cifar-100-python.tar.gz", member)
    for module, file in ((reuters, "reuters.npz"), (cifar100, "cifar-100-python.tar.gz")):
        trusted(monkeypatch, module.__name__.rpartition(".")[2], place / file)
        with pytest.raises(DamagedArchive) as caught:
            module.load_data()
        assert str(caught.value) == (
            f"{place / file}: expected a pickle of arrays and plain values, got a pickle that asks "
            f"for {os.mkdir.__module__}.mkdir. Delete it and run it again."
        )
    assert not target.exists()


def broken_npz(path: Path, **arrays: Any) -> None:
    np.savez(path, **arrays)


DAMAGES: dict[str, tuple[str, str, Callable[[Path], Any], str]] = {
    "no npz": ("imdb", "imdb.npz", lambda p: p.write_bytes(b"text"), "NumPy's npz format"),
    "an array less": ("imdb", "imdb.npz", lambda p: broken_npz(p, x_train=[1]), "'y_train.npy'"),
    "no JSON": (
        "imdb/words",
        "imdb_word_index.json",
        lambda p: p.write_text("{"),
        "a word index in JSON",
    ),
    "a list": (
        "imdb/words",
        "imdb_word_index.json",
        lambda p: p.write_text("[]"),
        "a word index in JSON, got list",
    ),
    "no tar": (
        "cifar10",
        "cifar-10-python.tar.gz",
        lambda p: p.write_bytes(b"text" * 999),
        "a whole tar archive",
    ),
    "a batch less": (
        "cifar10",
        "cifar-10-python.tar.gz",
        lambda p: small_sets.write_tar(p, {"other": b""}),
        "cifar-10-batches-py/data_batch_1, got an archive without it",
    ),
    "other pixels": (
        "cifar100",
        "cifar-100-python.tar.gz",
        lambda p: small_sets.write_tar(
            p, {"cifar-100-python/train": pickle.dumps({b"data": np.zeros((2, 9), np.uint8)})}
        ),
        "cifar-100-python/train with pixels [examples, 3072] of uint8, got shape (2, 9)",
    ),
    "labels out of range": (
        "cifar100",
        "cifar-100-python.tar.gz",
        lambda p: small_sets.write_tar(
            p,
            {
                "cifar-100-python/train": pickle.dumps(
                    {b"data": np.zeros((2, 3072), np.uint8), b"fine_labels": [0, 100]}
                )
            },
        ),
        "cifar-100-python/train with 2 fine_labels from 0 to 99",
    ),
    "another number": (
        "cifar10",
        "cifar-10-python.tar.gz",
        lambda p: small_sets.cifar10(p.parent),
        "x_train of shape (50000, 32, 32, 3), got (5, 32, 32, 3)",
    ),
    "pictures of another size": (
        "fashion_mnist/x_train",
        "train-images-idx3-ubyte.gz",
        lambda p: small_sets.fashion(p.parent),
        "an array of shape (60000, 28, 28), got (6, 28, 28)",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_another_form_is_told(
    damage: str, folders: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, file, write, part = DAMAGES[damage]
    folder = "fashion-mnist" if "fashion" in name else "."
    path = folders / "keras" / "datasets" / folder / file
    path.parent.mkdir(parents=True)
    write(path)
    trusted(monkeypatch, name, path)
    base, _, rest = name.partition("/")
    module = getattr(datasets, base)
    with pytest.raises(DamagedArchive) as caught:
        module.get_word_index() if rest == "words" else module.load_data()
    text = str(caught.value)
    assert part in text and text.startswith(f"{path}: expected ")
    assert text.endswith(" Delete it and run it again.")
    assert text.count("expected") == 1


def test_a_folder_that_cannot_be_written_to(small: list[str], folders: Path) -> None:
    """A file where Keras's folder `datasets` should be."""
    (folders / "keras").mkdir()
    (folders / "keras" / "datasets").write_text("")
    with pytest.raises(datasets.DatasetError) as caught:
        loaded("boston_housing")
    assert str(caught.value).startswith(
        f"boston_housing.npz: expected to write in {folders / 'keras' / 'datasets'}, got "
    )
    assert str(caught.value).endswith("or set KERAS_HOME to a folder that is.")


def test_keras_own_file_of_mnist_is_used(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays = {
        "x_train": rng.integers(0, 256, (3, 28, 28), dtype=np.uint8),
        "y_train": np.array([1, 2, 3], np.uint8),
        "x_test": rng.integers(0, 256, (2, 28, 28), dtype=np.uint8),
        "y_test": np.array([4, 5], np.uint8),
    }
    monkeypatch.setattr(
        mnist, "ARRAYS", {name: (a.shape, zlib.crc32(a)) for name, a in arrays.items()}
    )
    monkeypatch.setattr(door, "prepared", lambda *args: pytest.fail("a data set was prepared"))
    place = folders / "keras" / "datasets" / "mnist.npz"
    place.parent.mkdir(parents=True)
    np.savez_compressed(place, **arrays)
    (x_train, _), (_, y_test) = mnist.load_data()
    np.testing.assert_array_equal(x_train, arrays["x_train"])
    assert y_test.tolist() == [4, 5]


def test_classes_are_named() -> None:
    assert len(cifar10.CLASSES) == len(fashion_mnist.CLASSES) == 10
