"""Seeds become keys; generators count; inside of programs nothing is drawn in secret."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import random
from jkeras.core.keys import set_default_seed
from jkeras.core.seeds import SeedGenerator, drawing_from, key_of
from jkeras.core.serialization import deserialize_keras_object, serialize_keras_object


def numbers(key):
    """The two numbers of a key."""
    return jax.random.key_data(key).tolist()


def test_a_generator_counts_its_draws():
    generator = SeedGenerator(7)
    assert [generator.next().tolist() for _ in range(3)] == [[7, 0], [7, 1], [7, 2]]
    assert generator.state.tolist() == [7, 3]
    assert repr(generator) == "SeedGenerator(seed=7, state=[7, 3])"


def test_a_generator_from_its_config_starts_anew():
    generator = SeedGenerator(7, name="mine")
    generator.next()
    again = SeedGenerator.from_config(generator.get_config())
    assert (again.seed, again.name, again.state.tolist()) == (7, "mine", [7, 0])
    config = serialize_keras_object(generator)
    assert config == {
        "module": "keras.random",
        "class_name": "SeedGenerator",
        "config": {"seed": 7, "name": "mine"},
        "registered_name": None,
    }
    assert deserialize_keras_object(config).state.tolist() == [7, 0]


def test_the_next_of_a_generator_is_a_seed_and_a_key():
    draws = SeedGenerator(7)
    numbers = draws.next()
    assert (numbers.dtype, numbers.shape, np.asarray(numbers).tolist()) == ("uint32", (2,), [7, 0])
    expected = random.normal((3,), seed=7)
    np.testing.assert_array_equal(random.normal((3,), seed=numbers), expected)
    np.testing.assert_array_equal(jax.random.normal(numbers, (3,)), expected)
    np.testing.assert_array_equal(random.normal((3,), seed=SeedGenerator(7)), expected)


def test_generators_without_seeds_follow_from_the_default_seed():
    set_default_seed(3)
    one, two = SeedGenerator(), SeedGenerator()
    set_default_seed(3)
    assert SeedGenerator().state.tolist() == one.state.tolist() != two.state.tolist()


def test_an_integer_and_an_array_of_it_are_the_same_seed():
    expected = [5, 0]
    assert numbers(key_of("f", 5)) == numbers(key_of("f", jnp.int32(5))) == expected
    assert numbers(key_of("f", np.array([5, 0], np.uint32))) == expected


def test_a_scope_gives_keys_inside_of_programs():
    @jax.jit
    def program(key):
        with drawing_from(key):
            keys = [key_of("f", None), SeedGenerator(0).next_key(), key_of("f", None)]
        return jnp.stack([jax.random.key_data(key) for key in keys])

    one, two = program(jax.random.key(0)), program(jax.random.key(1))
    assert len({tuple(row) for row in np.concatenate([one, two]).tolist()}) == 6
    np.testing.assert_array_equal(one, program(jax.random.key(0)))


def test_a_scope_ends_when_an_error_leaves_it():
    with pytest.raises(KeyError), drawing_from(jax.random.key(0)):
        raise KeyError
    generator = SeedGenerator(1)
    assert generator.next().tolist() == [1, 0]


def test_a_generator_inside_of_a_program_raises():
    generator = SeedGenerator(0)
    with pytest.raises(ValueError) as caught:
        jax.jit(generator.next)()
    assert str(caught.value) == (
        "SeedGenerator: inside a compiled program every run would draw the same numbers. "
        "Pass a key that changes: seed=jax.random.fold_in(key, step)."
    )
    assert generator.state.tolist() == [0, 0]
