"""Groups of weights in Keras's `.weights.h5`."""

import io
from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.saving.keras_h5 import Group, in_order, read, read_bytes, write

GROUPS = [
    Group("", "net"),
    Group("layers/dense", "first", (np.ones((2, 3), np.float32), np.float32(2))),
    Group("layers/half", None, (jnp.arange(3, dtype=jnp.bfloat16),)),
]


def written() -> bytes:
    file = io.BytesIO()
    write(file, GROUPS)
    return file.getvalue()


def test_what_is_written_is_read() -> None:
    found = read(written(), "f")
    assert set(found) == {"layers/dense", "layers/half"}
    kernel, scalar = in_order(found["layers/dense"]) or []
    np.testing.assert_array_equal(kernel, np.ones((2, 3)))
    assert (scalar.shape, scalar.dtype, float(scalar)) == ((), np.float32, 2.0)
    assert found["layers/half"]["0"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(found["layers/half"]["0"], np.arange(3))


def test_names_and_marks_are_where_keras_has_them() -> None:
    with h5py.File(io.BytesIO(written())) as h5:
        assert h5["vars"].attrs["name"] == "net"
        assert h5["layers/dense/vars"].attrs["name"] == "first"
        assert not h5["layers/half/vars"].attrs.keys()
        assert h5["layers/half/vars/0"].attrs["dtype"] == "bfloat16"


def test_the_older_form_is_refused_with_what_to_do() -> None:
    file = io.BytesIO()
    with h5py.File(file, "w") as h5:
        h5["dense/dense/kernel:0"] = np.zeros(2)
    with pytest.raises(ValueError) as caught:
        read(file.getvalue(), "old.h5")
    assert str(caught.value) == (
        "old.h5: expected weights as Keras 3 writes them to '.weights.h5', with arrays under "
        "'vars', got 'dense/dense/kernel:0': the older '.h5' form. Load it in Keras, and save it "
        "by model.save_weights('name.weights.h5'). If you trust who wrote the file, h5py reads it "
        "with safe_mode=False."
    )


def test_arrays_under_other_names_have_no_order() -> None:
    zero = np.zeros(1)
    assert in_order({"1": zero, "0": zero + 1}) == [zero + 1, zero]
    assert in_order({"0": zero, "2": zero}) is None
    assert in_order({}) == []


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        read_bytes(tmp_path)
    assert str(caught.value) == f"{tmp_path}: expected a file, and it is none."
