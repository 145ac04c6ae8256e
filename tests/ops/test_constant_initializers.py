"""Initializers without randomness against Keras's numbers."""

import json
import pathlib

import numpy as np
import pytest

from jkeras.ops import initializers
from jkeras.ops.constant_initializers import STFT, Constant, FrozenArray, Ones
from tests.tolerances import near

GOLDEN = dict(np.load(pathlib.Path(__file__).parents[1] / "golden" / "ops.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_ops.py"
CASES = [
    key for key in GOLDEN if key.startswith("initializers|") and "seed" not in key.split("|")[2]
]


@pytest.mark.parametrize("case", CASES)
def test_values_are_keras(case):
    _, name, arguments, shape = case.split("|")
    initializer = getattr(initializers, name)(**json.loads(arguments))
    got = initializer(json.loads(shape))
    np.testing.assert_allclose(got, GOLDEN[case], **near("values", 0.0), err_msg=AGAIN)


def test_every_class_without_seed_has_golden_values():
    names = {cls.__name__ for cls in initializers.TABLE.values() if not hasattr(cls, "seed")}
    assert {case.split("|")[1] for case in CASES} == names


def test_integers_and_booleans_keep_their_dtype():
    assert Ones()((2,), "int32").dtype == "int32"
    assert Constant(True)((2,), bool).tolist() == [True, True]
    assert Constant(np.int64(7))((1,), "int32").tolist() == [7]


def test_stft_repeats_the_wave_for_each_channel():
    one, two = STFT()((8, 1, 5)), STFT()((8, 2, 5))
    np.testing.assert_array_equal(two, np.repeat(one, 2, axis=1))


def test_a_frozen_array_is_the_array():
    array = np.array([[1.5, 2.0]], np.float16)
    frozen = FrozenArray.of(array)
    assert (frozen.shape, frozen.dtype) == ((1, 2), "float16")
    np.testing.assert_array_equal(frozen.numpy(), array)
    assert frozen == FrozenArray.of(array.copy()) and frozen != FrozenArray.of(array.T)
