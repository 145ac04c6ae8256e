"""Policies: what a layer computes in, by its argument or by the policy for all."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import pytest

import jkeras
from jkeras import dtype_policies
from jkeras import layers as L
from jkeras.mixed_precision import DTypePolicy, dtype_policy, set_dtype_policy


@pytest.fixture
def narrow() -> Iterator[None]:
    set_dtype_policy("mixed_bfloat16")
    yield
    set_dtype_policy("float32")


def test_a_policy_is_a_dtype_to_compute_in() -> None:
    by_policy = L.Dense(2, dtype="mixed_bfloat16")
    assert by_policy == L.Dense(2, dtype="bfloat16") == L.Dense(2, dtype=DTypePolicy("bfloat16"))
    assert (by_policy.compute_dtype, by_policy.variable_dtype) == ("bfloat16", "float32")
    assert by_policy.dtype_policy == DTypePolicy("mixed_bfloat16")
    assert L.Dense(2).dtype_policy == L.Dense(2, dtype="float32").dtype_policy
    params, state = by_policy.init(jax.random.key(0), jnp.ones((1, 3)))
    assert params["kernel"].dtype == jnp.float32
    assert by_policy.apply(params, state, jnp.ones((1, 3)))[0].dtype == jnp.bfloat16


def test_the_policy_for_all_acts_where_a_layer_is_made(narrow: None) -> None:
    dense, inputs = L.Dense(2), L.InputLayer((3,))
    net = jkeras.models.Chain([dense])
    wrapped = L.TimeDistributed(L.Dense(2, dtype="float32"))
    set_dtype_policy("float32")
    assert dense == L.Dense(2, dtype="bfloat16") != L.Dense(2)
    assert dense.replace(units=3).dtype == jnp.bfloat16
    assert (inputs.dtype, net.dtype, wrapped.dtype) == (None, None, None)
    assert wrapped.inner.dtype == jnp.float32
    later = L.Dense(2)
    set_dtype_policy("mixed_float16")
    assert later.replace(name="x").dtype is None and dtype_policy() == DTypePolicy("mixed_float16")


def test_policies_are_found_and_written_as_in_keras() -> None:
    policy = dtype_policies.get("mixed_float16")
    assert dtype_policies.get(dtype_policies.serialize(policy)) == policy
    assert dtype_policies.serialize(policy)["config"] == {"name": "mixed_float16"}
    assert dtype_policies.get(None) == jkeras.config.dtype_policy() == DTypePolicy("float32")


def test_a_layer_with_none_follows_the_policy_and_a_read_or_changed_one_does_not() -> None:
    plain = L.Dense(2)
    config = plain.get_config()

    class Own(L.Layer):
        def __init__(self, dtype: object = None, **kwargs: object) -> None:
            super().__init__(dtype=dtype, **kwargs)
            self.dense = L.Dense(2, dtype=dtype)

        def call(self, x: jax.Array) -> jax.Array:
            return self.dense(x)

    own = Own().get_config()
    set_dtype_policy("mixed_bfloat16")
    try:
        assert L.Dense(2, dtype=None).dtype == Own().dtype == Own().dense.dtype == jnp.bfloat16
        read = L.Dense.from_config(config), plain.replace(units=3), Own.from_config(own).dense
        assert [layer.dtype for layer in read] == [None] * 3
        assert Own.from_config(own).dtype is None
        assert Own.from_config(own).get_config() == own
    finally:
        set_dtype_policy("float32")


def test_none_is_the_policy_for_all(narrow: None) -> None:
    assert DTypePolicy() == DTypePolicy(None) == DTypePolicy("mixed_bfloat16")
    assert repr(DTypePolicy()) == '<DTypePolicy "mixed_bfloat16">'
    assert DTypePolicy().quantization_mode is None
    assert dtype_policies.FloatDTypePolicy is DTypePolicy


def test_layers_of_whole_numbers_have_a_policy() -> None:
    resizing = L.Resizing(2, 2, dtype="uint8")
    assert resizing.dtype_policy == DTypePolicy("uint8")
    assert (resizing.compute_dtype, resizing.variable_dtype) == ("uint8", "uint8")
    assert resizing(jnp.ones((1, 4, 4, 1), jnp.uint8)).dtype == jnp.uint8
    model = jkeras.Sequential([L.Dense(2)])
    for refuse in (set_dtype_policy, lambda name: setattr(model, "dtype_policy", name)):
        with pytest.raises(ValueError, match=r"expected one of 'float32', .*, got 'uint8'"):
            refuse("uint8")


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(ValueError) as caught:
        set_dtype_policy("mixed_fp16")
    assert str(caught.value) == (
        "set_dtype_policy: `policy`: expected one of 'float32', 'mixed_bfloat16', 'mixed_float16', "
        "'bfloat16', 'float16', 'float64', got 'mixed_fp16'. Did you mean 'mixed_float16'?"
    )
