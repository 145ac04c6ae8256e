"""`jkeras.backend` and `jkeras.config`: questions, and settings that are fixed."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import (
    Input,
    Sequential,
    Variable,
    backend,
    config,
    initializers,
    layers,
    ops,
    random,
)
from jkeras.core.symbols import Symbol


def test_what_is_fixed():
    assert (backend.backend(), backend.floatx()) == ("jax", "float32")
    assert (backend.epsilon(), backend.image_data_format()) == (1e-7, "channels_last")
    assert config.is_nnx_enabled() is False


def test_setting_what_is_so_changes_nothing():
    config.set_backend("jax")
    config.set_floatx("float32")
    config.set_epsilon(1e-7)
    config.set_image_data_format("channels_last")
    assert backend.floatx() == "float32"


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_floatx_is_the_dtype_of_later_layers_and_arrays(dtype):
    old = layers.Dense(1)
    try:
        with jax.enable_x64(True):
            config.set_floatx(dtype)
            assert config.floatx() == config.dtype_policy().name == dtype
            model = Sequential([Input((2,)), layers.Dense(1)])
            assert model.predict(np.ones((3, 2)), verbose=0).dtype == dtype
            assert old(np.ones((1, 2))).dtype == "float64"
            made = [
                ops.zeros((2,)), ops.ones(2), ops.full((2,), 3), ops.eye(2), ops.one_hot(1, 3),
                random.normal((2,), seed=1), Variable("ones", shape=(2,)),
                initializers.HeNormal(1)((2, 2)),
            ]  # fmt: skip
            assert {str(array.dtype) for array in made} == {dtype}
            config.set_dtype_policy("float32")
            assert config.dtype_policy().name == "float32"
    finally:
        config.set_floatx("float32")
    assert str(ops.zeros((2,)).dtype) == "float32"


def test_arrays_without_a_dtype_are_in_floatx_in_64_bits_too():
    with jax.enable_x64(True):
        made = [ops.zeros(2), ops.ones(2), ops.eye(2), ops.identity(2), ops.tri(2), ops.empty(2)]
        assert {str(array.dtype) for array in made} == {"float32"}


def test_a_variable_takes_the_name_of_an_initializer():
    variable = Variable("ones", shape=(2, 3), name="w")
    assert np.array_equal(variable, np.ones((2, 3))) and str(variable.dtype) == "float32"
    with pytest.raises(ValueError, match="unknown initializer 'oness'"):
        Variable("oness", shape=(2,))


def test_numbers_for_prefixes_start_anew():
    backend.clear_session()
    assert [backend.get_uid("a"), backend.get_uid("a"), backend.get_uid("b")] == [1, 2, 1]
    backend.clear_session(free_memory=False)
    assert backend.get_uid("a") == 1


def test_dtypes():
    assert backend.is_float_dtype("bfloat16")
    assert not backend.is_float_dtype("int8")
    assert backend.is_int_dtype(jnp.uint8)
    assert not backend.is_int_dtype("bool")
    assert backend.standardize_dtype(float) == "float32"


@pytest.mark.parametrize(
    ("dtypes", "result"),
    [
        ((), "float32"),
        ((int, float), "float32"),
        (("int8", "uint8"), "int16"),
        (("bfloat16", "float16"), "float32"),
        (("int32", float), "float32"),
        (("float16", float), "float16"),
        (("bool", int), "int32"),
        (("float16", np.dtype("float32")), "float32"),
    ],
)
def test_result_types_are_keras(dtypes, result):
    assert backend.result_type(*dtypes) == result


def test_symbols_are_keras_tensors():
    assert backend.is_keras_tensor(Symbol((None, 2)))
    assert not backend.is_keras_tensor(jnp.ones(2))


WRONG = [
    (
        lambda: config.set_floatx("mixed_float16"),
        "set_floatx: `value`: expected a dtype, got 'mixed_float16'. Call "
        "set_dtype_policy('mixed_float16').",
    ),
    (
        lambda: config.set_floatx("float64"),
        "set_floatx: `value`: expected a dtype that JAX is set to compute in, got 'float64' in "
        "32-bit mode. Switch 64 bits on before the first array: "
        "jax.config.update('jax_enable_x64', True), or set the environment variable "
        "JAX_ENABLE_X64=1.",
    ),
    (
        lambda: config.set_epsilon(1e-3),
        "set_epsilon: expected `value` 1e-07, got 0.001. Layers, optimizers and ops take "
        "`epsilon=...` of their own.",
    ),
    (
        lambda: config.set_image_data_format("channel_first"),
        "set_image_data_format: expected `data_format` 'channels_last' or 'channels_first', got "
        "'channel_first'. Did you mean 'channels_first'?",
    ),
    (
        lambda: config.set_backend("torch"),
        "set_backend: expected `backend` 'jax', got 'torch'. This package runs on JAX alone.",
    ),
    (
        lambda: config.enable_flash_attention,
        "module 'jkeras.config' has no attribute 'enable_flash_attention'. Pass "
        "flash_attention=True to the attention layer.",
    ),
    (
        lambda: backend.standardize_dtype("flaot32"),
        "standardize_dtype: expected a dtype such as 'float32', got 'flaot32' (str). Did you mean "
        "'float32'?",
    ),
]


@pytest.mark.parametrize(("call", "message"), WRONG, ids=[text[:40] for _, text in WRONG])
def test_messages(call, message):
    with pytest.raises((AttributeError, ValueError)) as caught:
        call()
    assert str(caught.value) == message
