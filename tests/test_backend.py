"""`jkeras.backend` and `jkeras.config`: questions, and settings that are fixed."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import backend, config
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
        lambda: config.set_floatx("float16"),
        "set_floatx: expected `value` 'float32', got 'float16'. Give layers that should compute in "
        "another dtype `dtype=...`, or the model inputs in it.",
    ),
    (
        lambda: config.set_epsilon(1e-3),
        "set_epsilon: expected `value` 1e-07, got 0.001. Layers, optimizers and ops take "
        "`epsilon=...` of their own.",
    ),
    (
        lambda: config.set_image_data_format("channels_first"),
        "set_image_data_format: expected `data_format` 'channels_last', got 'channels_first'. "
        'Give layers data_format="channels_first".',
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
