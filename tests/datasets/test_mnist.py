"""MNIST in Keras's form: from the cache, from a prepared folder, and the sample in the package."""

import subprocess
import sys
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from jkeras.data import tfds as door
from jkeras.data.archives import DamagedArchive, read_idx
from jkeras.data.tfds_mnist import ARCHIVES
from jkeras.datasets import mnist
from tests.data.conftest import write_idx_file

NAMES = ("x_train", "y_train", "x_test", "y_test")


def flat(pairs):
    (x_train, y_train), (x_test, y_test) = pairs
    return dict(zip(NAMES, (x_train, y_train, x_test, y_test), strict=True))


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Makes MNIST 13 and 5 digits small; their archives lie in the data folder."""
    rng = np.random.default_rng(0)
    arrays = {}
    for split, count in (("train", 13), ("test", 5)):
        arrays[f"x_{split}"] = rng.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        arrays[f"y_{split}"] = rng.integers(0, 10, count, dtype=np.uint8)
    downloads = tmp_path / "data" / "downloads"
    downloads.mkdir(parents=True)
    for file, name in zip([*ARCHIVES["train"], *ARCHIVES["test"]], NAMES, strict=True):
        write_idx_file(downloads / file, arrays[name])
    facts = {name: (array.shape, zlib.crc32(array)) for name, array in arrays.items()}
    monkeypatch.setattr(mnist, "ARRAYS", facts)
    monkeypatch.setenv("JKERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JKERAS_DATA_DIR", str(tmp_path / "data"))
    return arrays


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "home" / "datasets" / "mnist.npz"


@pytest.fixture
def no_reading(monkeypatch):
    """Makes any look at a prepared dataset an error."""

    def refuse(*args):
        raise AssertionError("the decoded copy was not used")

    monkeypatch.setattr(door, "prepared", refuse)


def assert_same(pairs, arrays):
    for name, array in flat(pairs).items():
        np.testing.assert_array_equal(array, arrays[name], strict=True)


def test_load_data_gives_the_archives_arrays_in_their_order(tiny, cache):
    assert_same(mnist.load_data(), tiny)
    assert [path.name for path in cache.parent.iterdir()] == ["mnist.npz"]


def test_the_second_call_reads_the_decoded_copy(tiny, monkeypatch, request):
    mnist.load_data()
    request.getfixturevalue("no_reading")
    assert_same(mnist.load_data(), tiny)
    assert_same(mnist.load_data("mnist.npz"), tiny)
    assert_same(mnist.load_data(path="mnist.npz"), tiny)


def test_the_arrays_may_be_written_to(tiny):
    mnist.load_data()
    for array in flat(mnist.load_data()).values():
        array[0] = 1


def test_another_name_is_another_copy(tiny, cache):
    mnist.load_data("digits.npz")
    assert [path.name for path in cache.parent.iterdir()] == ["digits.npz"]


def test_the_data_folder_can_be_given(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("JKERAS_DATA_DIR", str(tmp_path / "nothing"))
    assert_same(mnist.load_data(data_dir=tmp_path / "data"), tiny)


def truncate(path, arrays):
    path.write_bytes(path.read_bytes()[:-300])


def flip_a_byte(path, arrays):
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 255
    path.write_bytes(bytes(content))


def replace_by_text(path, arrays):
    path.write_text("not an archive")


def empty(path, arrays):
    path.write_bytes(b"")


def leave_one_out(path, arrays):
    np.savez(path, **{name: arrays[name] for name in NAMES[:3]})


def change_a_label(path, arrays):
    np.savez(path, **{**arrays, "y_test": arrays["y_test"] ^ 1})


def change_the_dtype(path, arrays):
    np.savez(path, **{**arrays, "y_test": arrays["y_test"].astype(np.int64)})


def store_objects(path, arrays):
    np.savez(path, **{**arrays, "y_test": np.array([{}, []], dtype=object)})


DAMAGES = [
    truncate,
    flip_a_byte,
    replace_by_text,
    empty,
    leave_one_out,
    change_a_label,
    change_the_dtype,
    store_objects,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_is_made_again(tiny, cache, damage):
    mnist.load_data()
    damage(cache, tiny)
    assert_same(mnist.load_data(), tiny)
    with np.load(cache, allow_pickle=False) as stored:
        np.testing.assert_array_equal(stored["y_test"], tiny["y_test"], strict=True)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_of_the_users_is_never_replaced(tiny, tmp_path, damage, no_reading):
    path = tmp_path / "mine.npz"
    np.savez(path, **tiny)
    damage(path, tiny)
    before = path.read_bytes()
    with pytest.raises(DamagedArchive) as caught:
        mnist.load_data(str(path))
    assert str(caught.value).startswith(f"{path}: expected ")
    assert str(caught.value).endswith(" Delete it and run it again.")
    assert path.read_bytes() == before


def test_a_compressed_file_such_as_keras_own_will_do(tiny, tmp_path, no_reading):
    np.savez_compressed(tmp_path / "keras.npz", **tiny)
    assert_same(mnist.load_data(str(tmp_path / "keras.npz")), tiny)


def test_prepared_data_that_is_not_mnist_is_refused(tiny, tmp_path, cache):
    mnist.load_data()
    cache.unlink()
    mnist.ARRAYS["y_test"] = ((5,), 0)
    with pytest.raises(DamagedArchive) as caught:
        mnist.load_data()
    found = zlib.crc32(tiny["y_test"])
    assert str(caught.value) == (
        f"{tmp_path / 'data' / 'mnist' / '3.0.1'}: expected y_test with CRC-32 00000000, got "
        f"{found:08x}. Delete it and run it again."
    )
    assert not cache.exists()


def test_a_cache_that_cannot_be_written_only_warns(tiny, tmp_path, cache):
    (tmp_path / "home").write_text("a file where the folder should be")
    with pytest.warns(UserWarning) as caught:
        assert_same(mnist.load_data(), tiny)
    assert [str(warning.message) for warning in caught] == [
        f"mnist: expected to keep a decoded copy (1 MB) at {cache}, got Not a directory. It is "
        "decoded again next time; set JKERAS_HOME to a folder with room."
    ]
    assert caught[0].filename == __file__


def test_the_sample_has_the_form_of_the_whole():
    (x_train, y_train), (x_test, y_test) = mnist.load_sample()
    assert (x_train.shape, y_train.shape) == ((8000, 28, 28), (8000,))
    assert (x_test.shape, y_test.shape) == ((2000, 28, 28), (2000,))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype(np.uint8)}


def test_the_sample_is_split_evenly_and_shuffled():
    (_, y_train), (_, y_test) = mnist.load_sample()
    train, test = np.bincount(y_train), np.bincount(y_test)
    assert len(train) == len(test) == 10
    assert np.abs(test - (train + test) / 5).max() < 1
    for labels in (y_train, y_test):
        changes = np.mean(labels[1:] != labels[:-1])
        assert 0.85 < changes < 0.95  # 0.9 in a random order of ten equal classes


def test_the_sample_is_small_and_quick():
    path = Path(mnist.__file__).parent / "files" / "mnist_sample.npz"
    assert path.stat().st_size + path.with_name("iris.csv").stat().st_size <= 1_700_000
    started = time.thread_time()  # work of this thread, whatever else the machine does
    mnist.load_sample()
    assert time.thread_time() - started < 0.3


def test_importing_datasets_is_light():
    code = (
        "import sys, jkeras.datasets; print(sys.modules.keys() & {'tensorflow_datasets', 'PIL', "
        "'jkeras.datasets.imdb'}); jkeras.datasets.imdb, jkeras.datasets.cifar10"
    )
    root = Path(mnist.__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_the_whole_of_mnist_equals_its_archives(test_data, tmp_path, monkeypatch, request):
    monkeypatch.setenv("JKERAS_HOME", str(tmp_path))
    first = flat(mnist.load_data(data_dir=test_data / "tfds"))
    files = [*ARCHIVES["train"], *ARCHIVES["test"]]
    for file, (name, array) in zip(files, first.items(), strict=True):
        expected = read_idx(test_data / "mnist_idx" / file)
        np.testing.assert_array_equal(array, expected, err_msg=name, strict=True)
    request.getfixturevalue("no_reading")
    assert_same(mnist.load_data(), first)


def test_the_sample_holds_the_digits_of_its_source(test_data):
    arrays = flat(mnist.load_sample())
    with np.load(test_data / "mnist_sample_10k.npz", allow_pickle=False) as source:
        images, labels = source["images"], source["labels"]
    found = np.concatenate([arrays["x_train"], arrays["x_test"]])
    classes = np.concatenate([arrays["y_train"], arrays["y_test"]])

    def digits(x, y):
        return sorted(bytes([label]) + image.tobytes() for image, label in zip(x, y, strict=True))

    assert digits(found, classes) == digits(images, labels)
