"""Sizes, paths, specs and copies of trees."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core import trees

TREE = {"b": {"kernel": jnp.ones((2, 3)), "bias": jnp.ones(3, jnp.bfloat16)}, "a": [np.int8(1)]}


def test_count_and_bytes() -> None:
    assert trees.count(TREE) == 6 + 3 + 1
    assert trees.size_bytes(TREE) == 24 + 6 + 1
    assert (trees.count({}), trees.size_bytes(None)) == (0, 0)


def test_specs_have_shapes_and_dtypes_of_arrays_and_numbers() -> None:
    assert trees.specs(TREE)["b"]["bias"] == jax.ShapeDtypeStruct((3,), jnp.bfloat16)
    assert trees.spec_of(2.0) == jax.ShapeDtypeStruct((), np.float64)
    assert trees.spec_of([[1, 2]]) == jax.ShapeDtypeStruct((1, 2), np.int64)
    assert trees.count(trees.specs(TREE)) == trees.count(TREE)


def test_a_copy_outlives_the_donated_original() -> None:
    original = {"x": jnp.arange(3.0)}
    kept = trees.copy(original)
    jax.jit(lambda tree: jax.tree.map(lambda a: a + 1, tree), donate_argnums=0)(original)
    assert original["x"].is_deleted()
    assert kept["x"].tolist() == [0, 1, 2]


def test_leaves_are_named_by_their_paths_in_any_tree() -> None:
    assert list(trees.named_leaves(TREE)) == ["a/0", "b/bias", "b/kernel"]
    assert list(trees.named_leaves(jnp.ones(2))) == [""]
    assert trees.named_leaves(((), None, {})) == {}


@pytest.mark.parametrize(
    ("given", "dtype"),
    [("float32", "float32"), (jnp.bfloat16, "bfloat16"), (np.dtype("int8"), "int8")],
)
def test_dtypes_by_name_and_object(given: object, dtype: str) -> None:
    assert trees.dtype_of(given) == jnp.dtype(dtype)


def test_float64_is_what_jax_makes_of_it() -> None:
    assert trees.dtype_of("float64") == np.float32
