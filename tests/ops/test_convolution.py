"""Convolution against a loop over its definition, against XLA's own, and its laws."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax import lax
from jax.test_util import check_grads

from jkeras.ops import convolution
from jkeras.ops.convolution import convolve, spatial_axes
from jkeras.ops.patches import _sums_are_cheaper


def random(*shape: int) -> jax.Array:
    """Normal numbers, always the same."""
    return jnp.asarray(np.random.default_rng(0).normal(size=shape), jnp.float32)


def by_xla(x: jax.Array, kernel: jax.Array, **options: Any) -> jax.Array:
    """XLA's convolution, channels last."""
    letters = "DHW"[-(x.ndim - 2) :]
    padding = options["padding"].upper()
    if padding == "CAUSAL":
        padding = [((kernel.shape[0] - 1) * options["dilation"][0], 0)]
    return lax.conv_general_dilated(
        x,
        kernel,
        options["strides"],
        padding,
        rhs_dilation=options["dilation"],
        dimension_numbers=(f"N{letters}C", f"{letters}IO", f"N{letters}C"),
        feature_group_count=options.get("groups", 1),
    )


def with_gradients(f: Callable[..., jax.Array], x: jax.Array, kernel: jax.Array) -> Any:
    """`f(x, kernel)` and what a random cotangent becomes behind it."""

    def run(x: jax.Array, kernel: jax.Array) -> Any:
        outputs, pull = jax.vjp(f, x, kernel)
        return outputs, *pull(random(*outputs.shape))

    return jax.jit(run)(x, kernel)


def assert_same(x: jax.Array, kernel: jax.Array, **options: Any) -> None:
    """Values and both gradients are XLA's, up to rounding: 1e-5 of the largest entry."""
    got = with_gradients(lambda x, k: convolve(x, k, **options), x, kernel)
    expected = with_gradients(lambda x, k: by_xla(x, k, **options), x, kernel)
    for mine, theirs in zip(got, expected, strict=True):
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        np.testing.assert_allclose(mine, theirs, rtol=1e-5, atol=1e-5 * scale)


# Spatial sizes, channels, filters; window, strides, dilation, padding, groups. These have long rows
# and many channels, for which the window's last axis is summed.
SUMS: list[tuple[tuple[int, ...], int, int, tuple, tuple, tuple, str, int]] = [
    ((14,), 16, 4, (3,), (1,), (1,), "causal", 1),
    ((8,), 16, 8, (2,), (1,), (9,), "valid", 1),
    ((5, 13), 16, 15, (3, 3), (1, 1), (1, 1), "same", 1),
    ((6, 12), 17, 8, (2, 3), (2, 1), (1, 1), "same", 1),
    ((5, 12), 16, 3, (3, 2), (1, 1), (1, 4), "valid", 1),
    ((2, 13), 16, 8, (3, 3), (1, 1), (1, 1), "valid", 1),
    ((3, 4, 8), 16, 8, (2, 1, 2), (1, 2, 1), (1, 1, 1), "same", 1),
]
KINDS: list[tuple[tuple[int, ...], int, int, tuple, tuple, tuple, str, int]] = [
    ((7,), 3, 4, (3,), (2,), (1,), "same", 1),
    ((8,), 5, 4, (2,), (1,), (3,), "causal", 1),
    ((8,), 4, 6, (3,), (3,), (1,), "causal", 2),
    ((3,), 4, 4, (5,), (1,), (1,), "same", 4),
    ((7, 6), 5, 3, (3, 2), (2, 3), (1, 1), "same", 1),
    ((6, 7), 6, 4, (2, 3), (1, 1), (2, 1), "same", 2),
    ((6, 5), 8, 8, (3, 3), (1, 2), (1, 1), "valid", 4),
    ((6, 5), 4, 4, (3, 3), (1, 1), (1, 1), "same", 4),
    ((5, 6), 3, 6, (2, 3), (2, 1), (1, 1), "valid", 3),
    ((5, 6), 2, 6, (1, 1), (2, 2), (1, 1), "valid", 2),
    ((2, 3), 3, 3, (5, 4), (1, 1), (2, 2), "same", 3),
    ((4, 3, 5), 4, 2, (2, 2, 3), (1, 2, 1), (1, 1, 1), "same", 1),
    ((4, 3, 5), 4, 4, (2, 1, 3), (1, 1, 1), (1, 1, 2), "valid", 2),
    ((4, 3, 5), 2, 4, (2, 2, 2), (2, 1, 2), (1, 1, 1), "same", 2),
    *SUMS,
]
# Many channels or filters: Eigen's convolution, at least where nothing is differentiated.
EIGEN: list[tuple[tuple[int, ...], int, int, tuple, tuple, tuple, str, int]] = [
    ((9,), 16, 17, (4,), (3,), (1,), "causal", 1),
    ((7, 8), 17, 16, (3, 2), (2, 1), (1, 2), "valid", 1),
    ((5, 6), 3, 16, (3, 3), (2, 2), (1, 1), "same", 1),
    ((8,), 16, 16, (2,), (1,), (9,), "valid", 1),
]


