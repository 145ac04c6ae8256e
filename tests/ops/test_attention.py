"""Attention as a function: the two ways agree, and its laws hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.platform import programs_for
from jkeras.ops import attention
from jkeras.ops.attention import attend, attend_with_scores, masked_softmax
from jkeras.ops.masks import causal_mask


def normal(*shape: int, seed: int = 0) -> jax.Array:
    """Normal numbers."""
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.fixture(params=[4, 2, 1], ids="shared_heads={}".format)
def arrays(request: pytest.FixtureRequest) -> tuple[jax.Array, ...]:
    """Query, key and value with four query heads."""
    shared = request.param
    return normal(2, 3, 4, 5), normal(2, 6, shared, 5, seed=1), normal(2, 6, shared, 5, seed=2)


def assert_close(got: jax.Array, expected: jax.Array) -> None:
    """Equal up to rounding."""
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)


def test_both_ways_agree(arrays: tuple[jax.Array, ...]) -> None:
    mask = (
        jnp.asarray(np.random.default_rng(3).uniform(size=(2, 1, 3, 6)) < 0.5).at[..., 0].set(True)
    )
    for allowed in (None, mask):
        expected, _ = attend_with_scores(*arrays, scale=0.3, mask=allowed)
        assert_close(attend(*arrays, scale=0.3, mask=allowed), expected)
    expected, _ = attend_with_scores(*arrays, scale=0.3, mask=causal_mask(3, 6)[None, None])
    assert_close(attend(*arrays, scale=0.3, causal=True), expected)


def test_scores_are_distributions_that_weigh_the_values(arrays: tuple[jax.Array, ...]) -> None:
    means, scores = attend_with_scores(*arrays, scale=0.3)
    assert scores.shape == (2, 4, 3, 6)
    assert_close(scores.sum(-1), jnp.ones((2, 4, 3)))
    values = jnp.repeat(arrays[2], 4 // arrays[2].shape[2], axis=2)
    assert_close(means, jnp.einsum("bnts,bsnh->btnh", scores, values))


def test_a_masked_key_changes_nothing(arrays: tuple[jax.Array, ...]) -> None:
    query, key, value = arrays
    mask = (jnp.arange(6) < 4)[None, None, None]
    changed = key.at[:, 4:].add(9.0), value.at[:, 4:].add(9.0)
    for function in (attend, lambda *a, **k: attend_with_scores(*a, **k)[0]):
        expected = function(query, key[:, :4], value[:, :4], scale=0.3)
        assert_close(function(query, *changed, scale=0.3, mask=mask), expected)


def test_the_order_of_keys_does_not_matter(arrays: tuple[jax.Array, ...]) -> None:
    query, key, value = arrays
    expected = attend(query, key, value, scale=0.3)
    assert_close(attend(query, key[:, ::-1], value[:, ::-1], scale=0.3), expected)


def test_dropping_changes_the_means_and_not_the_scores(arrays: tuple[jax.Array, ...]) -> None:
    means, scores = attend_with_scores(*arrays, scale=0.3)
    halved, kept = attend_with_scores(*arrays, scale=0.3, drop_fn=lambda scores: scores / 2)
    assert_close(halved, means / 2)
    np.testing.assert_array_equal(kept, scores)


def test_a_query_that_may_look_at_nothing() -> None:
    query, key, value = normal(1, 2, 1, 3), normal(1, 4, 1, 3, seed=1), normal(1, 4, 1, 3, seed=2)
    mask = jnp.zeros((1, 1, 2, 4), bool)
    assert_close(attend(query, key, value, scale=1.0, mask=mask)[0, 0, 0], value[0, :, 0].mean(0))
    means, scores = attend_with_scores(query, key, value, scale=1.0, mask=mask)
    assert not np.any(means)
    assert not np.any(scores)


def test_float16_has_a_number_of_its_own_for_what_is_hidden() -> None:
    scores = masked_softmax(jnp.zeros((1, 2), jnp.float16), jnp.array([[True, False]]))
    assert scores.dtype == jnp.float16
    assert scores.tolist() == [[1.0, 0.0]]


def test_float16_works_where_its_products_do_not_exist() -> None:
    narrow = [jnp.ones((1, 2, 1, 2), jnp.float16)] * 3
    outputs = attend(*narrow, scale=0.5)
    assert outputs.dtype == jnp.float16 and outputs.ravel().tolist() == [1.0] * 4


@pytest.mark.parametrize("queries", [3, 8, 9])
@pytest.mark.parametrize("masked", ["no", "keys", "pairs"])
@pytest.mark.parametrize("causal", [False, True])
def test_blocks_of_queries_agree_with_all_at_once(
    monkeypatch: pytest.MonkeyPatch, queries: int, masked: str, causal: bool
) -> None:
    query, key, value = normal(2, queries, 4, 5), normal(2, 6, 2, 5), normal(2, 6, 2, 5, seed=2)
    shape = {"no": None, "keys": (2, 1, 1, 6), "pairs": (2, 4, queries, 6)}[masked]
    random = np.random.default_rng(3)
    mask = None if shape is None else jnp.asarray(random.uniform(size=shape) < 0.7)

    def loss(*arrays: jax.Array) -> tuple[jax.Array, jax.Array]:
        means = attend(*arrays, scale=0.3, mask=mask, causal=causal)
        return jnp.sum(means**2), means

    (_, expected), gradients = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(query, key, value)
    monkeypatch.setattr(attention, "LARGE_SCORES", 0)
    monkeypatch.setattr(attention, "BLOCK", 4)
    with programs_for("cpu"):
        jaxpr = str(jax.make_jaxpr(loss)(query, key, value))
        (_, got), blockwise = jax.value_and_grad(loss, (0, 1, 2), has_aux=True)(query, key, value)
    assert ("scan[" in jaxpr) == (queries > 4)
    assert_close(got, expected)
    for mine, whole in zip(blockwise, gradients, strict=True):
        assert_close(mine, whole)


def test_the_scores_of_long_sequences_never_exist_at_once_on_the_cpu() -> None:
    spec = jax.ShapeDtypeStruct((2, 2048, 4, 16), jnp.float32)
    with programs_for("cpu"):
        jaxpr = str(jax.make_jaxpr(lambda *a: attend(*a, scale=1.0))(spec, spec, spec))
    assert "2,4,128,2048" in jaxpr.replace(" ", "")
    assert "2048,2048" not in jaxpr
    with programs_for("cuda"):
        jaxpr = str(jax.make_jaxpr(lambda *a: attend(*a, scale=1.0))(spec, spec, spec))
    assert "2048,2048" in jaxpr
