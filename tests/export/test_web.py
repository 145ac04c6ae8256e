"""Folders of web pages: their files, and the runtime from a tarball, a folder, a registry."""

from __future__ import annotations

import base64
import hashlib
import http.server
import io
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.export.web import runtime
from jkeras.layers import Input
from tests.export.browser import served

CONTENT = {
    "ort.wasm.bundle.min.mjs": b"export const env = {};",
    "ort-wasm-simd-threaded.wasm": b"\0asm",
}
"""What stands for the runtime."""


def tarball(content: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"package/dist/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


PACKAGE = tarball(CONTENT)


class Registry:
    """A server that answers every request with the same bytes."""

    def __init__(self, body: bytes, code: int = 200) -> None:
        self.body, self.code, self.requests = body, code, 0

    def __call__(self, *args: Any) -> None:
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, format: str, *args: Any) -> None:
                pass

            def do_GET(self) -> None:
                registry.requests += 1
                self.send_response(registry.code)
                self.send_header("Content-Length", str(len(registry.body)))
                self.end_headers()
                self.wfile.write(registry.body)

        Handler(*args)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry on the loopback that has another package, known by its hashes, and a new cache."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in CONTENT.items()}
    digest = base64.b64encode(hashlib.sha512(PACKAGE).digest()).decode()
    monkeypatch.setattr(runtime, "HASHES", hashes)
    monkeypatch.setattr(runtime, "INTEGRITY", f"sha512-{digest}")
    monkeypatch.setenv("JKERAS_HOME", str(tmp_path / "cache"))
    registry = Registry(PACKAGE)
    with served(registry) as address:
        monkeypatch.setattr(runtime, "ADDRESS", f"{address}package.tgz")
        yield registry


def network(**options: Any) -> Any:
    return jkeras.Sequential([Input((4,)), L.Dense(3, "softmax")], name="net", seed=0, **options)


def test_a_folder_has_the_page_the_model_and_the_runtime(
    tmp_path: Path, stand_in: Registry
) -> None:
    model, folder = network(), tmp_path / "site"
    folder.mkdir()
    (folder / "notes.txt").write_text("kept")
    for labels in ("abc", "xyz"):
        model.export(folder, "web", verbose=False, labels=list(labels), title="Flowers & more")
    assert sorted(path.name for path in folder.iterdir()) == [
        *("index.html", "model.onnx", "notes.txt"),
        *("ort-wasm-simd-threaded.wasm", "ort.wasm.bundle.min.mjs"),
    ]
    text = (folder / "index.html").read_text()
    assert '"labels": ["x", "y", "z"]' in text and "<h1>Flowers &amp; more</h1>" in text
    assert {name: (folder / name).read_bytes() for name in CONTENT} == CONTENT
    x = np.ones((2, 4), "float32")
    exported = jkeras.load_exported(folder / "model.onnx")
    np.testing.assert_allclose(exported(x), model.predict(x, verbose=0), rtol=1e-5)
    assert stand_in.requests == 1  # the second time it is in the cache


def test_the_runtime_comes_from_a_tarball_or_a_folder(tmp_path: Path, stand_in: Registry) -> None:
    (tmp_path / "package.tgz").write_bytes(PACKAGE)
    dist = tmp_path / "node_modules" / "onnxruntime-web" / "dist"
    dist.mkdir(parents=True)
    for name, data in CONTENT.items():
        (dist / name).write_bytes(data)
    for place in (tmp_path / "package.tgz", dist, dist.parent, str(dist)):
        assert runtime.runtime_files(place) == CONTENT
    assert stand_in.requests == 0


def test_what_differs_from_the_published_package_is_refused(
    tmp_path: Path, stand_in: Registry
) -> None:
    other = CONTENT | {"ort.wasm.bundle.min.mjs": b"alert(1)"}
    files = {
        "others in": tarball(other),
        "without ort-wasm-simd-threaded.wasm": tarball(dict(list(CONTENT.items())[:1])),
        "without ort.wasm.bundle.min.mjs": PACKAGE[: len(PACKAGE) // 2],
    }
    for reason, content in files.items():
        (tmp_path / "package.tgz").write_bytes(content)
        with pytest.raises(ValueError, match=re.escape(reason)) as error:
            network().export(tmp_path / "site", "web", runtime=tmp_path / "package.tgz")
        assert "`npm pack onnxruntime-web@1.30.0` gets the package." in str(error.value)
    stand_in.body = tarball(other)
    with pytest.raises(runtime.RuntimeUnavailable, match=r"onnxruntime-web 1\.30\.0 with"):
        network().export(tmp_path / "site", "web")
    assert not (tmp_path / "site").exists() and not (tmp_path / "cache").exists()


def test_without_a_network_the_message_says_what_to_do(
    tmp_path: Path, stand_in: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in.code = 503
    with pytest.raises(OSError, match="got Service Unavailable") as error:
        network().export(tmp_path / "site", "web")
    assert "export with runtime='onnxruntime-web-1.30.0.tgz'." in str(error.value)
    monkeypatch.setattr(runtime, "ADDRESS", "http://127.0.0.1:9/package.tgz")  # nobody listens
    with pytest.raises(OSError, match=r"from 127\.0\.0\.1:9, got"):
        network().export(tmp_path / "site", "web")
    with pytest.raises(OSError) as missing:
        network().export(tmp_path / "site", "web", runtime=tmp_path / "none.tgz")
    assert str(missing.value) == (
        "export(format='web'): `runtime`: expected a tarball or folder of onnxruntime-web 1.30.0, "
        f"got none at {str(tmp_path / 'none.tgz')!r}."
    )


def test_models_that_no_page_can_hold_are_refused(tmp_path: Path, stand_in: Registry) -> None:
    with pytest.raises(ValueError) as error:
        network().export(tmp_path / "site", "web", input_signature=[(5, 4)])
    assert str(error.value) == (
        "export(format='web'): `input_signature`: expected a first axis that is open, or 1, got 5 "
        "for 'input'. Export with input_signature=[(None, ...)]."
    )
    model = jkeras.Sequential([Input((4,), dtype="float16"), L.Dense(3)], name="net")
    with pytest.raises(ValueError, match="expected a dtype that browsers have, got float16"):
        model.export(tmp_path / "site", "web")
    assert not (tmp_path / "site").exists()
