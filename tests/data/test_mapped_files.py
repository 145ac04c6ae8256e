"""Memory-mapped arrays: the length of the file is checked, for views of every kind."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jkeras.data.mapped_files import ShrunkenFile, check_files, in_memory, mapped_array

HEADER = 128
ROW = 4 * 100


@pytest.fixture
def path(tmp_path: Path) -> Path:
    np.save(tmp_path / "data.npy", np.arange(1000, dtype="float32").reshape(10, 100))
    return tmp_path / "data.npy"


VIEWS: dict[str, tuple[Callable[[Any], Any], int]] = {
    "whole": (lambda a: a, 10 * ROW),
    "first rows": (lambda a: a[:5], 5 * ROW),
    "as plain NumPy": (lambda a: np.asarray(a)[2:5], 5 * ROW),
    "backwards": (lambda a: a[6::-1], 7 * ROW),
    "reshaped": (lambda a: a[:4].reshape(2, 2, 100), 4 * ROW),
    "a column": (lambda a: a[:3, 7], 2 * ROW + 32),
}


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_needs_its_part_of_the_file(name: str, path: Path) -> None:
    view_fn, needed = VIEWS[name]
    view = view_fn(np.load(path, mmap_mode="r"))
    os.truncate(path, HEADER + needed)
    check_files({"x": view})
    assert in_memory((view,))[0].tolist() == view.tolist()
    os.truncate(path, HEADER + needed - 1)
    with pytest.raises(ShrunkenFile) as caught:
        check_files({"x": (view,)})
    assert str(caught.value) == (
        f"`x/0`: its file {str(path)!r} has shrunk: expected at least {HEADER + needed} bytes, as "
        f"when it was opened, got {HEADER + needed - 1}. Write data to a new file, and rename it "
        "when it is complete."
    )
    with pytest.raises(ShrunkenFile):
        in_memory({"x": view})


def test_what_is_in_memory_has_no_file(path: Path) -> None:
    array = np.load(path, mmap_mode="r")
    copies = [array * 2, np.array(array), array.astype("float64"), in_memory(array), np.ones(3)]
    assert (
        all(mapped_array(copy) is None for copy in copies) and mapped_array(array[1:]) is not None
    )
    os.truncate(path, 0)
    check_files(copies)


def test_a_file_that_is_removed_or_replaced_is_still_there(path: Path) -> None:
    array = np.load(path, mmap_mode="r")
    other = path.with_name("other.npy")
    np.save(other, np.zeros(1))
    os.replace(other, path)
    check_files({"x": array})
    os.remove(path)
    check_files({"x": array})
    assert float(array[9, 99]) == 999
