"""Rematerialization: less memory, the same numbers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras.models import Chain

X = jnp.ones((256, 8))


def net(nested: bool = False) -> Chain:
    layers: list[Any] = []
    for _ in range(4):
        pair = [L.Dense(256, activation="gelu"), L.Dense(8)]
        layers += [Chain(pair)] if nested else pair
    return Chain(layers)


def gradient(made: Chain) -> Any:
    def loss(params: Any) -> Any:
        return jnp.sum(made.apply(params, {}, X)[0] ** 2)

    return jax.grad(loss)


def bytes_of(made: Chain, params: Any) -> int:
    analysis = jax.jit(gradient(made)).lower(params).compile().memory_analysis()
    return int(analysis.temp_size_in_bytes)  # type: ignore[union-attr]


def kept(made: Chain, params: Any) -> list[str]:
    """The names of the rematerialized parts in the gradient."""
    jaxpr = jax.make_jaxpr(gradient(made))(params)
    return [eqn.primitive.name for eqn in jaxpr.eqns if "remat" in eqn.primitive.name]


def test_it_takes_less_memory_for_the_same_gradients() -> None:
    plain = net()
    with jkeras.RematScope():
        cheap = net()
    params, _ = plain.init(jax.random.key(0), X)
    assert plain == cheap
    assert bytes_of(cheap, params) < 0.7 * bytes_of(plain, params)
    got, expected = gradient(cheap)(params), gradient(plain)(params)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got, expected)


def test_modes_choose_layers() -> None:
    counts = {}
    params, _ = net().init(jax.random.key(0), X)
    for name, scope in {
        "full": jkeras.RematScope(),
        "none": jkeras.RematScope(None),
        "large": jkeras.RematScope("larger_than", output_size_threshold=256 * 8),
        "two": jkeras.RematScope("list_of_layers", layer_names=["dense", "dense_1"]),
        "activations": jkeras.RematScope("activations"),
    }.items():
        with scope:
            counts[name] = len(kept(net(), params))
    assert counts == {"full": 8, "none": 0, "large": 4, "two": 2, "activations": 8}


def test_of_layers_in_layers_the_outermost_counts() -> None:
    with jkeras.RematScope():
        made = net(nested=True)
        with jkeras.RematScope(None):
            inner = L.Dense(8)
    params, _ = made.init(jax.random.key(0), X)
    assert len(kept(made, params)) == 4
    assert kept(Chain([inner]), Chain([inner]).init(jax.random.key(0), X)[0]) == []


def test_layers_with_keys_and_state_train_in_a_scope() -> None:
    found = []
    for mode in ("full", None):
        with jkeras.RematScope(mode):
            made = Chain([L.Dense(3), L.Dropout(0.5), L.BatchNormalization(), L.Dense(1)])
        params, state = made.init(jax.random.key(0), X[:4])

        def loss(params: Any, made: Any = made, state: Any = state) -> Any:
            told = {"key": jax.random.key(1), "training": True}
            outputs, new = made.apply(params, state, X[:4], **told)
            return jnp.sum(outputs**2), new

        found.append(jax.jit(jax.grad(loss, has_aux=True))(params))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), *found)


def test_a_function_is_asked_for() -> None:
    with pytest.raises(TypeError) as caught:
        jkeras.remat(3)  # type: ignore[type-var]
    assert str(caught.value) == "remat: expected a function, got 3 (int)."
