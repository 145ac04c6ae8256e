"""`jkeras.random` against Keras's draws, and what a seed may be."""

import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import random
from jkeras.utils import set_random_seed

GOLDEN = dict(np.load(pathlib.Path(__file__).parent / "golden" / "random.npz"))
AGAIN = "To regenerate: KERAS_BACKEND=jax python tests/golden/make_random.py"
CASES = sorted(set(GOLDEN) - {"keras_version"})


@pytest.mark.parametrize("case", CASES)
def test_draws_are_keras(case):
    got = eval(case, {**vars(random), "np": np})
    assert got.dtype == GOLDEN[case].dtype
    np.testing.assert_allclose(got, GOLDEN[case], rtol=1e-6, err_msg=AGAIN)


def test_every_function_has_a_case():
    text = " ".join(CASES)
    assert [name for name in random.__all__ if f"{name}(" not in text] == []


def test_a_key_is_a_seed():
    key = jax.random.key(1)
    np.testing.assert_array_equal(
        random.normal((3,), seed=key), jax.random.normal(key, (3,), jnp.float32)
    )


def test_without_seeds_draws_differ_and_follow_from_the_default_seed():
    set_random_seed(0)
    one, two = random.uniform((4,)), random.uniform((4,))
    set_random_seed(0)
    again = random.uniform((4,))
    assert (one == again).all()
    assert not (one == two).any()


def test_functions_work_inside_of_programs_with_a_key():
    dropped = jax.jit(lambda key: random.dropout(jnp.ones(8), 0.5, seed=key))(jax.random.key(0))
    assert set(dropped.tolist()) == {0.0, 2.0}


WRONG = [
    (
        lambda: jax.jit(lambda: random.normal((2,)))(),
        "normal: expected a `seed` inside a compiled program, got None: every run would draw the "
        "same numbers. Pass a key to the program: normal(..., seed=key).",
    ),
    (
        lambda: random.normal(3),
        "normal: `shape`: expected a tuple of sizes, got 3 (int). Write (3,).",
    ),
    (
        lambda: random.randint((3,), 0, 9, dtype="float32"),
        "randint: expected an integer `dtype`, got 'float32'.",
    ),
    (
        lambda: random.gamma((3,), 2.0, dtype="int32"),
        "gamma: expected a floating `dtype`, got 'int32'.",
    ),
    (
        lambda: random.normal((3,), std=2.0),
        "normal: unexpected argument `std`. Did you mean 'stddev'? "
        "Arguments: shape, mean, stddev, dtype, seed.",
    ),
    (
        lambda: random.uniform((3,), seed="a"),
        "uniform: `seed`: expected an integer, a key such as jax.random.key(0), or a "
        "SeedGenerator, got 'a' (str).",
    ),
    (
        lambda: random.uniform((3,), seed=-1),
        "uniform: `seed`: expected 0 to 2**32 - 1, got -1.",
    ),
    (
        lambda: random.uniform((3,), seed=jax.random.split(jax.random.key(0))),
        "uniform: `seed`: expected one key, such as jax.random.key(0), got an array of shape (2,) "
        "and dtype key<fry>.",
    ),
    (
        lambda: random.categorical(jnp.ones(3), 2, seed=0),
        "categorical: expected `logits` [batch, classes], got shape (3,). For one row: "
        "logits[None].",
    ),
    (
        lambda: random.dropout(jnp.ones(3), 1.5, seed=0),
        "dropout: expected `rate` from 0 to 1, got 1.5.",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_messages(call, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message
