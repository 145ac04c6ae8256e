"""Initializers that draw, against Keras's draws: number for number, and as distributions."""

import json
import math
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import ks_2samp

from jkeras.ops import initializers
from jkeras.ops.random_initializers import (
    GlorotUniform,
    HeNormal,
    Orthogonal,
    RandomInitializer,
    VarianceScaling,
    fans,
)
from tests.tolerances import near

GOLDEN = dict(np.load(pathlib.Path(__file__).parents[1] / "golden" / "ops.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_ops.py"
CASES = [key for key in GOLDEN if key.startswith("initializers|") and '"seed"' in key]
FANS = [key for key in GOLDEN if key.startswith("fans|")]


def parts(case):
    """The initializer without its seed, the seed, and the shape, from a golden name."""
    _, name, arguments, shape = case.split("|")
    arguments = json.loads(arguments)
    seed = arguments.pop("seed")
    return getattr(initializers, name)(**arguments), seed, tuple(json.loads(shape))


@pytest.mark.parametrize("case", CASES)
def test_a_seed_gives_the_numbers_of_keras(case):
    initializer, seed, shape = parts(case)
    got = initializer.replace(seed=seed)(shape)
    np.testing.assert_allclose(got, GOLDEN[case], **near("values", 0.0), err_msg=AGAIN)


@pytest.mark.parametrize("case", CASES)
def test_any_key_gives_the_distribution_of_keras(case):
    initializer, _, shape = parts(case)
    got, want = initializer(shape, key=jax.random.key(5)), GOLDEN[case]
    assert ks_2samp(np.ravel(got), want.ravel()).pvalue > 0.01
    assert math.isclose(float(jnp.var(got)), float(want.var()), rel_tol=0.15)


def test_every_class_with_a_seed_has_golden_values():
    names = {cls.__name__ for cls in initializers.TABLE.values() if hasattr(cls, "seed")}
    assert {case.split("|")[1] for case in CASES} == names


@pytest.mark.parametrize("case", FANS)
def test_fans_are_keras(case):
    assert fans(json.loads(case.split("|")[-1])) == tuple(GOLDEN[case])


def test_fans_over_named_axes():
    assert fans((2, 3, 5), input_axes=[1], output_axes=[0, 2]) == (3, 10)
    assert fans((2, 3, 5), input_axes=[1]) == (6, 10)


def test_a_seed_beats_the_key_and_keys_differ():
    seeded, free = HeNormal(seed=3), HeNormal()
    first, second = jax.random.key(1), jax.random.key(2)
    assert seeded((4, 4), key=first).tolist() == seeded((4, 4)).tolist()
    assert free((4, 4), key=first).tolist() == free((4, 4), key=first).tolist()
    assert free((4, 4), key=first).tolist() != free((4, 4), key=second).tolist()


def test_a_seed_does_not_depend_on_the_default_kind_of_key():
    want = HeNormal(seed=3)((4, 4)).tolist()
    with jax.default_prng_impl("rbg"):
        assert HeNormal(seed=3)((4, 4)).tolist() == want


def test_bfloat16_numbers_are_the_float32_numbers_rounded():
    exact = GlorotUniform(seed=0)((8, 8))
    rounded = GlorotUniform(seed=0)((8, 8), "bfloat16")
    assert rounded.tolist() == exact.astype(jnp.bfloat16).tolist()


@pytest.mark.parametrize("shape", [(6, 3), (3, 6), (2, 3, 4)])
def test_orthogonal_is_orthogonal(shape):
    matrix = np.asarray(Orthogonal(gain=2.0, seed=0)(shape)).reshape(-1, shape[-1])
    short = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(short @ short.T, 4 * np.eye(len(short)), atol=1e-5)


def test_named_initializers_are_variance_scaling():
    assert isinstance(HeNormal(), VarianceScaling)
    same = VarianceScaling(2.0, "fan_in", "truncated_normal", seed=4)
    assert HeNormal(4)((3, 3, 2, 4)).tolist() == same((3, 3, 2, 4)).tolist()
    assert repr(HeNormal(4)) == "HeNormal(seed=4)"


class Empty(RandomInitializer):
    """A subclass that forgot its method."""


def test_a_subclass_without_draw_says_so():
    with pytest.raises(NotImplementedError) as caught:
        Empty()((2,), key=jax.random.key(0))
    assert str(caught.value) == (
        "Empty: expected a method `draw(self, key, shape, dtype)` that returns an array, "
        "and the class defines none."
    )
