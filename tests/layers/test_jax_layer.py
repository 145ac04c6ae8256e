"""Layers around functions of JAX and modules of Flax."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layers import FlaxLayer, JaxLayer

X = np.random.default_rng(0).normal(size=(16, 3)).astype("float32")
Y = X @ np.ones((3, 2), "float32")


def test_functions_with_and_without_state_are_trained() -> None:
    def init(rng: Any, inputs: Any) -> Any:
        return {"w": 0.1 * jax.random.normal(rng, (inputs.shape[-1], 2))}, jnp.zeros((), "int32")

    def call(params: Any, state: Any, inputs: Any, training: bool) -> Any:
        return inputs @ params["w"], state + int(training)

    plain = JaxLayer(lambda params, inputs: inputs + params[None], params=jnp.zeros((2,)))
    model = jkeras.Sequential([jkeras.Input((3,)), JaxLayer(call, init, seed=3), plain])
    model.compile(jkeras.optimizers.SGD(0.1), "mse")
    losses = model.fit(X, Y, batch_size=4, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
    assert [tuple(weight.shape) for weight in model.trainable_weights] == [(3, 2), (2,)]
    assert int(model.state["jax_layer"]["state"]) == 40
    first = JaxLayer(call, init, seed=3)
    assert np.array_equal(first(X), JaxLayer(call, init, seed=3)(X))


def test_modules_of_flax_are_layers() -> None:
    linen = pytest.importorskip("flax.linen", reason="Flax makes the module")

    class Net(linen.Module):
        @linen.compact
        def __call__(self, x: Any, training: bool) -> Any:
            x = linen.BatchNorm(use_running_average=not training)(linen.Dense(2)(x))
            return linen.Dropout(0.1, deterministic=not training)(x)

    model = jkeras.Sequential([jkeras.Input((3,)), FlaxLayer(Net())])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, Y, batch_size=4, verbose=0)
    after = model.get_weights()
    assert len(before) == 6 and all(
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )
    variables = {"params": {"kernel": np.ones((3, 2), "float32")}}
    layer = FlaxLayer(linen.Dense(2, use_bias=False), variables=variables)
    np.testing.assert_allclose(layer(X), Y, rtol=1e-6)


def test_a_module_of_flax_may_draw_outside_of_training() -> None:
    linen = pytest.importorskip("flax.linen", reason="Flax makes the module")

    class Noise(linen.Module):
        @linen.compact
        def __call__(self, x: Any) -> Any:
            return x + jax.random.normal(self.make_rng("dropout"), x.shape)

    model = jkeras.Sequential([jkeras.Input((3,)), FlaxLayer(Noise())])
    first, second = (model.predict(X, verbose=0) for _ in range(2))
    assert not np.array_equal(first, second) and 0.5 < np.std(first - X) < 1.5


def test_wrong_functions_are_refused() -> None:
    with pytest.raises(ValueError, match="`call_fn` with arguments among params, state, rng"):
        JaxLayer(lambda inputs, params: inputs, params={})
    with pytest.raises(ValueError, match="`init_fn`, or the first `params`"):
        JaxLayer(lambda params, inputs: inputs)
    with pytest.raises(TypeError, match=r"expected a module of flax\.linen"):
        FlaxLayer(3)
