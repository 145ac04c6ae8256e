"""Files are fetched whole, kept, compared with their hash, and unpacked."""

import hashlib
import tarfile
import zipfile
from pathlib import Path

import pytest

from jkeras.utils import disable_interactive_logging, enable_interactive_logging, get_file

TEXT = b"one line\n"
SHA256, MD5 = hashlib.sha256(TEXT).hexdigest(), hashlib.md5(TEXT).hexdigest()


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    path = tmp_path / "there" / "text.txt"
    path.parent.mkdir()
    path.write_bytes(TEXT)
    return path


@pytest.fixture
def here(tmp_path: Path) -> Path:
    return tmp_path / "here"


def test_a_file_is_fetched_once(origin: Path, here: Path, capsys: pytest.CaptureFixture) -> None:
    address = origin.as_uri()
    path = get_file(origin=address, cache_dir=here)
    assert path == str(here / "datasets" / "text.txt")
    assert Path(path).read_bytes() == TEXT
    origin.write_bytes(b"changed")
    assert Path(get_file("text.txt", address, cache_dir=here)).read_bytes() == TEXT
    assert capsys.readouterr().out == f"Downloading data from {address}\n"
    get_file("text.txt", address, cache_dir=here, force_download=True)
    assert Path(path).read_bytes() == b"changed"


def test_a_file_of_another_hash_is_fetched_again(origin: Path, here: Path) -> None:
    kept = here / "datasets" / "text.txt"
    kept.parent.mkdir(parents=True)
    for hashes in ({"file_hash": SHA256}, {"file_hash": MD5}, {"md5_hash": MD5}):
        kept.write_bytes(b"older")
        get_file(origin=origin.as_uri(), cache_dir=here, **hashes)
        assert kept.read_bytes() == TEXT


def test_a_file_of_a_wrong_hash_is_not_kept(origin: Path, here: Path) -> None:
    with pytest.raises(ValueError) as caught:
        get_file(origin=origin.as_uri(), cache_dir=here, file_hash="0" * 64)
    assert str(caught.value) == (
        f"get_file: expected {origin.as_uri()} with the sha256 hash {'0' * 64}, got {SHA256}, "
        "which was not kept."
    )
    assert list((here / "datasets").iterdir()) == []


def test_archives_are_unpacked(origin: Path, here: Path) -> None:
    packed = origin.parent / "text.tar.gz", origin.parent / "text.zip"
    with tarfile.open(packed[0], "w:gz") as tar:
        tar.add(origin, arcname="text.txt")
    with zipfile.ZipFile(packed[1], "w") as pack:
        pack.write(origin, arcname="text.txt")
    for number, path in enumerate(packed):
        folder = here / f"{number}"
        names = {"data": "data", "data.tgz": "data_extracted", None: path.name}
        for fname, unpacked in names.items():
            got = get_file(fname, path.as_uri(), extract=True, cache_subdir=folder)
            assert got == str(folder / unpacked)
            assert (Path(got) / "text.txt").read_bytes() == TEXT
    got = get_file("x", packed[0].as_uri(), untar=True, cache_dir=here)
    assert (Path(got) / "text.txt").read_bytes() == TEXT


def test_an_archive_leads_nowhere_else(origin: Path, here: Path) -> None:
    packed = origin.parent / "evil.tar"
    with tarfile.open(packed, "w") as tar:
        tar.add(origin, arcname="../../text.txt")
    with pytest.raises(tarfile.FilterError):
        get_file("evil", packed.as_uri(), extract=True, cache_dir=here)
    assert [path.name for path in here.rglob("*")] == ["datasets", "evil_archive"]


def test_the_folder_is_that_of_keras(
    origin: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home"))
    assert get_file(origin=origin.as_uri()) == str(tmp_path / "home" / "datasets" / "text.txt")


def test_messages(origin: Path, here: Path) -> None:
    address = origin.as_uri()
    wrong = {
        "get_file: expected `origin`, the address of a file, got None.": {},
        "get_file: expected the name of a file as `fname`, got 'a/b'. Name its folder by "
        "`cache_dir` or `cache_subdir`.": {"fname": "a/b", "origin": address},
        f"get_file: expected {address} to be a tar or zip archive, got another kind of file.": {
            "origin": address,
            "extract": True,
        },
        "get_file: expected `hash_algorithm` 'auto', 'sha256' or 'md5', got 'crc'.": {
            "origin": address,
            "hash_algorithm": "crc",
        },
    }
    for message, arguments in wrong.items():
        with pytest.raises(ValueError) as caught:
            get_file(**arguments, cache_dir=here)
        assert str(caught.value) == message
    with pytest.raises(ConnectionError, match=r"Put the file there yourself: .*/datasets/no.txt\."):
        get_file("no.txt", f"{address}.none", cache_dir=here)


def test_formats_and_hashes_are_taken_in_every_form(origin: Path, here: Path) -> None:
    packed = origin.parent / "text.zip"
    with zipfile.ZipFile(packed, "w") as pack:
        pack.write(origin, arcname="text.txt")
    for number, formats in enumerate(("zip", ["tar", "zip"], ("zip",))):
        kwargs = {"archive_format": formats, "cache_dir": here / f"{number}"}
        got = get_file("x", packed.as_uri(), extract=True, **kwargs)
        assert (Path(got) / "text.txt").read_bytes() == TEXT
    for formats in (None, [], ["tar"]):
        with pytest.raises(ValueError, match="to be a tar or zip archive"):
            get_file("x", packed.as_uri(), extract=True, archive_format=formats, cache_dir=here)
    with pytest.raises(ValueError) as caught:
        get_file("x", packed.as_uri(), extract=True, archive_format=["tar", "rar"], cache_dir=here)
    assert str(caught.value) == (
        "get_file: expected `archive_format` 'auto', 'tar', 'zip' or None, got ['tar', 'rar']."
    )
    get_file(origin=origin.as_uri(), file_hash=SHA256.upper(), cache_dir=here)


def test_without_interactive_logging_nothing_is_printed(
    origin: Path, here: Path, capsys: pytest.CaptureFixture
) -> None:
    disable_interactive_logging()
    try:
        get_file(origin=origin.as_uri(), cache_dir=here)
    finally:
        enable_interactive_logging()
    assert capsys.readouterr().out == ""
