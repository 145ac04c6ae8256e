"""Downloads and IDX files: whole or not at all, and every failure in one plain line."""

import errno
import gzip
import hashlib
import http.server
import socket
import struct
import threading
import time

import numpy as np
import pytest

from jkeras.data import archives
from jkeras.data.archives import (
    DamagedArchive,
    DatasetError,
    DiskFull,
    NoNetwork,
    UnknownDataset,
    fetch,
    plain_disk_errors,
    read_idx,
)
from tests.data.conftest import write_idx_file

BODY = bytes(range(256)) * 2000
CHECKSUM = hashlib.sha256(BODY).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """`/whole` gives the body, `/short` announces more than it gives, anything else is missing."""

    def do_GET(self):
        if self.path not in ("/whole", "/short"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()
        self.wfile.write(BODY if self.path == "/whole" else BODY[:1000])

    def log_message(self, *args):
        """Keeps the test's output clean."""


@pytest.fixture
def host(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_the_errors_form_one_tree():
    for kind in (NoNetwork, DamagedArchive, DiskFull, archives.NotPrepared, UnknownDataset):
        assert issubclass(kind, DatasetError)
    assert issubclass(DatasetError, RuntimeError) and issubclass(UnknownDataset, ValueError)


def test_fetch_writes_the_whole_file(host, tmp_path):
    fetch(f"http://{host}/whole", tmp_path / "new" / "file", sha256=CHECKSUM)
    assert (tmp_path / "new" / "file").read_bytes() == BODY


def test_an_md5_is_compared_too(host, tmp_path):
    fetch(f"http://{host}/whole", tmp_path / "file", md5=hashlib.md5(BODY).hexdigest())
    with pytest.raises(DamagedArchive, match=f"expected MD5 {'0' * 32}, got "):
        fetch(f"http://{host}/whole", tmp_path / "file", md5="0" * 32)


def test_without_a_prepared_form_the_message_names_the_file_alone(host, tmp_path):
    with pytest.raises(NoNetwork) as caught:
        fetch(f"http://{host}/a.gz", tmp_path / "file", is_prepared=False)
    assert str(caught.value).endswith(f" Without a network, put a.gz into {tmp_path}.")


def test_fetch_keeps_nothing_with_a_wrong_checksum(host, tmp_path):
    with pytest.raises(DamagedArchive) as caught:
        fetch(f"http://{host}/whole", tmp_path / "file", sha256="0" * 64)
    assert str(caught.value) == (
        f"http://{host}/whole: expected SHA-256 {'0' * 64}, got {CHECKSUM}. "
        "Nothing was kept: run it again."
    )
    assert list(tmp_path.iterdir()) == []


def test_fetch_keeps_nothing_of_a_transfer_that_breaks_off(host, tmp_path):
    with pytest.raises(DamagedArchive) as caught:
        fetch(f"http://{host}/short", tmp_path / "file")
    assert str(caught.value) == (
        f"http://{host}/short: expected 512000 bytes, got 1000 bytes. "
        "Nothing was kept: run it again."
    )
    assert list(tmp_path.iterdir()) == []


def test_fetch_keeps_nothing_when_it_is_interrupted(host, tmp_path, monkeypatch):
    read = archives._read_block
    blocks = []

    def interrupted(url, response):
        if blocks:
            raise KeyboardInterrupt
        blocks.append(read(url, response))
        return blocks[0]

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(archives, "_read_block", interrupted)
        fetch(f"http://{host}/whole", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
    fetch(f"http://{host}/whole", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == BODY


def test_a_missing_page_is_reported_with_its_status(host, tmp_path):
    with pytest.raises(NoNetwork) as caught:
        fetch(f"http://{host}/mnist/a.gz", tmp_path / "file")
    assert str(caught.value) == (
        f"a.gz: expected a download from {host}, got HTTP 404 Not Found. Without a network, set "
        f"JKERAS_DATA_DIR to a folder with the prepared dataset, or put a.gz into {tmp_path}."
    )


def test_a_refused_connection_fails_at_once(closed_port, tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    started = time.monotonic()
    with pytest.raises(NoNetwork) as caught:
        fetch(f"http://127.0.0.1:{closed_port}/a.gz", tmp_path / "file")
    assert time.monotonic() - started < archives.CONNECT_S / 2
    assert str(caught.value) == (
        f"a.gz: expected a download from 127.0.0.1:{closed_port}, got Connection refused. Without "
        "a network, set JKERAS_DATA_DIR to a folder with the prepared dataset, or put a.gz into "
        f"{tmp_path}."
    )
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_does_not_answer_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(archives, "CONNECT_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NoNetwork) as caught:
            fetch(f"http://127.0.0.1:{port}/a.gz", tmp_path / "file")
    assert str(caught.value).startswith(
        f"a.gz: expected a download from 127.0.0.1:{port}, got no answer within 0.1 s. Without"
    )


def test_giving_up_takes_less_than_ten_seconds():
    assert archives.CONNECT_S < 10


@pytest.mark.parametrize("shape", [(3,), (2, 3), (4, 28, 28), (0,), (2, 0, 3)])
def test_read_idx_gives_what_was_written(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    result = read_idx(write_idx_file(tmp_path / "a.gz", array))
    assert result.dtype == np.uint8 and result.flags.writeable
    np.testing.assert_array_equal(result, array, strict=True)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\0\0\x08\x01\0\0\0\x03abc", "expected a whole gzip file, got Not a gzipped file"),
        (gzip.compress(b""), "expected an IDX file of unsigned bytes, got first bytes ."),
        (gzip.compress(b"\0\0\x0d\x01\0\0\0\0"), "bytes, got first bytes 00 00 0d 01."),
        (gzip.compress(b"\0\0\x08\x00"), "bytes, got first bytes 00 00 08 00."),
        (gzip.compress(b"\0\0\x08\x02\0\0"), "expected 2 dimensions, got 2 bytes of header."),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x03ab"), "expected 3 elements, got 2."),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x03abcd"), "expected 3 elements, got more."),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x03abc")[:-12], "expected a whole gzip file, got Comp"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x03abc")[:-8] + bytes(8), "gzip file, got CRC check"),
    ],
    ids=["bare", "empty", "floats", "rank 0", "header", "short", "long", "cut off", "checksum"],
)
def test_read_idx_rejects(tmp_path, content, problem):
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(DamagedArchive) as caught:
        read_idx(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ") and problem in message
    assert message.endswith(" Delete it and run it again.")


def test_read_idx_does_not_allocate_what_the_file_cannot_hold(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(struct.pack(">BBBB3I", 0, 0, 8, 3, *[2**32 - 1] * 3)))
    room = path.stat().st_size * archives.DEFLATE_RATIO
    with pytest.raises(DamagedArchive) as caught:
        read_idx(path)
    assert str(caught.value) == (
        f"{path}: expected (4294967295, 4294967295, 4294967295) bytes, got a file that holds at "
        f"most {room}. Delete it and run it again."
    )


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_names_the_folder_and_the_room_it_takes(code, tmp_path):
    with pytest.raises(DiskFull) as caught, plain_disk_errors("mnist", tmp_path, 40):
        raise OSError(code, "No space left on device")
    assert str(caught.value) == (
        f"mnist: expected 40 MB of free space for {tmp_path}, got a full disk. "
        "Free some space or set JKERAS_DATA_DIR to a folder with more."
    )


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    with pytest.raises(DatasetError) as caught, plain_disk_errors("mnist", tmp_path, 40):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert str(caught.value) == (
        f"mnist: expected to write in {tmp_path}, got Permission denied. "
        "Make it writable or set JKERAS_DATA_DIR to a folder that is."
    )
