"""Where things are kept, and that a file appears whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from jkeras.core.folders import atomic_write, cache_folder


@pytest.fixture
def bare_environment(monkeypatch):
    monkeypatch.delenv("JKERAS_HOME", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    return monkeypatch


def test_cache_folder_is_in_the_home_folder_by_default(bare_environment, tmp_path):
    bare_environment.setenv("HOME", str(tmp_path))
    assert cache_folder("a", "b") == tmp_path / ".cache" / "jkeras" / "a" / "b"


def test_xdg_cache_home_moves_it(bare_environment, tmp_path):
    bare_environment.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "jkeras"


def test_jkeras_home_comes_first_and_nothing_is_created(bare_environment, tmp_path):
    bare_environment.setenv("XDG_CACHE_HOME", "elsewhere")
    bare_environment.setenv("JKERAS_HOME", str(tmp_path / "home"))
    assert cache_folder("x") == tmp_path / "home" / "x"
    assert list(tmp_path.iterdir()) == []


def test_an_empty_variable_counts_as_unset(bare_environment, tmp_path):
    bare_environment.setenv("HOME", str(tmp_path))
    bare_environment.setenv("JKERAS_HOME", "")
    assert cache_folder() == tmp_path / ".cache" / "jkeras"


def test_a_tilde_is_the_home_folder(bare_environment, tmp_path):
    bare_environment.setenv("HOME", str(tmp_path))
    bare_environment.setenv("JKERAS_HOME", "~/mine")
    assert cache_folder() == tmp_path / "mine"


def test_atomic_write_makes_the_folder_and_the_file(tmp_path):
    path = tmp_path / "new" / "file.bin"
    atomic_write(path, lambda file: file.write(b"abc"))
    assert path.read_bytes() == b"abc"
    assert [p.name for p in path.parent.iterdir()] == ["file.bin"]


def test_the_old_file_is_there_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"

    atomic_write(str(path), write)
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, error):
    path = tmp_path / "file.bin"
    path.write_bytes(b"old")

    def write(file):
        file.write(b"half")
        raise error

    with pytest.raises(type(error)):
        atomic_write(path, write)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_can_be_read_back_while_it_is_written(tmp_path):
    def write(file):
        file.write(b"abc")
        file.seek(0)
        assert file.read() == b"abc"

    atomic_write(tmp_path / "f", write)


def test_the_file_has_the_permissions_of_any_new_file(tmp_path):
    atomic_write(tmp_path / "ours", lambda file: file.write(b"x"))
    Path(tmp_path, "theirs").write_bytes(b"x")
    assert os.stat(tmp_path / "ours").st_mode == os.stat(tmp_path / "theirs").st_mode
