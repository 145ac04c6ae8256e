"""Bits and keys of the host against `jax.random`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core import host_random
from jkeras.ops import initializers

SEEDS = (0, 1, 2**32 - 1)


def uniform(key, shape, low, high):
    return jax.random.uniform(key, shape, jnp.float32, low, high)


def normal(key, shape, stddev, mean):
    return jax.random.normal(key, shape, jnp.float32) * stddev + mean


def truncated_normal(key, shape, stddev, mean):
    return jax.random.truncated_normal(key, -2.0, 2.0, shape, jnp.float32) * stddev + mean


CASES = {uniform: (-0.3, 0.7), normal: (0.3, 0.0), truncated_normal: (0.3, 0.1)}


@pytest.mark.parametrize("seed", SEEDS)
def test_keys_are_those_of_jax(seed):
    key = host_random.key_of_seed(seed)
    assert key == jax.random.key(seed)
    for number in (0, 1, 2**32 - 1):
        folded = jax.random.fold_in(key, np.uint32(number))
        assert host_random.fold_in(key, number) == folded
    raw = jax.random.PRNGKey(seed)
    np.testing.assert_array_equal(host_random.fold_in(raw, 5), jax.random.fold_in(raw, 5))


@pytest.mark.parametrize("shape", [(), (0,), (5,), (64, 2), (3, 40, 500)])
def test_bits_are_those_of_jax(shape):
    key = jax.random.key(7)
    expected = jax.random.bits(key, shape, "uint32")
    np.testing.assert_array_equal(host_random.bits(key, shape), expected)


@pytest.mark.parametrize("expected_fn", CASES)
@pytest.mark.parametrize("size", [1, host_random.CHUNK, 2 * host_random.CHUNK + 3])
def test_numbers_are_those_of_one_program_for_the_shape(expected_fn, size):
    key, parameters = jax.random.key(3), CASES[expected_fn]
    program = jax.jit(lambda key, *numbers: expected_fn(key, (size,), *numbers))
    expected = program(key, *map(np.float32, parameters))
    got = host_random.drawn(getattr(host_random, expected_fn.__name__), key, (size,), *parameters)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("numbers_fn", [host_random.uniform, host_random.truncated_normal])
def test_no_number_lies_outside(numbers_fn):
    ends = jnp.array([0, 2**32 - 1], jnp.uint32)
    numbers = numbers_fn(ends, np.float32(0.5), np.float32(3))
    low, high = (0.5, 3) if numbers_fn is host_random.uniform else (2, 4)
    assert low <= numbers[0] < numbers[1] < high


def test_other_generators_and_traced_keys_are_left_to_jax():
    other = jax.random.key(0, impl="rbg")
    assert host_random.drawn(host_random.uniform, other, (3,), 0.0, 1.0) is None
    assert host_random.fold_in(other, 1) == jax.random.fold_in(other, 1)
    inside = jax.jit(lambda key: host_random.fold_in(key, 1))(jax.random.key(0))
    assert inside == jax.random.fold_in(jax.random.key(0), 1)
    with jax.threefry_partitionable(False):
        assert host_random.drawn(host_random.uniform, jax.random.key(0), (3,), 0.0, 1.0) is None
        expected = jax.random.bits(jax.random.key(0), (3,), "uint32")
        np.testing.assert_array_equal(host_random.bits(jax.random.key(0), (3,)), expected)


def test_a_large_weight_is_drawn_by_a_program_of_its_own(monkeypatch):
    monkeypatch.setattr(host_random, "MOST", 10)
    initializer, key = initializers.HeNormal(), jax.random.key(1)
    assert host_random.drawn(host_random.normal, key, (4, 4), 1.0, 0.0) is None
    large = initializer((4, 4), key=key)
    monkeypatch.undo()
    np.testing.assert_array_equal(initializer((4, 4), key=key), large)


def test_weights_of_other_shapes_compile_nothing():
    compiled = []

    def listen(event, seconds, **kwargs):
        del seconds
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(kwargs)

    made = [initializers.GlorotUniform(), initializers.HeNormal(), initializers.RandomNormal()]
    made += [initializers.Zeros(), initializers.Ones()]
    key = host_random.key_of_seed(0)
    for initializer in made:
        initializer((3, 4), key=key)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for shape in ((7, 11), (3, 5, 8), (200, 100)):
            for initializer in made:
                initializer(shape, key=host_random.fold_in(key, 1))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert compiled == []


@pytest.mark.parametrize("number", [0, 1, 2**31, 2**32 - 1])
def test_folding_words_gives_the_words_of_the_folded_key(number: int) -> None:
    key = jax.random.key(12345)
    words = host_random.words_of(key)
    assert words is not None
    folded = host_random.fold_in(words, number)
    assert isinstance(folded, np.ndarray)
    expected = jax.random.key_data(jax.random.fold_in(key, np.uint32(number)))
    np.testing.assert_array_equal(folded, expected)
