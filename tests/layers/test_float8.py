"""Layers in float8: Keras's numbers after steps of training, its files, its refusals."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.core import computed_weights
from jkeras.dtype_policies import QuantizedFloat8DTypePolicy
from jkeras.ops import float8
from jkeras.training import make_init, make_train_step

# Keras's own reading of its variables, by NumPy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning"),
]
X = np.random.default_rng(0).normal(size=(20, 3, 4)).astype("float32")
Y = np.random.default_rng(1).normal(size=(20, 2)).astype("float32")
FIT: dict[str, Any] = {"epochs": 3, "batch_size": 8, "shuffle": False, "verbose": 0}


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Keras mixes dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _model(library: Any, dtype: Any = "float32") -> Any:
    kinds = library.layers
    library.utils.set_random_seed(0)
    return library.Sequential(
        [
            library.Input((3, 4)),
            kinds.EinsumDense("abc,cde->abed", (3, 2, 3), bias_axes="e", dtype=dtype),
            kinds.Reshape((3, 6)),
            kinds.Dense(5, activation="tanh", dtype=dtype),
            kinds.Flatten(),
            kinds.Dense(2, use_bias=False, dtype=dtype),
        ]
    )


def _pair(optimizer: str, dtype: str) -> tuple[Any, Any]:
    """Keras's model and ours after equal steps; the last batch of an epoch is smaller."""
    theirs, ours = _model(keras, dtype), _model(jkeras, dtype)
    ours.set_weights(theirs.get_weights())
    for model in (theirs, ours):
        model.quantize("float8")
        model.compile(optimizer, "mse")
        model.fit(X, Y, **FIT)
    return theirs, ours


def _assert_same_weights(ours: Any, theirs: Any, **tolerance: float) -> None:
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        found = {weight.name: weight.numpy() for weight in mine.weights}
        wanted = {weight.name: np.asarray(weight) for weight in other.weights}
        assert list(found) == list(wanted)
        for name, value in wanted.items():
            assert found[name].dtype == value.dtype and found[name].shape == value.shape
            np.testing.assert_allclose(found[name], value, **tolerance, err_msg=name)


