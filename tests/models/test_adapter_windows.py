"""Convolutions and pools of other libraries in our formulations: the same values and gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from jkeras.models import as_layer
from jkeras.models.adapters.windows import with_our_windows

RNG = np.random.default_rng(0)
WINDOWS = ("conv_general_dilated", "reduce_window_max", "reduce_window_sum")


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Other libraries mix dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def array(*shape: int) -> jax.Array:
    return jnp.asarray(RNG.normal(size=shape), "float32")


def conv(
    layout: tuple[str, str, str], strides: Any = (1, 1), padding: Any = "SAME", **more: Any
) -> Any:
    def run(x: Any, kernel: Any) -> Any:
        return lax.conv_general_dilated(
            x, kernel, strides, padding, dimension_numbers=layout, **more
        )

    return run


NHWC, NCHW = ("NHWC", "HWIO", "NHWC"), ("NCHW", "OIHW", "NCHW")
IMAGE, KERNEL = array(2, 7, 8, 4), array(3, 2, 4, 6)


def pool(kind: Callable[..., Any], window: Any, strides: Any, padding: str) -> Any:
    def run(x: Any, kernel: Any) -> Any:
        del kernel
        return kind(x, window, strides, padding)

    return run


CASES: dict[str, tuple[Any, Any, Any, bool]] = {
    "same": (conv(NHWC), IMAGE, KERNEL, True),
    "strides": (conv(NHWC, (2, 3), "VALID"), IMAGE, KERNEL, True),
    "own padding": (conv(NHWC, (1, 2), [(2, 0), (1, 3)]), IMAGE, KERNEL, True),
    "dilated": (conv(NHWC, rhs_dilation=(2, 1)), IMAGE, KERNEL, True),
    "channels first": (conv(NCHW), array(2, 4, 7, 8), array(6, 4, 3, 2), True),
    "mixed layouts": (conv(("NCHW", "HWIO", "NHWC")), array(2, 4, 7, 8), KERNEL, True),
    "groups": (conv(NHWC, feature_group_count=2), IMAGE, array(3, 3, 2, 6), True),
    "depthwise": (conv(NHWC, feature_group_count=4), IMAGE, array(3, 3, 1, 8), True),
    "one axis": (conv(("NWC", "WIO", "NWC"), (1,)), array(2, 9, 3), array(3, 3, 5), True),
    "transposed": (conv(NHWC, padding=[(1, 1), (1, 1)], lhs_dilation=(2, 2)), IMAGE, KERNEL, False),
    "in a jitted function": (jax.jit(conv(NHWC)), IMAGE, KERNEL, True),
    "under vmap": (
        jax.vmap(lambda x, k: conv(NCHW)(x[None], k)[0], (0, None)),
        array(2, 4, 7, 8), array(6, 4, 3, 2), True,
    ),
    "maximum": (pool(nn.max_pool, (2, 2), (2, 2), "VALID"), IMAGE, KERNEL, True),
    "overlapping maximum": (pool(nn.max_pool, (3, 3), (2, 2), "SAME"), IMAGE, KERNEL, True),
    "mean": (pool(nn.avg_pool, (3, 2), (2, 1), "SAME"), IMAGE, KERNEL, True),
}  # fmt: skip


def named(jaxpr: Any) -> set[str]:
    """The primitives of a program and of those in it."""
    found = set()
    for equation in jaxpr.eqns:
        found.add(equation.primitive.name)
        for value in equation.params.values():
            inner = getattr(value, "jaxpr", value)
            found |= named(inner) if hasattr(inner, "eqns") else set()
    return found


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_xla(name: str) -> None:
    run, x, kernel, is_ours = CASES[name]

    def ours(x: Any, kernel: Any) -> Any:
        return with_our_windows(run, x, kernel)

    np.testing.assert_allclose(ours(x, kernel), run(x, kernel), rtol=1e-5, atol=1e-5)
    weights = array(*run(x, kernel).shape)
    grads = [
        jax.grad(lambda *args, fn=fn: jnp.sum(fn(*args) * weights), (0, 1))(x, kernel)
        for fn in (ours, run)
    ]
    for mine, xla in zip(*grads, strict=True):
        np.testing.assert_allclose(mine, xla, rtol=1e-4, atol=1e-5)
    gradient = jax.make_jaxpr(jax.grad(lambda x: jnp.sum(ours(x, kernel) * weights)))(x)
    assert named(gradient.jaxpr).isdisjoint(WINDOWS) is is_ours


class Net(nn.Module):
    @nn.compact
    def __call__(self, x: Any) -> Any:
        x = nn.relu(nn.Conv(4, (3, 3))(x))
        return nn.Dense(3)(nn.max_pool(x, (2, 2), (2, 2)).reshape(len(x), -1))


def haiku_net(x: Any) -> Any:
    return hk.Linear(3)(hk.Flatten()(hk.AvgPool((2, 2, 1), (2, 2, 1), "VALID")(hk.Conv2D(4, 3)(x))))


class Equinox(eqx.Module):
    conv: eqx.nn.Conv2d

    def __init__(self, key: Any) -> None:
        self.conv = eqx.nn.Conv2d(1, 3, 3, key=key)

    def __call__(self, x: Any) -> Any:
        return jnp.mean(self.conv(jnp.moveaxis(x, -1, 0)), (1, 2))


MODULES = {
    "linen": lambda: as_layer(Net(), name="net"),
    "haiku": lambda: as_layer(hk.transform(haiku_net), name="net"),
    "equinox": lambda: as_layer(Equinox, name="net"),
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_trains_by_them(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    layer, x = MODULES[name](), array(2, 6, 6, 1)
    params, state = layer.init(jax.random.key(0), x)

    def loss(params: Any) -> Any:
        outputs, _ = layer.apply(params, state, x, key=jax.random.key(1), training=True)
        return jnp.sum(outputs**2)

    jaxpr = jax.make_jaxpr(jax.grad(loss))(params).jaxpr
    assert named(jaxpr).isdisjoint(WINDOWS)
    mine = jax.jit(jax.grad(loss))(params)
    monkeypatch.setattr("jkeras.models.adapters.windows.fast_without_xla", lambda: False)
    assert not named(jax.make_jaxpr(jax.grad(loss))(params).jaxpr).isdisjoint(WINDOWS)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        mine,
        jax.jit(jax.grad(loss))(params),
    )


def test_a_debugger_sees_values() -> None:
    seen: list[float] = []

    def apply(params: Any, x: Any) -> Any:
        seen.append(float(jnp.sum(x)))
        return x * params["w"]

    layer = as_layer((lambda key, x: {"w": jnp.ones(())}, apply), name="looks")
    with jax.disable_jit():
        layer.apply({"w": jnp.ones(())}, {}, jnp.ones((2, 3)), training=True)
    assert seen == [6.0]
