"""Preparing MNIST: whole or not at all, with a tiny stand-in behind a local server."""

import errno
import functools
import http.server
import io
import logging
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from jkeras.data import tfds_mnist as door
from jkeras.data.archives import DamagedArchive, DiskFull, NoNetwork
from jkeras.data.tfds import original_order, prepared, read_arrays
from jkeras.data.tfds_mnist import encode_png


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        """Keeps the test's output clean."""


@pytest.fixture
def served(tmp_path, monkeypatch, write_archives):
    """The folder of a server that MNIST's address points to."""
    import tensorflow_datasets as tfds

    folder = tmp_path / "served"
    write_archives(folder)
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        url = f"http://127.0.0.1:{server.server_port}/"
        monkeypatch.setattr(tfds.image_classification.MNIST, "URL", url)
        yield folder
        server.shutdown()
        thread.join()


def files_in(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.rglob("*") if p.is_file())


def check_arrays(folder, digits):
    builder = prepared("mnist", folder)
    for split, (images, labels) in digits.items():
        arrays = read_arrays(builder, split)
        order = original_order(split, len(labels))
        np.testing.assert_array_equal(arrays["image"][order][..., 0], images, strict=True)
        np.testing.assert_array_equal(arrays["label"][order], labels)


def test_mnist_is_downloaded_and_prepared_in_the_official_layout(served, folder, digits):
    check_arrays(folder, digits)
    assert [p.name for p in (folder / "mnist").iterdir()] == ["3.0.1"]
    assert files_in(folder / "mnist") == [
        "dataset_info.json",
        "features.json",
        "mnist-test.array_record-00000-of-00001",
        "mnist-train.array_record-00000-of-00001",
    ]


def test_tensorflow_datasets_itself_reads_what_was_prepared(served, folder, digits):
    import tensorflow_datasets as tfds

    prepared("mnist", folder)
    source = tfds.data_source("mnist", split="test", data_dir=folder)
    assert sorted(record["label"] for record in source) == sorted(digits["test"][1].tolist())


def test_the_second_call_needs_neither_server_nor_archives(served, folder, digits):
    prepared("mnist", folder)
    shutil.rmtree(served)
    shutil.rmtree(folder / "downloads")
    check_arrays(folder, digits)


def test_archives_brought_by_hand_are_used(brought, closed_host, digits):
    check_arrays(brought, digits)


@pytest.fixture
def closed_host(monkeypatch):
    """MNIST's address points to a port where nobody listens."""
    import tensorflow_datasets as tfds

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(tfds.image_classification.MNIST, "URL", "http://127.0.0.1:9/")
    return "127.0.0.1:9"


def test_no_network_is_one_plain_line(closed_host, folder, capfd, caplog):
    with pytest.raises(NoNetwork) as caught:
        prepared("mnist", folder)
    name = "train-images-idx3-ubyte.gz"
    assert str(caught.value) == (
        f"{name}: expected a download from {closed_host}, got Connection refused. Without a "
        f"network, set JKERAS_DATA_DIR to a folder with the prepared dataset, or put {name} into "
        f"{folder / 'downloads'}."
    )
    assert files_in(folder) == []
    assert capfd.readouterr() == ("", "") and caplog.records == []


def test_preparing_and_reading_say_nothing(brought, capfd, caplog, digits):
    with caplog.at_level(logging.WARNING):
        check_arrays(brought, digits)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []


def test_a_truncated_archive_is_named_and_nothing_is_prepared(brought, digits, write_archives):
    path = brought / "downloads" / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(DamagedArchive) as caught:
        prepared("mnist", brought)
    assert str(caught.value) == (
        f"{path}: expected a whole gzip file, got Compressed file ended before the end-of-stream "
        "marker was reached. Delete it and run it again."
    )
    assert files_in(brought / "mnist") == []
    write_archives(brought / "downloads")
    check_arrays(brought, digits)


