"""First values made by NumPy are what JAX makes."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras.core import constants

PARAMS = {"a": jnp.arange(6.0).reshape(2, 3), "b": jnp.ones(4, jnp.bfloat16)}


def compilations(function):
    """The result of a function, and the number of programs that were compiled."""
    events = []

    def listen(event, seconds, **kwargs):
        del seconds, kwargs
        events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        result = function()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return result, events.count("/jax/core/compile/backend_compile_duration")


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.adam(1e-3),
        optax.ema(0.9),
        jkeras.optimizers.Adam(use_ema=True),
        jkeras.optimizers.Adagrad(initial_accumulator_value=0.25),
        jkeras.optimizers.Nadam(),
    ],
    ids=["optax adam", "optax ema", "adam with averages", "adagrad", "nadam"],
)
def test_the_state_of_an_optimizer_compiles_nothing(optimizer):
    expected = optimizer.init(PARAMS)
    made, programs = compilations(lambda: constants.first_values(optimizer.init, PARAMS))
    assert programs == 0
    assert jax.tree.structure(made) == jax.tree.structure(expected)
    for new, old in zip(jax.tree.leaves(made), jax.tree.leaves(expected), strict=True):
        assert (new.dtype, new.weak_type) == (old.dtype, False)
        np.testing.assert_array_equal(new, old)
    pointers = [leaf.unsafe_buffer_pointer() for leaf in jax.tree.leaves(made)]
    assert len(set(pointers)) == len(pointers)


def test_what_computes_is_compiled():
    made = constants.first_values(lambda x: {"double": x * 2}, jnp.arange(3.0))
    assert made["double"].tolist() == [0.0, 2.0, 4.0]


def test_a_traced_argument_stays_in_the_program():
    made = jax.vmap(lambda x: constants.first_values(jnp.zeros_like, x))(jnp.ones((2, 3)))
    assert made.shape == (2, 3)


def test_full_is_that_of_jax_inside_and_outside_of_programs():
    constants.full((1,), 0, "float32")
    outside, programs = compilations(lambda: constants.full((2, 17), 0.5, "bfloat16"))
    assert programs == 0
    inside = jax.jit(lambda: constants.full((2, 17), 0.5, "bfloat16"))()
    assert outside.dtype == inside.dtype == jnp.bfloat16
    np.testing.assert_array_equal(outside, inside)
