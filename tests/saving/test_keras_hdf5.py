"""Keras's HDF5 files, read in plain Python: what h5py reads, and nothing that would hurt."""

import io
import random
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from jkeras.saving.keras_hdf5 import UNSAFE, datasets


def written(fill: Any, **options: Any) -> bytes:
    """The bytes of a file that h5py writes."""
    file = io.BytesIO()
    with h5py.File(file, "w", **options) as h5:
        fill(h5)
    return file.getvalue()


def two(h5: Any) -> None:
    h5["layers/dense/vars/0"] = np.arange(6, dtype=np.float32).reshape(2, 3)
    h5["layers/dense/vars/1"] = np.float32(7)


def message_of(data: bytes) -> str:
    with pytest.raises(ValueError) as caught:
        datasets(data, "f.h5")
    return str(caught.value)


@pytest.mark.parametrize(
    "dtype", ["float16", "float32", ">f4", "float64", "int8", "uint8", "int32", "int64", "bool"]
)
def test_every_number_is_read_as_by_h5py(dtype: str) -> None:
    arrays = [np.array(3).astype(dtype), np.arange(6).reshape(1, 2, 3).astype(dtype)]
    arrays.append(np.zeros((0, 4), dtype))

    def fill(h5: Any) -> None:
        for i, array in enumerate(arrays):
            h5[f"a/{i}"] = array

    found = datasets(written(fill), "f")
    for i, array in enumerate(arrays):
        assert found[f"a/{i}"].dtype == array.dtype
        np.testing.assert_array_equal(found[f"a/{i}"], array)


def test_many_groups_with_attributes_are_read() -> None:
    def fill(h5: Any) -> None:
        for i in range(300):
            h5[f"layers/dense_{i}/vars/0"] = np.float32(i)
            h5[f"layers/dense_{i}"].attrs["name"] = "n" * 50
        h5["layers"].attrs["long"] = "x" * 5000

    found = datasets(written(fill), "f")
    values = {f"layers/dense_{i}/vars/0": float(i) for i in range(300)}
    assert {name: float(array) for name, array in found.items()} == values


def test_the_arrays_are_views_of_the_bytes() -> None:
    data = written(two)
    array = datasets(data, "f")["layers/dense/vars/0"]
    assert not array.flags.owndata and not array.flags.writeable


def test_what_keras_does_not_write_is_refused(tmp_path: Path) -> None:
    elsewhere = str(tmp_path / "x.bin")
    Path(elsewhere).write_bytes(b"12345678")

    def soft(h5: Any) -> None:
        h5["a"] = h5py.SoftLink("/b")

    def external(h5: Any) -> None:
        h5["a"] = h5py.ExternalLink("other.h5", "/b")

    def packed(h5: Any) -> None:
        h5.create_dataset("a", data=np.zeros(1000), compression="gzip")

    def chunked(h5: Any) -> None:
        h5.create_dataset("a", data=np.zeros(10), chunks=(5,))

    def outside(h5: Any) -> None:
        h5.create_dataset("a", (2,), "f4", external=[(elsewhere, 0, 8)])

    def virtual(h5: Any) -> None:
        layout = h5py.VirtualLayout((2,), "f4")
        layout[:] = h5py.VirtualSource("other.h5", "b", (2,))
        h5.create_virtual_dataset("a", layout)

    def text(h5: Any) -> None:
        h5["a"] = "words"

    fix = f"Load the file in Keras and save it again. {UNSAFE}"
    refused = {
        soft: "f.h5: expected what Keras writes, got a link instead of an object under 'a'.",
        packed: "f.h5: entry 'a': expected what Keras writes, got compressed data.",
        chunked: "f.h5: entry 'a': expected what Keras writes, got data in chunks or of a newer "
        "form (3, 2).",
        outside: "f.h5: entry 'a': expected what Keras writes, got data in another file.",
        text: "f.h5: entry 'a': expected what Keras writes, got a dtype of class 9 and 16 bytes, "
        "which is no number.",
    }
    for fill, expected in refused.items():
        assert message_of(written(fill)) == f"{expected} {fix}"
    for fill in (external, virtual):
        assert message_of(written(fill)).endswith(fix)
    newer = message_of(written(two, libver="latest"))
    assert newer.startswith("f.h5: expected what Keras writes, got version 3 of the format's")


def test_an_object_under_two_names_is_refused() -> None:
    def fill(h5: Any) -> None:
        h5["a"] = np.zeros(2)
        h5["b"] = h5["a"]

    assert "is referred to twice." in message_of(written(fill))


def test_deep_groups_and_long_paths_are_refused() -> None:
    deep = message_of(written(lambda h5: h5.create_group("/".join("a" * 70))))
    assert "got more than 64 groups in one another." in deep
    long = message_of(written(lambda h5: h5.create_group("a" * 600 + "/" + "b" * 600)))
    assert "a path is longer than 1024 bytes, or has no end." in long


def test_a_shape_larger_than_the_file_is_refused() -> None:
    data = written(lambda h5: h5.create_dataset("a", data=np.arange(3, dtype=np.uint8)))
    shape = struct.pack("<Q", 3)
    at = [i for i in range(len(data)) if data[i : i + 8] == shape]
    messages = set()
    for i in at:
        changed = data[:i] + struct.pack("<Q", 10**12) + data[i + 8 :]
        try:
            datasets(changed, "f.h5")
        except ValueError as error:
            messages.add(str(error))
    assert any(
        "its shape (1000000000000,) needs 1000000000000 bytes, more than" in m for m in messages
    )


def test_no_file_and_half_a_file_say_so() -> None:
    assert message_of(b"PK\3\4") == ("f.h5: expected an HDF5 file, and it does not begin like one.")
    data = written(two)
    half = message_of(data[: len(data) // 2])
    assert half == (
        f"f.h5: the file is damaged at its beginning: it should have {len(data)} bytes and has "
        f"{len(data) // 2}: it is cut short."
    )


def test_damaged_files_give_an_error_or_arrays() -> None:
    data = written(two)
    draw = random.Random(0)
    ends = set()
    for _ in range(600):
        changed = bytearray(data)
        for _ in range(draw.choice((1, 2, 8))):
            changed[draw.randrange(len(data))] = draw.choice((0, 1, 128, 255))
        try:
            found = datasets(bytes(changed), "f.h5")
            assert sum(array.nbytes for array in found.values()) <= len(data)
            ends.add("arrays")
        except ValueError as error:
            assert str(error).startswith("f.h5: ")
            ends.add("error")
    assert ends == {"arrays", "error"}


def test_an_empty_array_with_axes_beyond_counting_is_refused() -> None:
    def fill(h5: Any) -> None:
        h5["vars/0"] = np.zeros((0, 77), np.float32)

    right = written(fill)
    assert datasets(right, "f.h5")["vars/0"].shape == (0, 77)
    wrong = right.replace(struct.pack("<QQ", 0, 77), struct.pack("<QQ", 0, 2**63), 1)
    assert message_of(wrong) == (
        "f.h5: the file is damaged at entry 'vars/0': it has the shape (0, 9223372036854775808)."
    )