@pytest.mark.parametrize(
    ("name", "array", "problem"),
    [
        (
            "train-images-idx3-ubyte.gz",
            np.zeros((23, 8, 8)),
            "images of 28 x 28, got shape (23, 8, 8)",
        ),
        ("train-labels-idx1-ubyte.gz", np.zeros(22), "23 labels, got shape (22,)"),
        ("train-labels-idx1-ubyte.gz", np.full(23, 10), "labels from 0 to 9, got 10"),
    ],
)
def test_archives_that_do_not_fit_together_are_rejected(brought, write_idx, name, array, problem):
    path = brought / "downloads" / name
    write_idx(path, array.astype(np.uint8))
    with pytest.raises(DamagedArchive) as caught:
        prepared("mnist", brought)
    assert str(caught.value) == f"{path}: expected {problem}. Delete it and run it again."


def fail_at_fifth(error):
    """`encode_png`, which raises on its fifth call."""
    calls = []

    def encode(image):
        calls.append(image)
        if len(calls) == 5:
            raise error
        return encode_png(image)

    return encode


def test_an_interrupted_preparation_leaves_nothing_and_can_be_repeated(
    brought, monkeypatch, digits
):
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(door, "encode_png", fail_at_fifth(KeyboardInterrupt()))
        prepared("mnist", brought)
    assert list((brought / "mnist").iterdir()) == []
    check_arrays(brought, digits)


def test_a_disk_that_fills_up_is_reported_and_leaves_nothing(brought, monkeypatch):
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    monkeypatch.setattr(door, "encode_png", fail_at_fifth(full))
    with pytest.raises(DiskFull) as caught:
        prepared("mnist", brought)
    assert str(caught.value) == (
        f"mnist: expected 40 MB of free space for {brought}, got a full disk. "
        "Free some space or set JKERAS_DATA_DIR to a folder with more."
    )
    assert list((brought / "mnist").iterdir()) == []


def test_too_little_space_is_seen_before_anything_is_done(brought, monkeypatch):
    from tensorflow_datasets.core import utils

    monkeypatch.setattr(utils, "has_sufficient_disk_space", lambda *args, **kwargs: False)
    with pytest.raises(DiskFull) as caught:
        prepared("mnist", brought)
    assert str(caught.value).startswith(f"mnist: expected 40 MB of free space for {brought}, got a")
    assert not (brought / "mnist").exists()


def test_whoever_prepares_second_uses_what_the_first_one_made(brought, monkeypatch, digits):
    """Another process finishes between this one's start and its rename."""
    finished = []

    def encode_after_the_other(image):
        if not finished:
            finished.append(True)
            door.prepare_mnist(brought)
        return encode_png(image)

    monkeypatch.setattr(door, "encode_png", encode_after_the_other)
    check_arrays(brought, digits)
    assert finished == [True]
    assert [p.name for p in (brought / "mnist").iterdir()] == ["3.0.1"]


def test_a_folder_in_the_way_is_named(brought):
    blocked = brought / "mnist" / "3.0.1"
    blocked.mkdir(parents=True)
    (blocked / "notes.txt").write_text("x")
    with pytest.raises(DamagedArchive) as caught:
        prepared("mnist", brought)
    assert str(caught.value) == (
        f"{blocked}: expected a prepared dataset, got some of its files only. "
        "Delete it and run it again."
    )


def test_a_png_holds_the_image(digits):
    import PIL.Image

    image = digits["test"][0][0][:20]
    with PIL.Image.open(io.BytesIO(encode_png(image))) as decoded:
        assert decoded.mode == "L"
        np.testing.assert_array_equal(np.asarray(decoded), image, strict=True)


@pytest.fixture
def closed_host_for_originals(monkeypatch):
    """MNIST's registered archives, and no way to fetch them."""
    import tensorflow_datasets as tfds

    def refuse(*args, **kwargs):
        raise AssertionError("nothing may be downloaded")

    monkeypatch.setattr(door, "fetch", refuse)
    return tfds.image_classification.MNIST.url_infos


def test_the_download_cache_of_tensorflow_datasets_is_used(test_data, closed_host_for_originals):
    downloads = test_data / "tfds" / "downloads"
    found = [door._archive(downloads, *pair) for pair in closed_host_for_originals.items()]
    assert [path.parent for path in found] == [downloads] * 4