@pytest.mark.parametrize("kind", KINDS + EIGEN)
def test_values_and_gradients_are_those_of_xla(kind: tuple) -> None:
    spatial, channels, filters, window, strides, dilation, padding, groups = kind
    x, kernel = random(2, *spatial, channels), random(*window, channels // groups, filters)
    options = {"strides": strides, "dilation": dilation, "padding": padding, "groups": groups}
    assert_same(x, kernel, **options)


def test_the_kinds_above_are_sums() -> None:
    for spatial, channels, filters, window, strides, *_ in SUMS:
        assert strides[-1] == 1 and _sums_are_cheaper(window, channels, filters, spatial[-1])
    assert not any(
        kind[4][-1] == 1 and _sums_are_cheaper(kind[3], kind[1] // kind[7], kind[2], kind[0][-1])
        for kind in KINDS[: -len(SUMS)]
    )


axis = st.tuples(st.integers(1, 8), st.integers(1, 5), st.integers(1, 3), st.integers(1, 3))


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    axes=st.lists(axis, min_size=1, max_size=3),
    padding=st.sampled_from(["same", "valid"]),
    shares=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 2)),
)
def test_any_convolution_is_that_of_xla(axes: list, padding: str, shares: tuple) -> None:
    spatial, window, strides, dilation = (tuple(column) for column in zip(*axes, strict=True))
    groups, channels, filters = shares
    x = random(2, *spatial, groups * channels)
    kernel = random(*window, channels, groups * filters)
    options = {"strides": strides, "dilation": dilation, "padding": padding, "groups": groups}
    assert_same(x, kernel, **options)


