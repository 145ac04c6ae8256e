"""Nested values: taken apart and put together they are what they were, to the last bit."""

import collections
import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jkeras.saving.nested import DEEPEST, flatten, rebuild
from tests.saving.equality import same

DTYPES = ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "float8_e4m3fn"]
ARRAYS = [np.zeros(shape, jnp.dtype(name)) for name in DTYPES for shape in [(), (0, 2), (2,)]]
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
NESTED = st.recursive(
    PLAIN | st.sampled_from(ARRAYS),
    lambda parts: (
        st.lists(parts, max_size=3)
        | st.lists(parts, max_size=3).map(tuple)
        | st.dictionaries(st.sampled_from(["a", "b", "a/b", "dict", "array", ""]), parts)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(NESTED)
def test_any_value_comes_back(value: Any) -> None:
    words, arrays = flatten(value)
    again = json.loads(json.dumps(words, allow_nan=False))
    assert same(rebuild(again, arrays), value)


def test_floats_are_exact() -> None:
    values = [0.1, 1 / 3, 5e-324, -0.0, 1.7976931348623157e308, 2.0**60, float("-inf")]
    words, arrays = flatten(values)
    assert repr(rebuild(json.loads(json.dumps(words)), arrays)) == repr(values)


def test_names_are_paths_and_never_the_same() -> None:
    one = np.ones(1)
    value = {"a": {"b": one, "c": [one]}, "a/b": one, "__metadata__": one}
    assert list(flatten(value)[1]) == ["a/b", "a/c/0", "a/b#2", "__metadata__#2"]
    assert flatten(one)[0] == {"array": "value"}


def test_arrays_of_jax_and_scalars_of_numpy_come_back_as_arrays() -> None:
    found = rebuild(*flatten((jnp.arange(3), np.float64(0.5), np.bool_(True))))
    assert [type(part) for part in found] == [np.ndarray] * 3
    assert [part.shape for part in found] == [(3,), (), ()]
    assert [part.dtype.name for part in found] == ["int32", "float64", "bool"]


@pytest.mark.parametrize("impl", ["threefry2x32", "rbg"])
def test_random_keys_come_back_as_keys(impl: str) -> None:
    found = rebuild(*flatten({"key": jax.random.key(3, impl=impl)}))["key"]
    assert found.dtype == jax.random.key(0, impl=impl).dtype
    assert (
        jax.random.key_data(found).tolist()
        == jax.random.key_data(jax.random.key(3, impl=impl)).tolist()
    )


Point = collections.namedtuple("Point", "x y")
KINDS = "expected None, a number, a string, an array, or a list, tuple or dict of these, got "


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"a": [1, {2: 3}]},
            "nested value at 'a/1': expected strings as keys, got 2 (int). Write str(key).",
        ),
        (
            {"f": max},
            f"nested value at 'f': {KINDS}<built-in function max> (builtin_function_or_method).",
        ),
        ({1}, f"nested value: {KINDS}{{1}} (set)."),
        (1j, f"nested value: {KINDS}1j (complex)."),
        (
            {"p": Point(1, 2)},
            f"nested value at 'p': {KINDS}Point(x=1, y=2) (Point). Write its fields: "
            "value._asdict().",
        ),
    ],
)
def test_other_things_are_refused(value: Any, message: str) -> None:
    with pytest.raises(TypeError) as caught:
        flatten(value)
    assert str(caught.value) == message


def test_arrays_of_other_things_are_refused() -> None:
    for array, name in [(np.array(["a"]), "str32"), (np.array([None]), "object")]:
        with pytest.raises(TypeError) as caught:
            flatten({"x": array})
        assert str(caught.value).startswith("nested value at 'x': expected a dtype that files can")
        assert str(caught.value).endswith(f"got {name}.")


def test_depth_has_a_limit() -> None:
    value: Any = 1
    for _ in range(DEEPEST):
        value = [value]
    assert rebuild(*flatten(value)) == value
    deep = f"nested value: expected at most {DEEPEST} levels, got more."
    for one_more in (lambda: flatten([value]), lambda: rebuild([value], {})):
        with pytest.raises(ValueError) as caught:
            one_more()
        assert str(caught.value) == deep


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({}, "nested value: expected a part of it, got {} (dict)."),
        ([{"tuple": 3}], "nested value at '0': expected a part of it, got {'tuple': 3} (dict)."),
        ({"float": "1"}, "nested value: expected a part of it, got {'float': '1'} (dict)."),
        ({"array": "b"}, "nested value: expected an array 'b', which is not there."),
        (
            [{"array": "a"}, {"array": "a"}],
            "nested value at '1': expected an array 'a', which was used already.",
        ),
        (3, "nested value: expected a place for every array, 'a' has none."),
        (
            {"key": ["rbg", "a"]},
            "nested value: expected the numbers of a random key of kind 'rbg', got an array of "
            "shape (2,) and dtype float32.",
        ),
        (
            {"key": ["dice", "a"]},
            "nested value: expected the numbers of a random key of kind 'dice', got an array of "
            "shape (2,) and dtype float32.",
        ),
    ],
)
def test_parts_that_do_not_go_together_are_refused(words: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        rebuild(words, {"a": np.zeros(2, np.float32)})
    assert str(caught.value) == message
