"""The safetensors format: both ways with the library, and every damage is said."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.saving.safetensors_files import code_of, read_arrays, write_arrays
from tests.saving.equality import same

NAMES = ["bool", "uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64"]
NAMES += ["float8_e4m3fn", "float8_e5m2", "float8_e8m0fnu", "float16", "bfloat16", "float32"]
NAMES += ["float64", "complex64"]
ARRAYS = {
    f"{name}/{shape}": np.ones(shape, jnp.dtype(name))
    for name in NAMES
    for shape in [(), (0, 3), (2, 3)]
}


def header(content: Any, data: bytes = b"") -> bytes:
    """A file with this header."""
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(shape: Any, begin: Any, end: Any, dtype: Any = "F32") -> dict[str, Any]:
    """What a header says of an array."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def test_every_dtype_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"author": "é"})
    found, metadata = read_arrays(path)
    assert metadata == {"author": "é"}
    assert sorted(found) == sorted(ARRAYS)
    assert all(same(found[name], ARRAYS[name]) for name in ARRAYS)
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.dictionaries(st.text(max_size=4), st.sampled_from(sorted(ARRAYS)), max_size=4))
def test_any_names_come_back(tmp_path_factory: pytest.TempPathFactory, names: Any) -> None:
    path = tmp_path_factory.getbasetemp() / "names.safetensors"
    arrays = {name: ARRAYS[key] for name, key in names.items()}
    write_arrays(path, arrays)
    found, _ = read_arrays(path)
    assert found.keys() == arrays.keys()
    assert all(same(found[name], arrays[name]) for name in arrays)


def test_arrays_are_written_in_order_wherever_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    turned = np.arange(6, dtype=np.int32).reshape(2, 3).T
    write_arrays(path, {"t": turned, "b": turned.astype(">i4"), "j": jnp.arange(3.0)})
    found, _ = read_arrays(path)
    assert found["t"].tolist() == found["b"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["j"].tolist() == [0, 1, 2]
    assert found["b"].dtype == np.dtype("<i4")


def test_every_array_begins_where_its_items_may(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"a": np.ones(3, np.int8), "b": np.ones(3), "c": np.ones(1, np.float16)})
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    places = json.loads(data[8 : 8 + length])
    assert length % 8 == 0
    assert {n: places[n]["data_offsets"] for n in "abc"} == {
        "b": [0, 24],
        "c": [24, 26],
        "a": [26, 29],
    }


def test_the_library_reads_what_is_written_here(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"by": "jkeras"})
    with safetensors.safe_open(path, "numpy") as file:
        assert file.metadata()["by"] == "jkeras"
        assert sorted(file.keys()) == sorted(ARRAYS)
        for name in ["float32/(2, 3)", "bfloat16/(2, 3)", "int64/()", "bool/(0, 3)"]:
            assert same(file.get_tensor(name), ARRAYS[name])


def test_what_the_library_writes_is_read_here(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    arrays = {n: a for n, a in ARRAYS.items() if not n.startswith(("float8_e8", "complex"))}
    safetensors.numpy.save_file(arrays, path, {"by": "the library"})
    found, metadata = read_arrays(path)
    assert metadata == {"by": "the library"}
    assert found.keys() == arrays.keys()
    assert all(same(found[name], arrays[name]) for name in arrays)


def test_the_library_may_write_a_file_of_ours_again(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"z": np.ones(3), "a": np.zeros(2, np.int8)}, {"by": "jkeras"})
    with safetensors.safe_open(path, "numpy") as file:
        metadata = file.metadata()
    safetensors.numpy.save_file(safetensors.numpy.load_file(path), path, metadata)
    found, metadata = read_arrays(path)
    assert metadata == {"by": "jkeras"}
    assert found["z"].tolist() == [1, 1, 1]


def test_every_flipped_bit_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"kernel": np.ones((2, 2), np.float32), "n": np.int8(1)}, {"by": "me"})
    whole = bytearray(path.read_bytes())
    padding = whole.rindex(b"}", 0, len(whole) - 17)
    for place in range(len(whole)):
        if padding < place < len(whole) - 17:
            continue  # spaces between the header and the arrays
        bit = 1 << place % 7
        whole[place] ^= bit
        path.write_bytes(whole)
        whole[place] ^= bit
        with pytest.raises(ValueError, match="expected a whole file of the safetensors format"):
            read_arrays(path)


def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"kernel": np.ones((2, 2), np.float32), "n": np.int8(1)})
    whole = path.read_bytes()
    for length in [*range(0, len(whole), 7), len(whole) - 1]:
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=f"^{path}: expected a whole file of the safetensors"):
            read_arrays(path)


