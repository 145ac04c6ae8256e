"""The loop, and the recurrence with its gradient behind the loop."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads

from jkeras.ops.recurrence import dense_product, over_time, recur, where_real

TIME, BATCH, UNITS = 4, 2, 3


def advance(z: jax.Array, states: tuple) -> tuple:
    """A step with two states, both of which matter later."""
    h, c = states
    c = jnp.tanh(z) + 0.5 * c
    return c * jnp.cos(z) + 0.1 * h, c


def arguments(masked: bool) -> dict[str, Any]:
    """A kernel, inputs, states, and a mask with gaps."""
    rng = np.random.default_rng(0)
    shapes = {"kernel": (UNITS, UNITS), "projected": (TIME, BATCH, UNITS)}
    found = {name: jnp.asarray(rng.normal(size=s), jnp.float32) for name, s in shapes.items()}
    found["states"] = tuple(jnp.asarray(rng.normal(size=(2, BATCH, UNITS)), jnp.float32))
    found["mask"] = jnp.asarray([[1, 1], [0, 1], [1, 0], [1, 0]], bool) if masked else None
    return found


def ours(kernel: Any, projected: Any, states: Any, mask: Any = None) -> Any:
    return recur(advance, dense_product, False, kernel, projected, states, None, mask)


def written_out(kernel: Any, projected: Any, states: Any, mask: Any = None) -> Any:
    """The same in plain steps."""
    sequence = []
    for t in range(TIME):
        new = advance(projected[t] + states[0] @ kernel, states)
        states = where_real(None if mask is None else mask[t], new, states)
        sequence.append(states[0])
    return jnp.stack(sequence), states


def assert_close(got: Any, expected: Any) -> None:
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_it_is_the_steps_written_out(masked: bool) -> None:
    given = arguments(masked)
    assert_close(ours(**given), written_out(**given))


@pytest.mark.parametrize("masked", [False, True])
def test_first_and_second_derivatives_are_those_of_the_steps(masked: bool) -> None:
    given = arguments(masked)
    mask = given.pop("mask")

    def total(function: Any) -> Any:
        def value(given: dict) -> jax.Array:
            sequence, states = function(**given, mask=mask)
            return jnp.sum(jnp.sin(sequence)) + sum(jnp.sum(jnp.square(s)) for s in states)

        return value

    for derivative in (jax.grad, jax.jacfwd, jax.hessian, lambda f: jax.jacrev(jax.grad(f))):
        got, expected = (jax.jit(derivative(total(f)))(given) for f in (ours, written_out))
        assert_close(got, expected)


def test_gradients_agree_with_differences_in_both_modes() -> None:
    given = arguments(True)
    mask = given.pop("mask")
    check_grads(
        jax.jit(lambda given: ours(**given, mask=mask)), (given,), order=1, atol=2e-2, rtol=2e-2
    )


def test_the_gradient_of_the_kernel_is_one_product_behind_the_loop() -> None:
    given = arguments(False)
    gradient = jax.grad(lambda kernel: ours(kernel, given["projected"], given["states"])[0].sum())
    jaxpr = jax.make_jaxpr(gradient)(given["kernel"])
    products = [eqn for eqn in jaxpr.jaxpr.eqns if eqn.primitive.name == "dot_general"]
    shapes = [tuple(v.aval.shape for v in eqn.invars) for eqn in products]
    rows = TIME * BATCH
    assert [set(pair) for pair in shapes] == [{(rows, UNITS)}], str(jaxpr)


def test_unrolled_it_is_the_same() -> None:
    given = arguments(False)
    unrolled = recur(advance, dense_product, True, *given.values())
    assert_close(unrolled[0], ours(**given)[0])


def test_over_time_carries_a_tree() -> None:
    last, outputs = over_time(
        lambda c, x: ({"n": c["n"] + 1}, (x, c["n"])), {"n": 0}, jnp.ones((3, 2)), unroll=True
    )
    assert (int(last["n"]), outputs[0].shape, outputs[1].tolist()) == (3, (3, 2), [0, 1, 2])


def test_a_product_with_dropout_of_each_gate() -> None:
    rng = np.random.default_rng(0)
    x, kernel = (jnp.asarray(rng.normal(size=s), jnp.float32) for s in ((2, 3), (3, 4)))
    kept = jnp.asarray(rng.integers(0, 2, (2, 2, 3)), jnp.float32)
    expected = [(x * kept[0]) @ kernel[:, :2], (x * kept[1]) @ kernel[:, 2:]]
    assert_close(dense_product(x, kernel, kept), np.concatenate(expected, -1))
    several = dense_product(jnp.stack([x, 2 * x]), kernel, kept)
    assert_close(several[1], 2 * np.concatenate(expected, -1))


@pytest.mark.parametrize("rows", [87, 88, 128, 129])
def test_the_rows_that_are_padded_for_speed_are_cut_off_again(rows: int) -> None:
    keys = jax.random.split(jax.random.key(0), 2)
    x, kernel = jax.random.normal(keys[0], (rows, 6)), jax.random.normal(keys[1], (6, 8))
    got = jax.value_and_grad(lambda x, k: jnp.sum(dense_product(x, k) ** 2), (0, 1))(x, kernel)
    expected = jax.value_and_grad(lambda x, k: jnp.sum((x @ k) ** 2), (0, 1))(x, kernel)
    assert dense_product(x, kernel).shape == (rows, 8)
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5)
