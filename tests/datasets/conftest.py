"""A host with small files, from which the data sets of Keras are fetched."""

from __future__ import annotations

import functools
import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jkeras.datasets import cifar10, cifar100, fashion_mnist
from jkeras.datasets.sources import SOURCES
from tests.datasets import small_sets


class Host(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, and counts what is asked for."""

    def log_message(self, *args: object) -> None:
        """Keeps the test's output clean."""

    def do_GET(self) -> None:
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        super().do_GET()


@pytest.fixture(scope="session")
def small_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The path of a small file for every source."""
    folder = tmp_path_factory.mktemp("small")
    files = {
        "boston_housing": small_sets.boston(folder),
        "california_housing": small_sets.california(folder),
        "cifar10": small_sets.cifar10(folder),
        "cifar100": small_sets.cifar100(folder),
        "imdb": small_sets.imdb(folder),
        "imdb/words": small_sets.words(folder, "imdb"),
        "reuters": small_sets.reuters(folder),
        "reuters/words": small_sets.words(folder, "reuters"),
    }
    names = ("y_train", "x_train", "y_test", "x_test")
    fashion = zip(names, small_sets.fashion(folder), strict=True)
    return files | {f"fashion_mnist/{name}": path for name, path in fashion}


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keras's folder, the cache and the data folder in a folder of the test's own."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setenv("JKERAS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JKERAS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path


@pytest.fixture
def small(
    folders: Path, small_files: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """Makes every source a small file on a host of the test's own; the list of what was fetched."""
    folder = next(iter(small_files.values())).parent
    handler = functools.partial(Host, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []  # type: ignore[attr-defined]
        for name, path in small_files.items():
            point_at(monkeypatch, name, path, f"http://127.0.0.1:{server.server_port}/{path.name}")
        shrink(monkeypatch)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.asked  # type: ignore[attr-defined]
        server.shutdown()
        thread.join()


def point_at(monkeypatch: pytest.MonkeyPatch, name: str, path: Path, url: str) -> None:
    """Makes a source the file at `path`, with its checksum."""
    file, content = SOURCES[name], path.read_bytes()
    sums = {"sha256": hashlib.sha256(content).hexdigest()}
    if file.md5:
        sums = {"md5": hashlib.md5(content).hexdigest()}
    monkeypatch.setitem(SOURCES, name, file._replace(url=url, **sums))


def shrink(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the data sets of images as small as the files."""
    counts = {
        cifar10: small_sets.CIFAR10,
        cifar100: small_sets.CIFAR100,
        fashion_mnist: small_sets.FASHION,
    }
    for module, sizes in counts.items():
        shapes = {
            key: (sizes[key.rpartition("_")[2]], *shape[1:]) for key, shape in module.SHAPES.items()
        }
        monkeypatch.setattr(module, "SHAPES", shapes)
