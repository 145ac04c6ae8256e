"""Loops, branches and gradients of functions: the values and structures that they are given."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import ops

CALLS = {
    "associative_scan": lambda v: ops.associative_scan(lambda a, b: a + b, v),
    "cond": lambda v: ops.cond(ops.sum(v) > 5, lambda: v, lambda: v + 1),
    "custom_gradient": lambda v: ops.custom_gradient(lambda x: (x, lambda g: g))(v),
    "fori_loop": lambda v: ops.fori_loop(0, 2, lambda i, x: x + 1, v),
    "get_item": lambda v: ops.get_item(v, slice(1)),
    "jvp": lambda v: ops.jvp(lambda x: 2 * x, (v,), (v,)),
    "map": lambda v: ops.map(lambda x: x + 1, v),
    "nan_to_num": lambda v: ops.nan_to_num(jnp.array(jnp.nan), nan=v),
    "pad": lambda v: ops.pad(jnp.ones(2), 1, constant_values=v[0]),
    "scan": lambda v: ops.scan(lambda carry, x: (carry + x, x), v[0], v),
    "slice": lambda v: ops.slice(v, [0], [1]),
    "stop_gradient": lambda v: ops.stop_gradient({"a": v}),
    "switch": lambda v: ops.switch(1, [lambda x: x, lambda x: x + 1], v),
    "vectorized_map": lambda v: ops.vectorized_map(lambda x: x + 1, v),
    "while_loop": lambda v: ops.while_loop(lambda x: x[0] < 3, lambda x: (x + 1,), (v,)),
}


@pytest.mark.parametrize("name", CALLS)
def test_variables_count_as_their_arrays(name: str) -> None:
    variable = jkeras.Variable(np.array([1.0, 2.0], np.float32))

    def result(value: object) -> list[np.ndarray]:
        return [np.asarray(leaf) for leaf in jax.tree.leaves(CALLS[name](value))]

    for actual, expected in zip(result(variable), result(variable.value), strict=True):
        np.testing.assert_array_equal(actual, expected)


def test_a_variable_is_an_index_and_a_start() -> None:
    at, x = jkeras.Variable(1, dtype="int32"), jkeras.Variable(np.arange(3.0))
    assert float(x[at]) == float(x[at,]) == 1
    assert ops.get_item(x, (None, at)).tolist() == [1]
    assert ops.slice(x, [at], [2]).tolist() == [1, 2]
    assert ops.slice_update(x, [at], jnp.zeros(1)).tolist() == [0, 0, 2]