def test_steps_and_files_are_those_of_keras(tmp_path: Any) -> None:
    theirs, ours = _pair("adam", "float32")
    _assert_same_weights(ours, theirs, rtol=1e-4, atol=1e-6)
    expected = theirs.predict(X, verbose=0)
    found = ours.predict(X, verbose=0)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    in_keras = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(in_keras.predict(X, verbose=0), found, rtol=1e-5, atol=1e-6)
    back = jkeras.saving.load_model(tmp_path / "theirs.keras")
    assert [layer.dtype_policy.name for layer in back.layers[::2]] == ["float8_from_float32"] * 3
    np.testing.assert_allclose(back.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    theirs.fit(X, Y, **FIT)  # with the optimizer of the file
    back.fit(X, Y, **FIT)
    np.testing.assert_allclose(
        back.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-3, atol=1e-4
    )
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    _assert_same_weights(ours, theirs, rtol=0, atol=0)
    ours.save_weights(tmp_path / "ours.weights.h5")
    in_keras.load_weights(tmp_path / "ours.weights.h5")
    np.testing.assert_allclose(
        in_keras.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-6
    )


def test_narrow_arithmetic_is_that_of_keras() -> None:
    theirs, ours = _pair("sgd", "mixed_bfloat16")
    _assert_same_weights(ours, theirs, rtol=2e-2, atol=2e-3)
    assert ours.layers[0].dtype_policy.name == "float8_from_mixed_bfloat16"


def test_filler_rows_do_not_count() -> None:
    kernel, x = np.ones((2, 1), "float32"), np.array([[1.0, 2.0], [3.0, 99.0]], "float32")
    layer = layers.Dense(1, use_bias=False, dtype=QuantizedFloat8DTypePolicy("float8", None, 4))
    params, _ = layer.init(jax.random.key(0), jnp.zeros((2, 2)))
    params["kernel"] = jnp.asarray(kernel)

    def total(params: Any, rows: Any) -> Any:
        outputs = layer.apply(params, {}, x, rows=rows)[0]
        return jnp.sum(jnp.where(rows[:, None], outputs, 0))

    grads = jax.grad(total)(params, jnp.array([True, False]))
    assert grads["inputs_amax_history"].tolist() == [2.0, 0.0, 0.0, 0.0]
    assert layer.padded_rows == "masked" and layers.Dense(1).padded_rows == "ignored"


def _statistics(value: float) -> dict[str, Any]:
    first = float8.first_statistics(3)
    return {name: array + value for name, array in first.items()}


def test_gradients_are_the_next_values() -> None:
    x, kernel = jnp.array([[1.0, -3.0]]), jnp.array([[2.0], [0.5]])
    statistics = _statistics(1.0)

    def total(statistics: Any) -> Any:
        return 5 * jnp.sum(float8.float8_product(jnp.matmul, x, kernel, statistics))

    grads = jax.jit(jax.grad(total))(statistics)
    new = float8.next_statistics(statistics, grads)
    assert list(new) == list(float8.NAMES)
    for name in float8.NAMES:
        np.testing.assert_array_equal(new[name], grads[name], err_msg=name)
    assert new["inputs_amax_history"].tolist() == [3.0, 1.0, 1.0]
    assert new["outputs_grad_amax_history"].tolist() == [5.0, 1.0, 1.0]
    np.testing.assert_allclose(new["kernel_scale"], 1 / 448, rtol=1e-6)
    np.testing.assert_allclose(new["outputs_grad_scale"], 1 / 57344, rtol=1e-6)


def test_a_layer_that_runs_twice_keeps_its_scales_in_bounds() -> None:
    shared, inputs = layers.Dense(4), jkeras.Input((4,))
    model = jkeras.Model(inputs, shared(shared(inputs)))
    model.quantize("float8")
    model.compile("sgd", "mse")
    x = X[:, 0]
    model.fit(x, x, epochs=6, batch_size=20, verbose=0)
    largest = float(np.abs(x).max())
    history = shared.inputs_amax_history.numpy()
    assert largest <= history.max() < 4 * largest  # Keras doubles the histories with every step
    np.testing.assert_allclose(shared.inputs_scale.numpy(), history[1:].max() / 448, rtol=1e-6)


def test_steps_run_under_vmap_and_scan() -> None:
    net = jkeras.models.Chain([layers.Dense(3, dtype="float8_from_float32"), layers.Dense(2)])
    options: dict[str, Any] = {"loss": "mse", "optimizer": "adam"}
    batch = jnp.asarray(X[:, 0]), jnp.asarray(Y)
    init, step = make_init(net, **options), make_train_step(net, **options)

    def trained(key: Any) -> Any:
        state = init(key, batch[0])
        return jax.lax.scan(lambda state, _: step(state, batch), state, None, length=3)[0].params

    keys = jax.random.split(jax.random.key(0), 2)
    together = jax.jit(jax.vmap(trained))(keys)
    for i, key in enumerate(keys):
        state = init(key, batch[0])
        for _ in range(3):
            state, _ = jax.jit(step)(state, batch)
        alone = jax.tree.map(lambda a, i=i: a[i], together)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), alone, state.params
        )


def test_no_optimizer_moves_scales() -> None:
    model = _model(jkeras)
    model.quantize("float8")
    decaying = jkeras.optimizers.AdamW(0.1, weight_decay=0.5, global_clipnorm=1.0)
    model.compile(decaying, "mse")
    model.fit(X, Y, **FIT)
    history = model.layers[0].inputs_amax_history.numpy()
    assert history.shape == (1024,) and np.count_nonzero(history) == 9
    np.testing.assert_allclose(history.max(), np.abs(X).max())
    before = model.layers[0].inputs_scale.numpy()
    model.layers[0].trainable = False
    model.fit(X, Y, **FIT)
    assert model.layers[0].inputs_scale.numpy() == before


def test_a_step_that_loss_scaling_leaves_out_changes_no_scale() -> None:
    model = _model(jkeras, "mixed_float16")
    model.quantize("float8")
    model.compile(jkeras.optimizers.LossScaleOptimizer(jkeras.optimizers.SGD()), "mse")
    model.fit(X, Y, **FIT)
    before = model.get_weights()
    model.train_on_batch(np.full_like(X, 6e4), Y)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), before, strict=True))


