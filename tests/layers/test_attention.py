"""Attention and AdditiveAttention beyond the laws: masks, options, one input, errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential
from jkeras.layers import AdditiveAttention, Attention, Layer
from tests.kinds import kind_raised

RNG = np.random.default_rng(0)
QUERY, VALUE = (jnp.asarray(RNG.normal(size=(2, n, 4)), jnp.float32) for n in (3, 5))

both = pytest.mark.parametrize("layer", [Attention(), AdditiveAttention()], ids=lambda x: x.who)


def run(layer: Layer, *inputs: Any, **options: Any) -> Any:
    """Outputs with fresh weights."""
    return layer.apply(*layer.init(jax.random.key(0), *inputs), *inputs, **options)[0]


@both
def test_one_input_attends_to_itself(layer: Layer) -> None:
    np.testing.assert_array_equal(run(layer, QUERY), run(layer, QUERY, QUERY, QUERY))


@both
def test_the_key_is_the_value_unless_given(layer: Layer) -> None:
    expected = run(layer, QUERY, VALUE, VALUE)
    np.testing.assert_array_equal(run(layer, QUERY, VALUE), expected)
    assert not np.array_equal(run(layer, QUERY, VALUE, VALUE + 1.0), expected)


@both
def test_options_of_the_call_are_arguments_too(layer: Layer) -> None:
    always = layer.replace(use_causal_mask=True, return_attention_scores=True)
    expected = run(layer, QUERY, VALUE, use_causal_mask=True, return_attention_scores=True)
    jax.tree.map(np.testing.assert_array_equal, run(always, QUERY, VALUE), expected)
    plain = run(always, QUERY, VALUE, use_causal_mask=False, return_attention_scores=False)
    np.testing.assert_array_equal(plain, run(layer, QUERY, VALUE))


@both
def test_the_past_does_not_see_the_future(layer: Layer) -> None:
    later = QUERY.at[:, 2].add(5.0)
    got, changed = (run(layer, x, use_causal_mask=True)[:, :2] for x in (QUERY, later))
    np.testing.assert_allclose(got, changed, rtol=1e-6)


@both
def test_masked_values_change_nothing_and_masked_queries_give_zeros(layer: Layer) -> None:
    mask = (jnp.arange(3)[None] < jnp.array([[3], [2]]), jnp.arange(5)[None] < jnp.full((2, 1), 4))
    expected = run(layer, QUERY, VALUE[:, :4])
    got = run(layer, QUERY, VALUE.at[:, 4].add(7.0), mask=mask)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-5, atol=1e-6)
    assert not np.any(got[1, 2])
    third = [None, mask[1], mask[1]]
    np.testing.assert_array_equal(run(layer, QUERY, VALUE, mask=third)[0], got[0])


def test_returned_scores_are_those_after_dropout() -> None:
    layer = Attention(dropout=0.5, return_attention_scores=True)
    key = jax.random.key(0)
    outputs, scores = run(layer, QUERY, VALUE, key=key, training=True)
    _, undropped = run(layer, QUERY, VALUE)
    assert np.all(np.isclose(scores, 2 * undropped) | (scores == 0))
    assert np.any(scores == 0)
    np.testing.assert_allclose(outputs, scores @ VALUE, rtol=1e-5, atol=1e-6)


def test_it_runs_in_a_sequential() -> None:
    model = Sequential([Attention(use_scale=True, use_causal_mask=True)])
    model.compile("sgd", "mse")
    model.fit(QUERY, QUERY, epochs=2, verbose=0)
    assert model.predict(QUERY, verbose=0).shape == (2, 3, 4)


def apply(layer: Layer, *shapes: tuple[int, ...], **options: Any) -> Any:
    """Applies a layer without weights to zeros."""
    return layer.apply({}, {}, *(jnp.zeros(shape) for shape in shapes), **options)


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: Attention(score_mode="dott"),
        ValueError,
        "Attention: `score_mode`: expected one of 'dot', 'concat', got 'dott'. Did you mean 'dot'?",
    ),
    (
        lambda: AdditiveAttention(dropout=2),
        ValueError,
        "AdditiveAttention: `dropout`: expected a fraction from 0 to 1, got 2.",
    ),
    (
        lambda: apply(Attention(), *[(1, 2, 3)] * 4),
        ValueError,
        "Attention: expected one input (which attends to itself), or query and value, or query, "
        "value and key, got 4. Pass them side by side: apply(params, state, query, value).",
    ),
    (
        lambda: apply(Attention(), (2, 3)),
        ValueError,
        "Attention: expected `inputs` [batch, ..., steps, features], got shape (2, 3).",
    ),
    (
        lambda: apply(Attention(), (1, 2, 3), (1, 5, 4)),
        ValueError,
        "Attention: expected query [batch, ..., queries, d], value [batch, ..., keys, v] and key "
        "[batch, ..., keys, d], got shapes (1, 2, 3), (1, 5, 4) and (1, 5, 4).",
    ),
    (
        lambda: apply(Attention(), (1, 2, 3), mask=jnp.ones((1, 2), bool)),
        TypeError,
        "Attention: expected `mask` as a pair (query mask, value mask), got an array of shape "
        "(1, 2) and dtype bool. None stands for a mask that hides nothing.",
    ),
    (
        lambda: apply(Attention(), (1, 2, 3), mask=(None, jnp.ones((1, 3), bool))),
        ValueError,
        "Attention: expected a `mask` of shape (1, 2) for inputs of shape (1, 2, 3), got shape "
        "(1, 3).",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_use(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
