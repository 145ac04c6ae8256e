"""Weights as msgpack: Flax's trees are read, and nothing in a file is believed or run."""

import pickle
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import msgpack
import numpy as np
import pytest
from flax import serialization

from jkeras.saving.msgpack_files import read_named, write_named

ARRAYS = {
    "params/kernel": np.arange(6, dtype=np.float32).reshape(2, 3),
    "params/bias": np.ones(3, jnp.bfloat16),
    "state/count": np.int32(3) * np.ones((), np.int32),
    "state/none": np.ones((0, 2), np.uint8),
}


def same(found: dict[str, Any], arrays: dict[str, Any]) -> bool:
    """Whether two tables of arrays are equal to the last bit."""
    return found.keys() == arrays.keys() and all(
        found[name].dtype == array.dtype
        and found[name].shape == array.shape
        and found[name].tobytes() == array.tobytes()
        for name, array in arrays.items()
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file that holds `ARRAYS`."""
    write_named(tmp_path / "w.msgpack", ARRAYS)
    return tmp_path / "w.msgpack"


def test_arrays_come_back(path: Path) -> None:
    assert same(read_named(path), ARRAYS)
    content = serialization.msgpack_restore(path.read_bytes())
    assert same(content["weights"], ARRAYS)


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    for place in range(len(whole)):
        bit = 1 << place % 8
        whole[place] ^= bit
        path.write_bytes(whole)
        whole[place] ^= bit
        try:
            assert same(read_named(path), ARRAYS), place  # Flax's two kinds of arrays read alike
        except ValueError as error:
            assert str(error).startswith(f"{path}: expected weights, and the file is damaged: ")


def test_a_file_without_checksums_is_read(tmp_path: Path) -> None:
    path = tmp_path / "w.msgpack"
    content = {"format": "jkeras-weights-1", "weights": dict(ARRAYS)}
    path.write_bytes(serialization.msgpack_serialize(content))
    assert same(read_named(path), ARRAYS)


def test_trees_of_flax_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serialization, "MAX_CHUNK_SIZE", 16)  # arrays are written in pieces
    tree = {
        "params": {"Dense_0": {"kernel": np.ones((3, 4)), "layers": [np.zeros(2), np.int8(1)]}},
        "batch_stats": {},
        "step": 3,
        "nothing": None,
    }
    path = tmp_path / "flax.msgpack"
    path.write_bytes(serialization.to_bytes(tree))
    assert same(
        read_named(path),
        {
            "params/Dense_0/kernel": np.ones((3, 4)),
            "params/Dense_0/layers/0": np.zeros(2),
            "params/Dense_0/layers/1": np.ones((), np.int8),
            "step": np.asarray(3),
        },
    )


def test_numbers_as_keys_are_words(tmp_path: Path) -> None:
    path = tmp_path / "nnx.msgpack"
    path.write_bytes(serialization.msgpack_serialize({"layers": {0: {"bias": np.ones(2)}}}))
    assert list(read_named(path)) == ["layers/0/bias"]


class Bomb:
    """Says so when it is unpickled."""

    exploded = False

    def __reduce__(self) -> tuple[Any, tuple[()]]:
        return Bomb.explode, ()

    @staticmethod
    def explode() -> None:
        Bomb.exploded = True


def array(*parts: Any, code: int = 1) -> bytes:
    """A file with one array of these parts: shape, dtype, bytes."""
    return msgpack.packb({"a": msgpack.ExtType(code, msgpack.packb(parts))})


CODE = pickle.dumps(Bomb())
FIRST = {"format": "jkeras-weights-1"}
CHUNKED = {"__msgpack_chunked_array__": True}
ONE = msgpack.ExtType(1, msgpack.packb([[1], "float32", b"\0" * 4]))
BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "Unpack failed: incomplete input"),
    "pickle": (CODE, "unpack(b) received extra data."),
    "list": (msgpack.packb([1]), "it holds [1] (list)."),
    "long_list": (msgpack.packb([0] * 1025), "1025 exceeds max_array_len(1024)"),
    "other_format": (
        msgpack.packb({"format": "x", "weights": {}}),
        "expected the format 'jkeras-weights-2', got 'x'.",
    ),
    "no_weights": (msgpack.packb(FIRST), "expected a table of weights, got None (NoneType)."),
    "no_checksums": (
        msgpack.packb({"format": "jkeras-weights-2", "weights": {"a": ONE}}),
        "its checksums are those of other arrays.",
    ),
    "wrong_checksum": (
        msgpack.packb({"format": "jkeras-weights-2", "weights": {"a": ONE}, "crc32": {"a": "0"}}),
        "the bytes of 'a' do not have their checksum.",
    ),
    "word": (msgpack.packb({"a": {"b": "c"}}), "expected an array under 'a/b', got 'c' (str)."),
    "key": (msgpack.packb({b"a": 1}), "expected strings as keys, got b'a' (bytes)."),
    "twice": (b"\x82\xa1a\x01\xa1a\x02", "a name stands in it twice."),
    "object": (array([1], "object", CODE), "an array has the dtype b'object'."),
    "numpy_scalar": (array([1], "object", CODE, code=3), "an array has the dtype b'object'."),
    "complex": (array(1.0, 2.0, code=2), "expected arrays, got the extension 2."),
    "parts": (array([1], "float32"), "an array is not the three parts that it should be."),
    "too_large": (
        array([1 << 40], "float32", b"1234"),
        "an array has the shape [1099511627776] and dtype float32, but 4 bytes.",
    ),
    "overflow": (
        array([1 << 62, 0], "float32", b""),
        "an array has the shape [4611686018427387904, 0] (list), which no array has.",
    ),
    "negative": (array([-1], "float32", b"1234"), "an array has the shape [-1] (list)."),
    "pieces": (msgpack.packb({"a": CHUNKED}), "expected a shape and pieces under 'a'."),
    "no_pieces": (
        msgpack.packb({"a": {**CHUNKED, "shape": {"0": 1}, "chunks": {"0": 1}}}),
        "expected arrays as the pieces of 'a'.",
    ),
    "shape_of_pieces": (
        msgpack.packb({"a": {**CHUNKED, "shape": {"0": 9}, "chunks": {"0": ONE}}}),
        "has the shape [9] and dtype float32, but 4 bytes.",
    ),
    "deep": (
        b"\x81\xa1a" * 200 + b"\x01",
        "expected at most 100 levels, got more.",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_other_content_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "w.msgpack"
    data, message = BAD[kind]
    path.write_bytes(data)
    with pytest.raises(ValueError) as caught:
        read_named(path)
    assert str(caught.value) == f"{path}: expected weights, and the file is damaged: {message}"
    assert not Bomb.exploded


@pytest.mark.parametrize(
    "data",
    [
        b"\xdd\x7f\xff\xff\xff",  # a list of two billion
        b"\xdf\x7f\xff\xff\xff" + b"\xa1a\x01" * 9,  # a table of two billion
        b"\x91" * 100_000,
        b"\x81\xa1a" * 100_000,
        b"\xdc\x03\xff" * 1000,  # lists in lists, each of a thousand
        b"\xc6\x7f\xff\xff\xff\0",  # two gigabytes
        b"\xd6\xff\0\0\0\0",  # a time
        b"\xa2\xff\xff",  # no UTF-8
    ],
)
def test_bombs_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "w.msgpack"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="expected weights, and the file is damaged: "):
        read_named(path)
