"""Layers in 8 and 4 bits: Keras's whole numbers, scales, outputs and files."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import jax
import keras
import numpy as np
import pytest

import jkeras
from jkeras import layers, quantizers

# Keras's own reading of its variables, by NumPy 2.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Layer .* does not have a `quantize` method:UserWarning"),
]
IDS = np.random.default_rng(0).integers(0, 7, (4, 3))
Y = np.random.default_rng(1).normal(size=(4, 2)).astype("float32")
CONFIGS: dict[str, Any] = {
    "int8": ("Int8QuantizationConfig", {}),
    "int8 weights": ("Int8QuantizationConfig", {"activation_quantizer": None}),
    "int4": ("Int4QuantizationConfig", {}),
    "int4 blocks": ("Int4QuantizationConfig", {"block_size": 2}),
    "int4 whole": ("Int4QuantizationConfig", {"block_size": None}),
}


@pytest.fixture(autouse=True)
def lenient() -> Iterator[None]:
    """Keras mixes dtypes and ranks, as JAX allows when it is not told otherwise."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def _model(library: Any) -> Any:
    kinds = library.layers
    library.utils.set_random_seed(0)
    return library.Sequential(
        [
            library.Input((3,), dtype="int32"),
            kinds.Embedding(7, 5),
            kinds.EinsumDense("abc,cde->abed", (3, 2, 3), bias_axes="e"),
            kinds.Reshape((3, 6)),
            kinds.EinsumDense("abx,xy->aby", (3, 5)),
            kinds.Flatten(),
            kinds.Dense(2, activation="tanh"),
        ]
    )


def _config(library: Any, name: str) -> Any:
    kind, arguments = CONFIGS[name]
    return getattr(library.quantizers, kind)(**arguments)


@pytest.mark.parametrize("name", CONFIGS)
def test_numbers_and_files_are_those_of_keras(name: str, tmp_path: Any) -> None:
    theirs, ours = _model(keras), _model(jkeras)
    ours.set_weights(theirs.get_weights())
    theirs.quantize(config=_config(keras, name))
    ours.quantize(config=_config(jkeras, name))
    expected = theirs.predict(IDS, verbose=0)
    np.testing.assert_allclose(ours.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)
    for mine, other in zip(ours.layers, theirs.layers, strict=True):
        found = {weight.name: weight.numpy() for weight in mine.weights}
        wanted = {weight.name: np.asarray(weight) for weight in other.weights}
        assert found.keys() == wanted.keys()
        for key, value in wanted.items():
            assert found[key].dtype == value.dtype and found[key].shape == value.shape
            np.testing.assert_allclose(found[key], value, rtol=1e-6)
    ours.save(tmp_path / "ours.keras")
    theirs.save(tmp_path / "theirs.keras")
    in_keras = keras.saving.load_model(tmp_path / "ours.keras")
    np.testing.assert_allclose(in_keras.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)
    back = jkeras.saving.load_model(tmp_path / "theirs.keras")
    assert back.layers[-1].quantization_mode == name[:4]
    np.testing.assert_allclose(back.predict(IDS, verbose=0), expected, rtol=1e-5, atol=1e-6)


KINDS: dict[str, Any] = {
    "Dense": (lambda kinds: kinds.Dense(4), (None, 6)),
    "Dense without bias": (lambda kinds: kinds.Dense(4, use_bias=False), (None, 6)),
    "EinsumDense": (
        lambda kinds: kinds.EinsumDense("ab,bcd->acd", (2, 4), bias_axes="d"),
        (None, 6),
    ),
    "Embedding": (lambda kinds: kinds.Embedding(5, 4), (None,)),
}


@pytest.mark.parametrize("lora", [False, True])
@pytest.mark.parametrize("mode", ["int8", "int4", "int4 blocks"])
@pytest.mark.parametrize("name", KINDS)
def test_the_order_of_weights_is_that_of_keras(name: str, mode: str, lora: bool) -> None:
    make_fn, shape = KINDS[name]
    layers_of_both = []
    for library in (keras, jkeras):
        layer = make_fn(library.layers)
        layer.build(shape)
        if lora:
            layer.enable_lora(2)
        layer.quantize(config=_config(library, mode))
        layers_of_both.append(layer)
    theirs, ours = layers_of_both
    assert [weight.name for weight in ours.weights] == [weight.name for weight in theirs.weights]
    ours.set_weights(theirs.get_weights())
    for mine, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_array_equal(mine, other)


