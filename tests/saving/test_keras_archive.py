"""`.keras` archives: three members, none of them larger than it may be."""

import io
import json
import stat
import zipfile
from pathlib import Path

import pytest

from jkeras.saving import keras_archive
from jkeras.saving.keras_archive import json_object, read, write

GOOD = {"metadata.json": b"{}", "config.json": b'{"a": 1}', "model.weights.h5": b"HDF"}


def packed(folder: Path, members: dict[str, bytes], kind: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(folder / "m.keras", "w", kind) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return folder / "m.keras"


def message_of(path: Path) -> str:
    with pytest.raises(ValueError) as caught:
        read(path)
    return str(caught.value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "m.keras"
    with open(path, "x+b") as file:
        write(file, {"units": [1, None, 0.1]}, lambda weights: weights.write(b"weights"))
    found = read(path)
    assert (found.config, found.weights) == ({"units": [1, None, 0.1]}, b"weights")
    assert found.metadata["keras_version"] == "3.15.1"
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_STORED}


def test_a_compressed_archive_and_assets_are_read(tmp_path: Path) -> None:
    path = packed(tmp_path, GOOD | {"assets/words/a.txt": b"x"}, zipfile.ZIP_DEFLATED)
    assert read(path).config == {"a": 1}


@pytest.mark.parametrize("name", ["../x", "/etc/x", "assets/../../x", "a\\b", "other.txt"])
def test_other_members_are_refused(tmp_path: Path, name: str) -> None:
    path = packed(tmp_path, GOOD | {name: b""})
    assert message_of(path) == (
        f"{path}: expected the members metadata.json, config.json and model.weights.h5, got "
        f"{name!r}."
    )


def test_links_and_doubles_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, GOOD)
    with zipfile.ZipFile(path, "a") as archive:
        info = zipfile.ZipInfo("assets/link")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert message_of(path) == f"{path}: the member 'assets/link' is a link, which is not allowed."
    path = packed(tmp_path, GOOD)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning):
        archive.writestr("config.json", "{}")
    assert message_of(path) == f"{path}: the member 'config.json' is there twice."


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    size = keras_archive.ALLOWANCE + 10**6
    path = packed(tmp_path, GOOD | {"model.weights.h5": bytes(size)}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(path) as archive:
        small = archive.getinfo("model.weights.h5").compress_size
    assert message_of(path) == (
        f"{path}: the member 'model.weights.h5' would have {size} bytes, and the file holds "
        f"{small} for it: more than 20 to 1. Pack it without compression, as Keras does."
    )


def test_a_member_that_is_larger_than_it_declares_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path, GOOD | {"config.json": b'{"a": 1}' * 50}, zipfile.ZIP_DEFLATED)
    data = path.read_bytes()
    path.write_bytes(data.replace((400).to_bytes(4, "little"), (9).to_bytes(4, "little")))
    assert "the member 'config.json'" in message_of(path)


def test_missing_members_and_no_archives_say_so(tmp_path: Path) -> None:
    path = packed(tmp_path, {"config.json": b"{}", "metadata.json": b"{}"})
    assert message_of(path) == f"{path}: expected a .keras file, and it has no model.weights.h5."
    path.write_bytes(b"no zip at all")
    assert message_of(path) == (
        f"{path}: expected a .keras file, and it is damaged: File is not a zip file."
    )
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("config.json", "{}" * 100)
    path.write_bytes(data.getvalue()[:-30])
    assert "and it is damaged" in message_of(path)
    (tmp_path / "metadata.json").mkdir()
    with pytest.raises(ValueError, match=r"metadata\.json: expected a file, and it is none"):
        read(tmp_path)
    with pytest.raises(FileNotFoundError) as caught:
        read(tmp_path / "none.keras")
    assert str(caught.value) == f"{tmp_path / 'none.keras'}: there is no such file."


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[1]", "c: expected a JSON object, got list."),
        ("{", "c: expected JSON: Expecting property name enclosed in double quotes: line 1 "
         "column 2 (char 1)."),
        (b"\xff", "c: expected JSON, and it is no text."),
        ('{"a": ' * 200, "c: expected at most 100 brackets in one another."),
        ('{"a": ' + "[" * 10**6, "c: expected at most 100 brackets in one another."),
    ],
)  # fmt: skip
def test_json_that_is_none_says_so(text: str | bytes, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        json_object(text, "c")
    assert str(caught.value) == message


def test_brackets_in_strings_do_not_count_and_quotes_take_no_time() -> None:
    held = {"a": '["{\\' * 300}
    assert json_object(json.dumps(held), "c") == held
    with pytest.raises(ValueError, match="expected JSON"):
        json_object('{"' + '\\"' * 200_000, "c")
    with pytest.raises(ValueError, match="expected JSON"):
        json_object('{"' + '\\"' * 200_000 + "\\", "c")


def test_an_archive_that_lost_bytes_is_told_by_its_name(tmp_path: Path) -> None:
    """The places in its table lie before the beginning of the file then."""
    path = packed(tmp_path, GOOD)
    whole = path.read_bytes()
    for count in (1, 8, 40):
        path.write_bytes(whole[:10] + whole[10 + count :])
        assert message_of(path).startswith(f"{path}: ")
