"""Eigen's convolution: values, derivatives of any order, an axis more, its form in a loop."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import jkeras.core.jit_step as module
from jkeras.core.jit_step import jit_step
from jkeras.ops.convolution import convolve
from jkeras.ops.eigen_convolution import convolve_by_eigen
from jkeras.ops.patches import convolve_as_product

KINDS = [  # spatial sizes, window, strides, pads, dilation
    ((9,), (3,), (2,), ((1, 2),), (2,)),
    ((8,), (4,), (3,), ((-1, 1),), (1,)),
    ((7, 6), (3, 2), (2, 3), ((0, 0), (2, -1)), (1, 2)),
    ((6, 6), (3, 3), (1, 1), ((1, 1), (1, 1)), (1, 1)),
    ((5, 8), (2, 3), (3, 2), ((0, 0), (0, 0)), (2, 1)),
    ((4, 5, 3), (2, 3, 2), (1, 2, 1), ((0, 1), (1, 1), (-1, 2)), (1, 1, 1)),
]


def random(*shape: int, seed: int = 0) -> jax.Array:
    """Normal numbers."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def pair(kind: tuple) -> tuple[Callable, Callable, jax.Array, jax.Array]:
    """The convolution as here, and as products of patches, with inputs and a kernel."""
    spatial, window, *how = kind
    x, kernel = random(2, *spatial, 3), random(*window, 3, 4, seed=1)
    return (
        lambda x, k: convolve_by_eigen(x, k, *how),
        lambda x, k: convolve_as_product(x, k, *how),
        x,
        kernel,
    )


def assert_same(got: Any, expected: Any) -> None:
    """Equal up to rounding: 1e-5 of the largest entry."""
    for mine, theirs in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * scale)


@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_those_of_patches(kind: tuple) -> None:
    mine, theirs, x, kernel = pair(kind)
    outputs, pull = jax.vjp(mine, x, kernel)
    expected, expected_pull = jax.vjp(theirs, x, kernel)
    assert_same(outputs, expected)
    cotangent = random(*outputs.shape, seed=2)
    assert_same(pull(cotangent), expected_pull(cotangent))


def test_derivatives_of_second_order_forward_and_reverse() -> None:
    mine, theirs, x, kernel = pair(KINDS[2])

    def cubed(f: Callable) -> Callable:
        return jax.grad(lambda x, k: (f(x, k) ** 3).sum(), (0, 1))

    def squares(f: Callable) -> Callable:
        return jax.grad(lambda x, k: sum((g**2).sum() for g in cubed(f)(x, k)), (0, 1))

    assert_same(squares(mine)(x, kernel), squares(theirs)(x, kernel))
    forward = [jax.jvp(cubed(f), (x, kernel), (x + 1, kernel - 1)) for f in (mine, theirs)]
    assert_same(*forward)


@pytest.mark.parametrize("axes", [(0, None), (None, 1), (1, 0)])
def test_an_axis_more(axes: tuple) -> None:
    mine, theirs, x, kernel = pair(KINDS[3])
    x = x if axes[0] is None else jnp.stack([x, x + 1, 2 * x], axes[0])
    kernel = kernel if axes[1] is None else jnp.stack([kernel, kernel - 1, -kernel], axes[1])
    assert_same(*(jax.vmap(f, axes)(x, kernel) for f in (mine, theirs)))
    grads = [jax.grad(lambda x, k, f=f: (f(x, k) ** 2).sum(), (0, 1)) for f in (mine, theirs)]
    assert_same(*(jax.jit(jax.vmap(grad, axes))(x, kernel) for grad in grads))


def test_in_a_loop_every_derivative_has_the_form_of_eigen() -> None:
    x, kernel = random(4, 8, 8, 16), random(3, 3, 16, 16)
    how: dict[str, Any] = {"strides": (1, 1), "dilation": (1, 1), "padding": "same"}

    def loss(kernel: jax.Array) -> jax.Array:
        return jnp.square(convolve(convolve(x, kernel, **how), kernel, **how)).mean()

    def steps(kernel: jax.Array) -> jax.Array:
        return lax.fori_loop(0, 3, lambda _, k: k - 0.1 * jax.grad(loss)(k), kernel)

    text = jit_step(steps).lower(kernel).compile().as_text()
    forms = re.findall(r"dim_labels=(\S+?)[, ]", text)
    assert len(forms) == 5, "two forward, two kernels, one input"
    assert set(forms) == {"b01f_01io->b01f"}
    assert "rhs_reversal" not in text


def test_programs_without_its_options_take_patches() -> None:
    x, kernel = random(1, 8, 8, 16), random(3, 3, 16, 16)

    def loss(kernel: jax.Array) -> jax.Array:
        return jnp.square(convolve(x, kernel, strides=(1, 1), dilation=(1, 1))).mean()

    with_it, without = (
        jit(jax.grad(loss)).lower(kernel).as_text().count("stablehlo.convolution")
        for jit in (jit_step, jax.jit)
    )
    assert (with_it, without) == (2, 0)


def test_an_unknown_option_of_the_compiler_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_EIGEN", {"xla_cpu_no_such_option": "1"})
    module._knows_eigen.cache_clear()
    assert not module._knows_eigen()
    assert float(jit_step(jnp.sin)(0.0)) == 0.0
    module._knows_eigen.cache_clear()
    monkeypatch.undo()
    assert module._knows_eigen()
