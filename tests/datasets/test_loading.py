"""`load`: the structure of what comes back, and the errors."""

import numpy as np
import pytest

from jkeras import datasets
from jkeras.data import tfds as door
from jkeras.datasets import load


class Source(list):
    """Records in memory with tensorflow-datasets' block access."""

    def __getitems__(self, positions):
        return [dict(self[i]) for i in positions]


class Builder:
    """A prepared dataset in memory: pairs of an image and its label."""

    name = "pairs"
    supervised_keys = ("image", "label")
    splits = ("train", "test")

    @property
    def info(self):
        return self

    def as_data_source(self, split):
        start = self.splits.index(split) * 10
        return Source({"image": np.full((2, 2), start + i), "label": i} for i in range(3))


class Unsupervised(Builder):
    supervised_keys = None


@pytest.fixture
def pairs(monkeypatch):
    monkeypatch.setattr(door, "prepared", lambda name, data_dir: Builder())


def test_a_string_gives_one_split_as_a_pair(pairs):
    x, y = load("pairs", split="test")
    assert x.shape == (3, 2, 2) and x[:, 0, 0].tolist() == [10, 11, 12]
    assert y.tolist() == [0, 1, 2]


def test_a_list_gives_a_list(pairs):
    (x_train, _), (x_test, y_test) = load("pairs", split=["train", "test"])
    assert (x_train[0, 0, 0], x_test[0, 0, 0], y_test.tolist()) == (0, 10, [0, 1, 2])


def test_none_gives_every_split_by_name(pairs):
    splits = load("pairs")
    assert list(splits) == ["test", "train"]
    assert splits["test"][0][0, 0, 0] == 10


def test_without_a_target_it_gives_all_features_by_name(monkeypatch):
    monkeypatch.setattr(door, "prepared", lambda name, data_dir: Unsupervised())
    arrays = load("pairs", split="train")
    assert {name: array.shape for name, array in arrays.items()} == {
        "image": (3, 2, 2),
        "label": (3,),
    }


def test_the_data_folder_is_passed_on(monkeypatch, tmp_path):
    seen = []

    def prepared(name, data_dir):
        seen.append((name, data_dir))
        return Builder()

    monkeypatch.setattr(door, "prepared", prepared)
    load("pairs", split="train", data_dir=tmp_path)
    assert seen == [("pairs", tmp_path)]


def test_an_unknown_name_is_a_value_error_with_the_nearest(tmp_path):
    with pytest.raises(ValueError) as caught:
        load("minst", data_dir=tmp_path)
    assert str(caught.value).startswith("unknown dataset 'minst'. Did you mean 'mnist'? Looked")


def test_a_name_that_is_no_string():
    with pytest.raises(TypeError) as caught:
        load(3)
    assert str(caught.value) == (
        "load: expected `name` to be a string such as 'mnist', got 3 (int)."
    )


@pytest.mark.parametrize(
    ("split", "shown"),
    [(3, "3 (int)"), (["train", 1], "['train', 1] (list)"), (b"train", "b'train' (bytes)")],
)
def test_a_split_that_is_no_string(split, shown):
    with pytest.raises(TypeError) as caught:
        load("mnist", split=split)
    assert str(caught.value) == (
        "load: expected `split` to be a string such as 'train[:80%]', a list of strings or None, "
        f"got {shown}."
    )


def test_the_door_is_sorted_and_complete():
    assert datasets.__all__ == sorted(datasets.__all__)
    assert all(hasattr(datasets, name) for name in datasets.__all__)