def test_biases_and_low_rank_parts_are_trained(tmp_path: Any) -> None:
    model = _model(jkeras)
    model.compile("sgd", "mse")
    model.fit(IDS, Y, verbose=0)
    model.quantize("int8")
    model.layers[-1].enable_lora(2)
    kernel = model.layers[-1].kernel.numpy()
    before = model.predict(IDS, verbose=0)
    model.fit(IDS, Y, epochs=3, verbose=0)
    after = model.predict(IDS, verbose=0)
    assert not np.allclose(after, before)
    assert np.array_equal(model.layers[-1].kernel.numpy(), kernel)
    model.save(tmp_path / "m.keras")  # the sum in whole numbers again
    expected = keras.saving.load_model(tmp_path / "m.keras").predict(IDS, verbose=0)
    back = jkeras.saving.load_model(tmp_path / "m.keras").predict(IDS, verbose=0)
    np.testing.assert_allclose(back, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(back, after, atol=0.05)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.predict(IDS, verbose=0), after)


def test_gradients_of_inputs_are_those_of_keras() -> None:
    theirs, ours = keras.layers.Dense(3), layers.Dense(3)
    x = np.random.default_rng(2).normal(size=(2, 4)).astype("float32")
    theirs.build((None, 4))
    ours.build((None, 4))
    ours.set_weights(theirs.get_weights())
    theirs.quantize("int8")
    ours.quantize("int8")
    wanted = jax.grad(lambda x: keras.ops.sum(theirs(x) ** 2))(x)
    np.testing.assert_allclose(jax.grad(lambda x: (ours(x) ** 2).sum())(x), wanted, rtol=1e-5)


def test_filters_and_policies() -> None:
    model = _model(jkeras)
    model.quantize("int8", filters="^dense$")
    modes = [getattr(layer, "quantization_mode", None) for layer in model.layers]
    assert modes == [None] * 5 + ["int8"]
    layer = layers.Dense(2, dtype="int4/2_from_mixed_bfloat16")
    assert (layer.quantization, str(layer.dtype), layer.block_size) == ("int4/2", "bfloat16", 2)
    assert layers.Dense.from_config(layer.get_config()) == layer
    policy = jkeras.dtype_policies.QuantizedDTypePolicy("int8", "float32")
    assert layers.Dense(2, dtype=policy).quantization == "int8"


def test_wrong_use_is_refused() -> None:
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="expected a layer with weights"):
        layer.quantize("int8")
    layer.build((None, 3))
    with pytest.raises(ValueError, match=r"'int8', 'float8', 'int4', got .*Did you mean 'int8'"):
        layer.quantize("int9")
    with pytest.raises(NotImplementedError, match="'gptq': the algorithm is not built"):
        layer.quantize("gptq")
    layer.quantize("int8")
    with pytest.raises(ValueError, match="expected a layer that is not quantized, got one in int8"):
        layer.quantize("int4")
    with pytest.raises(ValueError, match="`mode` is 'int4', and `config` is of mode 'int8'"):
        layers.Dense(2).quantize("int4", config=quantizers.Int8QuantizationConfig())


def test_the_policy_of_a_quantized_layer_is_that_of_keras(tmp_path: Any) -> None:
    for source in ("float32", "mixed_bfloat16"):
        policies = []
        for library in (keras, jkeras):
            model = library.Sequential(
                [library.Input((3,)), library.layers.Dense(2, dtype=source, name="dense")]
            )
            assert model.layers[0].dtype_policy.name == source
            model.quantize("int8")
            policies.append(model.layers[0].dtype_policy.name)
        assert policies == [f"int8_from_{source}"] * 2
        model.save(tmp_path / "ours.keras")
        theirs = keras.models.load_model(tmp_path / "ours.keras")
        assert theirs.layers[0].dtype_policy.name == f"int8_from_{source}"
        assert theirs.layers[0].bias.dtype == "float32"


def test_a_quantized_model_takes_no_other_form() -> None:
    model = jkeras.Sequential([jkeras.Input((4,)), layers.Dense(2), layers.Dense(2)])
    model.quantize("int8", filters="^dense_1$")
    with pytest.raises(ValueError, match="Dense 'dense_1' is in int8 already"):
        model.quantize("int4")
    assert [layer.quantization_mode for layer in model.layers] == [None, "int8"]
    model.quantize("int8")  # the others
    assert [layer.quantization_mode for layer in model.layers] == ["int8", "int8"]


def test_int8_over_float16_is_refused() -> None:
    layer = layers.Dense(2, dtype="mixed_float16")
    layer.build((None, 3))
    with pytest.raises(ValueError, match="int8 over float16 overflows"):
        layer.quantize("int8")
    assert layer.quantization_mode is None