class _ByMethod(jkeras.Model):
    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


def test_steps_by_methods_and_standalone_optimizers_do_the_same() -> None:
    models = []
    for kind in (jkeras.Model, _ByMethod):
        net = _model(jkeras)
        model = kind(net.inputs, net.outputs)
        model.quantize("float8")
        model.compile("sgd", "mse")
        model.fit(X, Y, **FIT)
        models.append(model)
    for a, b in zip(*(model.get_weights() for model in models), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
    variables = models[0].layers[1].trainable_weights
    assert [v.overwrite_with_gradient for v in variables] == [False] * 2 + [True] * 6
    optimizer = jkeras.optimizers.SGD(0.5)
    optimizer.build(variables)
    values = [v.value for v in variables]
    new, _ = optimizer.stateless_apply(optimizer.variables, [2 * v for v in values], values)
    np.testing.assert_allclose(new[0], np.zeros_like(new[0]), atol=1e-6)
    np.testing.assert_allclose(new[2], 2 * values[2])


def test_policies_name_the_length_of_histories(tmp_path: Any) -> None:
    policy = QuantizedFloat8DTypePolicy("float8", "float32", 7)
    layer = layers.Dense(2, dtype=policy)
    assert (layer.quantization, layer.amax_history_length) == ("float8/7", 7)
    assert layer.dtype_policy == policy
    assert layers.Dense.from_config(layer.get_config()) == layer
    model = jkeras.Sequential([jkeras.Input((3,)), layer])
    assert model.layers[0].kernel_amax_history.shape == (7,)
    model.quantize("float8")  # as it is
    model.save(tmp_path / "m.keras")
    theirs = keras.saving.load_model(tmp_path / "m.keras")
    assert theirs.layers[0].dtype_policy.amax_history_length == 7
    back = jkeras.saving.load_model(tmp_path / "m.keras")
    assert back.layers[0].amax_history_length == 7
    assert pickle.loads(pickle.dumps(model)).layers[0].amax_history_length == 7
    with pytest.raises(ValueError, match="`amax_history_length`: expected at least 1, got 0"):
        QuantizedFloat8DTypePolicy("float8", "float32", 0)


def test_wrong_use_is_refused() -> None:
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="expected a layer with weights"):
        layer.quantize("float8")
    layer.build((None, 3))
    layer.quantize("float8")
    for mode in ("float8", "int8"):
        with pytest.raises(
            ValueError, match="expected a layer that is not quantized, got one in float8/1024"
        ):
            layer.quantize(mode)
    with pytest.raises(NotImplementedError, match="expected no LoRA in float8, got `lora_rank`=2"):
        layer.enable_lora(2)
    with pytest.raises(NotImplementedError, match="expected no LoRA in float8"):
        layers.Dense(2, dtype="float8_from_float32", lora_rank=2)
    whole = layers.Dense(2)
    whole.build((None, 3))
    whole.quantize("int8")
    with pytest.raises(ValueError, match="expected a layer that is not quantized, got one in int8"):
        whole.quantize("float8")
    table = layers.Embedding(3, 2)
    table.build()
    with pytest.raises(NotImplementedError, match="got 'float8', which is for layers that mult"):
        table.quantize("float8")
    model = jkeras.Sequential([jkeras.Input((3,), dtype="int32"), table, layers.Dense(2)])
    with pytest.warns(UserWarning, match="Embedding 'embedding': expected one of"):
        model.quantize("float8")
    assert [layer.quantization_mode for layer in model.layers] == [None, "float8"]
    with pytest.raises(
        ValueError, match=r"Dense 'dense' is in float8/1024 already. Quantize a copy"
    ):
        model.quantize("int8")


def test_models_without_such_weights_have_none() -> None:
    net = jkeras.models.Chain([layers.Dense(1)])
    assert computed_weights.next_values(net, {}, {}) is None
    assert computed_weights.names(net) == frozenset()