FLOATS = np.ones(2, np.float32).tobytes()
HEADER = "its header is damaged ("
JSON = "invalid JSON in header: "
BAD: list[tuple[bytes, str]] = [
    (b"\0\0\0", f"{HEADER}header too small)."),
    (b"\xff" * 10, f"{HEADER}header too large)."),
    (header(b"x"), f"{HEADER}{JSON}expected value at line 1 column 1)."),
    (header(b'{"a":1,"a":1}'), f"{HEADER}{JSON}invalid type: integer `1`, expected struct "),
    (header(b'{"a":NaN}'), f"{HEADER}{JSON}expected value at line 1 column 6)."),
    (header([1]), f"{HEADER}{JSON}invalid type: sequence, expected struct HashMetadata"),
    (
        header({"__metadata__": {"a": 1}}),
        f"{HEADER}{JSON}invalid type: integer `1`, expected a string at line 1 column 24).",
    ),
    (header({"a": 3}), f"{HEADER}{JSON}invalid type: integer `3`, expected struct TensorInfo"),
    (
        header({"a": entry([2, -1], 0, 8)}, FLOATS),
        f"{HEADER}{JSON}invalid value: integer `-1`, expected usize",
    ),
    (
        header({"a": entry([True], 0, 8)}, FLOATS),
        f"{HEADER}{JSON}invalid type: boolean `true`, expected usize",
    ),
    (
        header({"a": entry([0, 2**62], 0, 0)}),
        "'a' has the shape [0, 4611686018427387904] (list), which no array has.",
    ),
    (header({"a": entry([1] * 33, 0, 4)}, FLOATS[:4]), "'a' has the shape [1, 1, 1, "),
    (
        header({"a": entry([2], 0, 8.0)}, FLOATS),
        f"{HEADER}{JSON}invalid type: floating point `8.0`, expected usize",
    ),
    (
        header({"a": entry([3], 0, 8)}, FLOATS),
        f"{HEADER}invalid shape, data type, or offset for tensor).",
    ),
    (header({"a": entry([2], 8, 0)}, FLOATS), f"{HEADER}invalid offset for tensor `a`)."),
    (
        header({"a": entry([10**12], 0, 4 * 10**12)}, FLOATS),
        f"{HEADER}incomplete metadata, file not fully covered).",
    ),
    (header({"a": entry([1], 4, 8)}, FLOATS), f"{HEADER}invalid offset for tensor `a`)."),
    (
        header({"a": entry([1], 0, 4), "b": entry([2], 0, 8)}, FLOATS),
        f"{HEADER}invalid offset for tensor `b`).",
    ),
    (
        header({"a": entry([1], 0, 4)}, FLOATS),
        f"{HEADER}incomplete metadata, file not fully covered).",
    ),
]


@pytest.mark.parametrize(("content", "problem"), BAD)
def test_a_bad_header_is_refused(tmp_path: Path, content: bytes, problem: str) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError) as caught:
        read_arrays(path)
    assert str(caught.value).startswith(
        f"{path}: expected a whole file of the safetensors format, but {problem}"
    )


def test_a_file_that_is_replaced_while_it_is_opened_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"old": np.ones(3)})
    safe_open = safetensors.safe_open

    def replaced_before(*args: Any, **kwargs: Any) -> Any:
        monkeypatch.setattr(safetensors, "safe_open", safe_open)
        write_arrays(path, {"new": np.zeros(5)})
        return safe_open(*args, **kwargs)

    monkeypatch.setattr(safetensors, "safe_open", replaced_before)
    arrays, _ = read_arrays(path)
    assert list(arrays) == ["new"] and arrays["new"].tolist() == [0] * 5


def test_two_files_of_the_same_arrays_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_arrays(tmp_path / name, ARRAYS, {"by": "me", "format": "x", "more": "y"})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_unknown_dtypes_and_nests_without_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(header({"a": entry([2], 0, 1, "F4")}, b"\0"))
    with pytest.raises(ValueError, match=r"'a' has the dtype 'F4'. Known: BOOL, U8, "):
        read_arrays(path)
    for content in [
        b'{"a":' * 100_000,
        b"[" * 900 + b"]" * 900,
        b'{"a":' * 800 + b"1" + b"}" * 800,
    ]:
        path.write_bytes(header(content))
        with pytest.raises(ValueError, match="expected a whole file of the safetensors format"):
            read_arrays(path)


def test_checksums_of_other_arrays_are_refused(tmp_path: Path) -> None:
    import zlib

    path = tmp_path / "a.safetensors"
    for crcs in ["{}", "[", "[" * 100_000, '{"b": 3}', '{"a": 3}']:
        words = {"crc32": crcs}
        crc = f"{zlib.crc32(json.dumps(words, sort_keys=True).encode()):08x}"
        words["crc32_of_metadata"] = crc
        path.write_bytes(header({"__metadata__": words, "a": entry([2], 0, 8)}, FLOATS))
        with pytest.raises(ValueError, match=r"(its checksums are those|'a' is damaged: its)"):
            read_arrays(path)


def test_what_cannot_be_written_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"a": np.ones(2)})
    known = ", ".join(NAMES)
    with pytest.raises(TypeError) as kind:
        write_arrays(path, {"b": np.ones(2, np.complex128)})
    assert str(kind.value) == (
        f"{path}: 'b': expected a dtype that files can hold ({known}), got complex128."
    )
    for arrays, words, name in [
        ({"__metadata__": np.ones(2)}, {}, "__metadata__"),
        ({}, {"crc32": ""}, "crc32"),
    ]:
        with pytest.raises(ValueError) as content:
            write_arrays(path, arrays, words)
        assert str(content.value) == (
            f"{path}: expected another name than {name!r}, which the format keeps."
        )
    assert list(read_arrays(path)[0]) == ["a"]
    assert [file.name for file in tmp_path.iterdir()] == ["a.safetensors"]


def test_dtypes_without_a_word_are_refused() -> None:
    for dtype in [jnp.int4, "datetime64[s]", object, "<U3", jax.random.key(0).dtype]:
        with pytest.raises(TypeError, match="expected a dtype that files can hold"):
            code_of(dtype)