@pytest.mark.parametrize("layout", ["channels_last", "channels_first"])
def test_other_backends_use_xla_and_get_the_same(
    layout: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, kernel = random(2, 4, 5, 4), random(3, 2, 2, 4)
    options: dict[str, Any] = {"strides": (2, 1), "dilation": (1, 1), "padding": "same"}
    options |= {"groups": 2, "data_format": layout}
    x = x if layout == "channels_last" else jnp.moveaxis(x, -1, 1)
    here = convolve(x, kernel, **options)
    assert "conv_general_dilated" not in str(
        jax.make_jaxpr(lambda x, k: convolve(x, k, **options))(x, kernel)
    )
    monkeypatch.setattr(convolution, "fast_without_xla", lambda: False)
    assert "conv_general_dilated" in str(
        jax.make_jaxpr(lambda x, k: convolve(x, k, **options))(x, kernel)
    )
    np.testing.assert_allclose(convolve(x, kernel, **options), here, rtol=1e-5, atol=1e-5)


def test_agrees_with_the_definition() -> None:
    x, kernel = random(2, 7, 6, 3), random(2, 3, 3, 4)
    got = convolve(x, kernel, strides=(2, 1), dilation=(1, 1))
    expected = np.zeros((2, 3, 4, 4))
    for row in range(3):
        for column in range(4):
            window = x[:, 2 * row : 2 * row + 2, column : column + 3]
            expected[:, row, column] = np.einsum("bhwc,hwcf->bf", window, kernel)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_same_padding_puts_the_odd_zero_behind() -> None:
    x, ones = jnp.arange(5.0).reshape(1, 5, 1), jnp.ones((2, 1, 1))
    got = convolve(x, ones, strides=(2,), padding="same", dilation=(1,))
    assert got.ravel().tolist() == [1.0, 5.0, 4.0]


@pytest.mark.parametrize("step", [1, 2])
def test_causal_outputs_see_no_later_input(step: int) -> None:
    x, kernel = random(1, 8, 2), random(3, 2, 4)

    def outputs(x: jax.Array) -> jax.Array:
        return convolve(x, kernel, strides=(1,), padding="causal", dilation=(step,))

    changed = outputs(x.at[:, 5].add(1.0)) != outputs(x)
    assert outputs(x).shape == (1, 8, 4)
    assert not changed[:, :5].any()
    assert changed[:, 5].all()


def test_groups_are_convolutions_apart() -> None:
    x, kernel = random(2, 6, 4), random(3, 2, 6)
    got = convolve(x, kernel, strides=(1,), dilation=(1,), groups=2)
    apart = [
        convolve(part, kernels, strides=(1,), dilation=(1,))
        for part, kernels in zip(jnp.split(x, 2, -1), jnp.split(kernel, 2, -1), strict=True)
    ]
    np.testing.assert_allclose(got, jnp.concatenate(apart, -1), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("spatial", [(6,), (5, 6), (4, 5, 6)])
def test_channels_first_is_the_same_transposed(spatial: tuple[int, ...]) -> None:
    rank = len(spatial)
    x, kernel = random(2, *spatial, 3), random(*[2] * rank, 3, 4)
    options = {"strides": (1,) * rank, "dilation": (2,) * rank, "padding": "same"}
    got = convolve(jnp.moveaxis(x, -1, 1), kernel, data_format="channels_first", **options)
    expected = jnp.moveaxis(convolve(x, kernel, **options), -1, 1)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


def test_spatial_axes() -> None:
    assert spatial_axes(3, "channels_last") == (1,)
    assert spatial_axes(5, "channels_first") == (2, 3, 4)


def test_forward_programs_take_xlas_convolution_and_derivatives_patches() -> None:
    x, kernel = random(2, 9, 9, 4), random(3, 3, 4, 16)

    def outputs(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return convolve(x, kernel, strides=(1, 1), dilation=(1, 1))

    def loss(kernel: jax.Array) -> jax.Array:
        return jnp.sum(jnp.tanh(outputs(x, kernel)) ** 2)

    def count(function: Callable[..., Any], *args: Any) -> int:
        return jax.jit(function).lower(*args).as_text().count("stablehlo.convolution")

    assert count(outputs, x, kernel) == 1
    assert count(jax.grad(loss), kernel) == 0
    values, derivative = jax.jvp(lambda k: outputs(x, k), (kernel,), (jnp.ones_like(kernel),))
    np.testing.assert_allclose(values, outputs(x, kernel), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(derivative, outputs(x, jnp.ones_like(kernel)), rtol=1e-5, atol=1e-5)


def test_derivatives_of_any_order_and_direction() -> None:
    x, kernel = random(2, 5, 3), random(3, 3, 2)
    check_grads(
        lambda x, k: jnp.tanh(convolve(x, k, strides=(2,), padding="same", dilation=(1,))),
        (x, kernel),
        order=2,
        atol=1e-2,
        rtol=1e-2,
    )
