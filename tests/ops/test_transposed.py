"""Transposed convolution: the transpose of a convolution, in two formulations."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax

from jkeras.ops import convolution, transposed
from jkeras.ops.convolution import convolve
from jkeras.ops.transposed import convolve_transposed


def random(*shape: int) -> jax.Array:
    """Normal numbers, always the same."""
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def with_gradients(f: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array) -> Any:
    """`f(x, kernel)` and what a random cotangent becomes behind it."""

    def run(x: jax.Array, kernel: jax.Array) -> Any:
        outputs, pull = jax.vjp(f, x, kernel)
        return outputs, *pull(random(*outputs.shape))

    return jax.jit(run)(x, kernel)


def assert_close(got: Any, expected: Any) -> None:
    """Equal up to rounding: 1e-5 of the largest entry."""
    for mine, theirs in zip(got, expected, strict=True):
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * scale)


def by_xla(x: jax.Array, kernel: jax.Array, axes: tuple[transposed._Axis, ...]) -> jax.Array:
    """XLA's convolution over inputs that are spread out by zeros; the kernel runs backwards."""
    reach = [(axis.window - 1) * axis.spread for axis in axes]
    letters = "DHW"[-len(axes) :]
    return lax.conv_general_dilated(
        x,
        jnp.flip(kernel, range(len(axes))),
        (1,) * len(axes),
        [(r - axis.pads[0], r - axis.pads[1]) for r, axis in zip(reach, axes, strict=True)],
        lhs_dilation=[axis.step for axis in axes],
        rhs_dilation=[axis.spread for axis in axes],
        dimension_numbers=(f"N{letters}C", f"{letters}OI", f"N{letters}C"),
    )


size = st.tuples(
    st.integers(1, 5), st.integers(1, 5), st.integers(1, 4), st.integers(1, 3), st.integers(-1, 3)
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(rows=st.lists(size, min_size=1, max_size=2), padding=st.sampled_from(["same", "valid"]))
def test_both_formulations_are_xlas(rows: list[tuple[int, ...]], padding: str) -> None:
    # A last number of -1 stands for the usual size, others for that much output padding.
    axes = tuple(
        transposed._axis(*row[:4], None if row[4] < 0 else row[4] % row[2], padding) for row in rows
    )
    x = random(2, *(axis.small for axis in axes), 3)
    kernel = random(*(axis.window for axis in axes), 2, 3)
    expected = with_gradients(lambda x, k: by_xla(x, k, axes), x, kernel)
    assert expected[0].shape[1:-1] == tuple(axis.large for axis in axes)
    for form in (
        lambda x, k: transposed._by_transposition(x, k, axes, "channels_last"),
        lambda x, k: transposed._by_phases(x, k, axes),
    ):
        assert_close(with_gradients(form, x, kernel), expected)


@pytest.mark.parametrize("padding", ["same", "valid"])
@pytest.mark.parametrize("filters", [1, 4])
def test_it_is_the_transpose(padding: str, filters: int) -> None:
    x, kernel = random(2, 4, 3, 4), random(3, 2, filters, 4)
    options: dict[str, Any] = {"strides": (2, 2), "dilation": (1, 1), "padding": padding}
    large = convolve_transposed(x, kernel, **options)
    y = random(*large.shape)
    inner = jnp.vdot(convolve(y, kernel, **options), x)
    np.testing.assert_allclose(jnp.vdot(y, large), inner, rtol=1e-4)


@pytest.mark.parametrize("filters", [1, 4])
def test_channels_first_is_the_same_transposed(filters: int) -> None:
    x, kernel = random(2, 4, 3, 4), random(3, 2, filters, 4)
    options: dict[str, Any] = {"strides": (1, 3), "dilation": (1, 1), "padding": "same"}
    first = convolve_transposed(
        jnp.moveaxis(x, -1, 1), kernel, data_format="channels_first", **options
    )
    expected = convolve_transposed(x, kernel, **options)
    np.testing.assert_allclose(jnp.moveaxis(first, 1, -1), expected, rtol=1e-5, atol=1e-5)


def test_other_backends_use_xla_and_get_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, kernel = random(3, 5, 4), random(4, 3, 4)
    options: dict[str, Any] = {"strides": (2,), "dilation": (1,), "padding": "same"}
    here = convolve_transposed(x, kernel, **options)
    monkeypatch.setattr(convolution, "fast_without_xla", lambda: False)
    monkeypatch.setattr(transposed, "fast_without_xla", lambda: False)
    there = str(jax.make_jaxpr(lambda x, k: convolve_transposed(x, k, **options))(x, kernel))
    assert "conv_general_dilated" in there
    np.testing.assert_allclose(
        convolve_transposed(x, kernel, **options), here, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    ("padding", "extra", "expected"),
    [("same", None, 10), ("valid", None, 11), ("valid", 1, 12), ("same", 0, 9), ("same", 1, 10)],
)
def test_sizes(padding: str, extra: int | None, expected: int) -> None:
    outputs = jax.eval_shape(
        lambda x, k: convolve_transposed(
            x,
            k,
            strides=(2,),
            dilation=(1,),
            padding=padding,
            output_padding=None if extra is None else (extra,),
        ),
        random(1, 5, 2),
        random(3, 3, 2),
    )
    assert outputs.shape == (1, expected, 3)
