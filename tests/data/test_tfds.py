"""Reading prepared datasets, with a tiny stand-in for MNIST."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from jkeras.data import tfds as door
from jkeras.data.archives import DamagedArchive, NotPrepared, UnknownDataset
from jkeras.data.tfds import data_folder, original_order, prepared, read_arrays


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"JKERAS_DATA_DIR": "/a", "TFDS_DATA_DIR": "/b"}, "/a"),
        ({"JKERAS_DATA_DIR": "", "TFDS_DATA_DIR": "/b"}, "/b"),
        ({}, "/home/someone/tensorflow_datasets"),
        ({"JKERAS_DATA_DIR": "~/x"}, "/home/someone/x"),
    ],
)
def test_data_folder(monkeypatch, variables, expected):
    monkeypatch.delenv("JKERAS_DATA_DIR", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    monkeypatch.setenv("HOME", "/home/someone")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert data_folder() == Path(expected)


def test_a_read_only_folder_is_enough_for_reading(brought):
    prepared("mnist", brought)
    shutil.rmtree(brought / "downloads")
    folders = [brought, *(p for p in brought.rglob("*") if p.is_dir())]
    for path in folders:
        path.chmod(0o555)
    try:
        assert len(read_arrays(prepared("mnist", brought), "test")["label"]) == 7
    finally:
        for path in folders:
            path.chmod(0o755)
    assert not (brought / "downloads").exists()


def test_a_damaged_record_file_is_reported(brought):
    builder = prepared("mnist", brought)
    path = brought / "mnist" / "3.0.1" / "mnist-test.array_record-00000-of-00001"
    path.unlink()
    with pytest.raises(DamagedArchive) as caught:
        read_arrays(builder, "test")
    assert str(caught.value).startswith(f"{path.parent}: expected whole record files, got ")
    assert str(caught.value).endswith(" Delete it and run it again.")


def test_a_damaged_description_is_reported(brought):
    prepared("mnist", brought)
    (brought / "mnist" / "3.0.1" / "dataset_info.json").write_text("{")
    with pytest.raises(DamagedArchive) as caught:
        prepared("mnist", brought)
    assert str(caught.value).startswith(f"{brought / 'mnist'}: expected a description, got ")


def test_an_unknown_name_suggests_the_nearest(folder):
    import tensorflow_datasets as tfds

    with pytest.raises(UnknownDataset) as caught:
        prepared("mnsit", folder)
    count = len(tfds.list_builders(with_community_datasets=False))
    assert str(caught.value) == (
        f"unknown dataset 'mnsit'. Did you mean 'mnist'? Looked among the {count} names of "
        f"tensorflow-datasets and in {folder}."
    )
    assert not folder.exists()


def test_an_unknown_configuration_and_version(folder):
    with pytest.raises(UnknownDataset) as caught:
        prepared("mnist:9.9.9", folder)
    assert str(caught.value) == (
        "unknown dataset 'mnist:9.9.9': Dataset mnist cannot be loaded at version 9.9.9, only: "
        "3.0.1."
    )
    with pytest.raises(UnknownDataset) as caught:
        prepared("glue/colla", folder)
    assert str(caught.value) == (
        "unknown dataset 'glue/colla'. Did you mean 'cola'? Configurations: ax, cola, mnli, "
        "mnli_matched, mnli_mismatched, mrpc, qnli, qqp, rte, sst2, stsb, wnli."
    )


def test_what_cannot_be_prepared_here_says_where_it_can(folder):
    with pytest.raises(NotPrepared) as caught:
        prepared("cifar10", folder)
    assert str(caught.value) == (
        f"dataset 'cifar10': expected it prepared in {folder}, got no such folder. Prepare it "
        "where TensorFlow is installed, with tfds.load('cifar10', "
        "builder_kwargs=dict(file_format='array_record')), and set JKERAS_DATA_DIR to it."
    )


def test_slices_and_unknown_splits(brought):
    builder = prepared("mnist", brought)
    whole = read_arrays(builder, "train")
    part = read_arrays(builder, "train[5:9]")
    np.testing.assert_array_equal(part["image"], whole["image"][5:9], strict=True)
    assert read_arrays(builder, "train+test")["label"].shape == (30,)
    with pytest.raises(ValueError) as caught:
        read_arrays(builder, "tset")
    assert str(caught.value) == (
        "dataset 'mnist': expected `split` one of test, train, or a slice with examples in "
        "it such as 'train[:80%]', got 'tset'. Did you mean 'test'?"
    )
    with pytest.raises(ValueError, match=r"got 'test\[:10%'\.$"):
        read_arrays(builder, "test[:10%")


@pytest.mark.parametrize("split", ["test[:0]", "test[:1%]", "test[5:5]"])
def test_a_slice_without_examples_is_refused(brought, split):
    with pytest.raises(ValueError) as caught:
        read_arrays(prepared("mnist", brought), split)
    assert str(caught.value) == (
        "dataset 'mnist': expected `split` one of test, train, or a slice with examples in it such "
        f"as 'train[:80%]', got {split!r}."
    )


def test_blocks_of_any_size_give_the_same_arrays(brought, monkeypatch):
    builder = prepared("mnist", brought)
    whole = read_arrays(builder, "train")
    monkeypatch.setattr(door, "BLOCK", 4)
    blocks = read_arrays(builder, "train")
    assert list(blocks) == list(whole) == ["image", "label"]
    for feature, array in blocks.items():
        np.testing.assert_array_equal(array, whole[feature], strict=True)


class Records:
    """A builder and its source in one: records that are in memory."""

    name = "words"

    def __init__(self, **features):
        self.features = features

    def as_data_source(self, split):
        return self

    def __len__(self):
        return len(next(iter(self.features.values())))

    def __getitems__(self, positions):
        return [{k: v[i] for k, v in self.features.items()} for i in positions]


def test_texts_keep_their_length_when_a_later_block_has_a_longer_one(monkeypatch):
    monkeypatch.setattr(door, "BLOCK", 2)
    arrays = read_arrays(Records(text=[b"a", b"bc", b"defgh"]), "train")
    assert arrays["text"].tolist() == [b"a", b"bc", b"defgh"]


def test_a_feature_without_one_shape_is_refused():
    with pytest.raises(ValueError) as caught:
        read_arrays(Records(image=[np.zeros((2, 3)), np.zeros((4, 3))]), "train")
    assert str(caught.value) == (
        "dataset 'words': expected 'image' to have one shape, got (2, 3) and (4, 3). Read it with "
        "tensorflow_datasets.data_source, and pad or resize it."
    )


@pytest.mark.parametrize("count", [0, 1, 100])
def test_original_order_is_a_permutation(count):
    assert sorted(original_order("train", count).tolist()) == list(range(count))
