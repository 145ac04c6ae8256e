"""Functions that are compiled for one call give the numbers of `jax.jit`, up to the last bit."""

import jax
import jax.numpy as jnp
import numpy as np

from jkeras.core.jit_once import jit_once


def draw(key: jax.Array) -> jax.Array:
    return jax.random.normal(key, (50,)) * 0.3 + 1


def test_the_numbers_are_those_of_jit() -> None:
    key = jax.random.key(0)
    # A product and a sum may be rounded once or twice: the last bit may differ.
    np.testing.assert_allclose(jit_once(draw)(key), jax.jit(draw)(key), rtol=2**-22)


def test_it_is_compiled_once_for_a_shape() -> None:
    traces = []

    def double(x: jax.Array) -> jax.Array:
        traces.append(x.shape)
        return 2 * x

    compiled = jit_once(double)
    for length in (2, 2, 3):
        compiled(jnp.ones(length))
    assert traces == [(2,), (3,)]
