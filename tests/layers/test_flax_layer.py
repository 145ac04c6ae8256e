"""Layers around modules of Flax."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.core.layer_seeds import fixed_seed
from jkeras.layers import FlaxLayer
from jkeras.saving import register_keras_serializable
from tests.layers.function_layers import W, X, Y, loaded, model_of

nn = pytest.importorskip("flax.linen", reason="Flax makes the modules")


def test_modules_of_flax_are_layers() -> None:
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any, training: bool) -> Any:
            x = nn.BatchNorm(use_running_average=not training)(nn.Dense(2)(x))
            return nn.Dropout(0.1, deterministic=not training)(x)

    layer = FlaxLayer(Net())
    assert layer.params is None and layer.state is None
    model = jkeras.Sequential([jkeras.Input((3,)), layer])
    model.compile("adam", "mse")
    before = model.get_weights()
    model.fit(X, Y, batch_size=4, verbose=0)
    after = model.get_weights()
    assert len(before) == 6 and all(
        not np.array_equal(a, b) for a, b in zip(before, after, strict=True)
    )
    assert layer.params.keys() == {"params"} and layer.state.keys() == {"batch_stats"}
    shown = jax.tree.leaves((layer.params, layer.state))  # Keras's order is that of JAX
    assert all(view is weight for view, weight in zip(shown, layer.weights, strict=True))
    assert layer.variables == layer.weights
    trees = jax.tree.map(lambda view: view.numpy(), (layer.params, layer.state))
    copy = FlaxLayer(Net(), variables=trees[0] | trees[1])
    np.testing.assert_allclose(copy(X), model(X), rtol=1e-5, atol=1e-6)

    variables = {"params": {"kernel": np.ones((3, 2), "float32")}}
    layer = FlaxLayer(nn.Dense(2, use_bias=False), variables=variables)
    assert np.array_equal(layer.params["params"]["kernel"], W) and layer.state == {}
    np.testing.assert_allclose(layer(X), Y, rtol=1e-6)


def test_statistics_of_a_module_are_those_of_real_rows() -> None:
    class Net(nn.Module):
        @nn.compact
        def __call__(self, x: Any, training: bool) -> Any:
            return nn.BatchNorm(use_running_average=not training, momentum=0.5)(x)

    layer = FlaxLayer(Net())
    model = model_of(layer, jkeras.layers.Dense(2))
    model.fit(X[:6], Y[:6], batch_size=4, shuffle=False, verbose=0)
    expected = 0.25 * X[:4].mean(axis=0) + 0.5 * X[4:6].mean(axis=0)
    mean = layer.state["batch_stats"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, expected, rtol=1e-5, atol=1e-6)


def test_a_module_of_flax_may_draw_outside_of_training() -> None:
    class Noise(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            return x + jax.random.normal(self.make_rng("dropout"), x.shape)

    model = jkeras.Sequential([jkeras.Input((3,)), FlaxLayer(Noise())])
    first, second = (model.predict(X, verbose=0) for _ in range(2))
    assert not np.array_equal(first, second) and 0.5 < np.std(first - X) < 1.5


def test_a_module_with_dropout_follows_its_seed() -> None:
    class Drop(nn.Module):
        @nn.compact
        def __call__(self, x: Any, training: bool = False) -> Any:
            return nn.Dense(2)(nn.Dropout(0.5, deterministic=not training)(x))

    def losses(seed: int | None, model_seed: int) -> Any:
        model = model_of(FlaxLayer(Drop(), seed=seed), seed=model_seed)
        return model.fit(X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0).history["loss"]

    assert losses(3, 0) == losses(3, 1) != losses(4, 0)
    assert losses(None, 0) != losses(None, 1)


def test_methods_of_modules(tmp_path: Path) -> None:
    @register_keras_serializable("jax_layer_tests")
    class Sides(nn.Module):
        @nn.compact
        def forward(self, inputs: Any) -> Any:
            return nn.Dense(2)(inputs)

        @nn.compact
        def both(self, a: Any, b: Any, deterministic: bool) -> Any:
            return nn.Dropout(0.5, deterministic=deterministic)(nn.Dense(2)(a + b))

        def get_config(self) -> dict[str, Any]:
            return {}

    @register_keras_serializable("jax_layer_tests")
    def wrapper(module: Any, inputs: Any, training: bool) -> Any:
        return module.both(*inputs, deterministic=not training)

    for method in ("forward", Sides().forward, Sides.forward):
        layer = FlaxLayer(Sides(), method=method)
        assert layer(X).shape == (16, 2)
    copy = loaded(model_of(FlaxLayer(Sides(), method=Sides().forward)), tmp_path)
    assert copy.layers[-1].method == "forward"

    a, b = jkeras.Input((3,)), jkeras.Input((3,))
    model = jkeras.Model([a, b], FlaxLayer(Sides(), method=wrapper)([a, b]))
    model.compile("sgd", "mse")
    model.fit([X, X], Y, verbose=0)
    model.save(tmp_path / "wrapped.keras")
    copy = jkeras.models.load_model(tmp_path / "wrapped.keras")
    outputs = [each.predict([X, X], verbose=0) for each in (model, copy)]
    np.testing.assert_array_equal(*outputs)


def test_variables_without_params() -> None:
    class Count(nn.Module):
        @nn.compact
        def __call__(self, x: Any) -> Any:
            count = self.variable("a", "b", lambda: jnp.zeros((), "int32"))
            count.value = count.value + 1
            return x

    frozen = pytest.importorskip("flax", reason="Flax makes the module").core.freeze
    for variables in ({"a": {"b": 0}}, frozen({"a": {"b": 0}})):
        layer = FlaxLayer(Count(), variables=variables)
        layer(np.ones(1))
        assert layer.params == {} and int(layer.state["a"]["b"]) == 1


def test_a_module_computes_in_the_dtype_of_the_layer() -> None:
    layer = FlaxLayer(nn.Dense(2), dtype="mixed_bfloat16")
    assert layer(X).dtype == "bfloat16"
    assert {str(weight.dtype) for weight in layer.weights} == {"float32"}


def test_wrong_modules_methods_and_variables_are_named() -> None:
    dense = nn.Dense(2)
    with pytest.raises(TypeError, match=r"expected a module of flax\.linen, got 3"):
        FlaxLayer(3)
    words = r"`method`: expected a method of Dense, got 'initt'\. Did you mean 'init'\?"
    with pytest.raises(ValueError, match=words):
        FlaxLayer(dense, method="initt")
    with pytest.raises(TypeError, match="`method`: expected a method of Dense or a function, got"):
        FlaxLayer(dense, method=3)
    with pytest.raises(TypeError, match="`variables`: expected the variables of a module by"):
        FlaxLayer(dense, variables=[1.0])


def test_a_seed_counts_where_it_is_given() -> None:
    drop = jkeras.layers.Dropout(0.5, seed=7)
    for layer, seed in ((FlaxLayer(nn.Dense(2)), 7), (FlaxLayer(nn.Dense(2), seed=5), 5)):
        assert fixed_seed(jkeras.models.Chain([layer, drop])) == seed
