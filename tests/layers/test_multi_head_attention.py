"""Attention with heads, beyond the laws: masks, one input, first weights, a transformer, errors."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential
from jkeras.core.layer import activity_losses
from jkeras.layers import (
    Dense,
    GlobalAveragePooling1D,
    GroupQueryAttention,
    Layer,
    LayerNormalization,
    MultiHeadAttention,
)
from jkeras.models import Chain
from jkeras.optimizers import Adam
from tests.kinds import kind_raised

RNG = np.random.default_rng(0)
QUERY, VALUE = (jnp.asarray(RNG.normal(size=(2, n, 6)), jnp.float32) for n in (3, 5))
HEADS, GROUPS = MultiHeadAttention(2, 3), GroupQueryAttention(3, 4, 2)
KEY = jax.random.key(0)

both = pytest.mark.parametrize("layer", [HEADS, GROUPS], ids=lambda layer: layer.who)


def run(layer: Layer, *inputs: Any, **options: Any) -> Any:
    """Outputs with fresh weights."""
    return layer.apply(*layer.init(KEY, *inputs), *inputs, **options)[0]


def assert_close(got: Any, expected: Any) -> None:
    """Equal trees up to rounding."""
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), got, expected)


@both
def test_one_input_attends_to_itself(layer: Layer) -> None:
    assert_close(run(layer, QUERY), run(layer, QUERY, QUERY, QUERY))


@both
def test_options_of_the_call_are_arguments_too(layer: Layer) -> None:
    always = layer.replace(use_causal_mask=True, return_attention_scores=True)
    expected = run(layer, QUERY, VALUE, use_causal_mask=True, return_attention_scores=True)
    assert_close(run(always, QUERY, VALUE), expected)
    plain = run(always, QUERY, VALUE, use_causal_mask=False, return_attention_scores=False)
    assert_close(plain, run(layer, QUERY, VALUE))


@both
def test_outputs_do_not_depend_on_whether_scores_are_returned(layer: Layer) -> None:
    for options in (
        {},
        {"use_causal_mask": True},
        {"value_mask": jnp.arange(10).reshape(2, 5) > 1},
    ):
        if "value_mask" in options:
            options["value_mask"] = options["value_mask"].at[:, 0].set(True)
        outputs, scores = run(layer, QUERY, VALUE, return_attention_scores=True, **options)
        assert_close(run(layer, QUERY, VALUE, **options), outputs)
        assert_close(scores.sum(-1), jnp.ones(scores.shape[:-1]))


@both
def test_masks_of_steps_are_attention_masks(layer: Layer) -> None:
    rows, columns = jnp.asarray(RNG.uniform(size=(2, 3)) < 0.5), jnp.asarray([[1, 1, 0, 1, 0]] * 2)
    grid = jnp.broadcast_to(rows[:, :, None], (2, 3, 5))
    for options in ({}, {"return_attention_scores": True}):
        given = run(layer, QUERY, VALUE, query_mask=rows, **options)
        assert_close(given, run(layer, QUERY, VALUE, attention_mask=grid, **options))
        expected = run(layer, QUERY, VALUE, attention_mask=columns[:, None], **options)
        assert_close(run(layer, QUERY, VALUE, value_mask=columns, **options), expected)
        assert_close(run(layer, QUERY, VALUE, key_mask=columns, **options), expected)


def test_masks_of_steps_follow_their_axes() -> None:
    plane = jnp.asarray(RNG.normal(size=(2, 3, 4, 6)), jnp.float32)
    mask = jnp.asarray(RNG.uniform(size=(2, 3, 4)) < 0.5).at[:, :, 0].set(True)
    layer = MultiHeadAttention(2, 3, attention_axes=2)
    got = run(layer, plane, value_mask=mask)
    rows = run(layer.replace(attention_axes=None), plane[:, 1], value_mask=mask[:, 1])
    assert_close(got[:, 1], rows)
    flat = MultiHeadAttention(2, 3)
    expected = run(flat, plane.reshape(2, 12, 6), value_mask=mask.reshape(2, 12))
    assert_close(run(flat, plane, value_mask=mask).reshape(2, 12, 6), expected)


def test_a_window_of_one_sees_only_itself() -> None:
    layer = HEADS.replace(sliding_window=1, return_attention_scores=True)
    _, scores = run(layer, QUERY)
    assert_close(scores, jnp.broadcast_to(jnp.eye(3), scores.shape))


def test_as_many_groups_as_heads_is_multi_head_attention() -> None:
    layer = GroupQueryAttention(3, 2, 2)
    weights = HEADS.init(KEY, QUERY)
    assert_close(layer.apply(*weights, QUERY, VALUE)[0], HEADS.apply(*weights, QUERY, VALUE)[0])


def test_heads_of_one_group_share_keys_and_values() -> None:
    params, state = GROUPS.init(KEY, QUERY)
    shared = {name: dict(part) for name, part in params.items()}
    for name in ("key", "value"):
        shared[name]["kernel"] = jnp.repeat(params[name]["kernel"], 2, axis=1)
        shared[name]["bias"] = jnp.repeat(params[name]["bias"], 2, axis=0)
    expected, _ = MultiHeadAttention(4, 3).apply(shared, state, QUERY, VALUE)
    assert_close(GROUPS.apply(params, state, QUERY, VALUE)[0], expected)


def test_fans_are_counted_over_all_heads() -> None:
    layer = MultiHeadAttention(8, 64, kernel_initializer="he_normal")
    params, _ = layer.init(KEY, jax.ShapeDtypeStruct((1, 2, 100), jnp.float32))
    for name, fan_in in (("query", 100), ("attention_output", 8 * 64)):
        np.testing.assert_allclose(params[name]["kernel"].std(), np.sqrt(2 / fan_in), rtol=0.02)
    assert not np.array_equal(params["query"]["kernel"], params["key"]["kernel"])


def test_rules_hold_for_every_projection() -> None:
    layer = MultiHeadAttention(
        2,
        3,
        kernel_regularizer="l2",
        kernel_constraint="non_neg",
        bias_initializer="ones",
        bias_regularizer="l1",
    )
    params, _ = layer.init(KEY, QUERY)
    expected = sum(
        0.01 * jnp.sum(part["kernel"] ** 2) + 0.01 * part["bias"].size for part in params.values()
    )
    assert_close(layer.penalty(params), expected)
    bounded = jax.tree.map(lambda weight: jnp.maximum(weight, 0), params)
    assert_close(layer.constrain(params), bounded)


def test_the_outputs_of_every_projection_are_regularized() -> None:
    layer = HEADS.replace(activity_regularizer="l2")
    chain = Chain([layer])
    params, state = chain.init(KEY, QUERY)
    outputs, state = chain.apply(params, state, QUERY)
    weights = params["multi_head_attention"]
    parts = [jnp.tensordot(QUERY, weights[name]["kernel"], 1) for name in ("query", "key", "value")]
    expected = sum(0.01 * jnp.sum(part**2) / 2 for part in [*parts, outputs])
    assert_close(sum(activity_losses(state)), expected)


def test_returned_scores_are_those_before_dropout() -> None:
    layer = HEADS.replace(dropout=0.5, return_attention_scores=True)
    outputs, scores = run(layer, QUERY, key=KEY, training=True)
    expected, undropped = run(layer, QUERY)
    assert_close(scores, undropped)
    assert not np.allclose(outputs, expected)


class Residual(Layer):
    """A layer around which its inputs are carried: `inputs + inner(inputs)`."""

    inner: Layer

    def init(self, key: Any, inputs: Any) -> tuple[dict, dict]:
        return self.inner.init(key, inputs)

    def apply(
        self, params: dict, state: dict, inputs: Any, *, key: Any = None, training: bool = False
    ) -> tuple[Any, dict]:
        outputs, state = self.inner.apply(params, state, inputs, key=key, training=training)
        return inputs + outputs, state


def test_a_transformer_encoder_trains_in_a_sequential() -> None:
    # The answer stands in the step that the last feature points at: a mean over steps loses it.
    x = np.random.default_rng(0).normal(size=(256, 6, 8)).astype("float32")
    x[:, :, -1] = np.eye(6)[np.arange(256) % 6] * 4
    y = x[np.arange(256), np.arange(256) % 6, 0] > 0
    model = Sequential(
        [
            Residual(Chain([LayerNormalization(), MultiHeadAttention(2, 4, dropout=0.1)])),
            Residual(Chain([LayerNormalization(), Dense(16, activation="gelu"), Dense(8)])),
            GlobalAveragePooling1D(),
            Dense(1, activation="sigmoid"),
        ],
        seed=0,
    )
    model.compile(Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y.astype("float32")[:, None], epochs=30, verbose=0).history
    assert history["accuracy"][-1] > 0.9 > 0.7 > history["accuracy"][0]


def zeros(*shapes: tuple[int, ...]) -> list[jax.Array]:
    """Inputs of these shapes."""
    return [jnp.zeros(shape) for shape in shapes]


WRONG: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (
        lambda: MultiHeadAttention(0, 3),
        ValueError,
        "MultiHeadAttention: `num_heads`: expected a positive integer, got 0.",
    ),
    (
        lambda: MultiHeadAttention(2, 3, output_shape=()),
        ValueError,
        "MultiHeadAttention: `output_shape`: expected a positive integer or several, got () "
        "(tuple).",
    ),
    (
        lambda: MultiHeadAttention(2, 3, flash_attention=True, dropout=0.1),
        ValueError,
        "MultiHeadAttention: expected `dropout` 0 with `flash_attention`, which has no scores to "
        "drop, got 0.1.",
    ),
    (
        lambda: GroupQueryAttention(3, 4, 3),
        ValueError,
        "GroupQueryAttention: expected `num_query_heads` that `num_key_value_heads` divides, got 4 "
        "and 3.",
    ),
    (
        lambda: run(HEADS, *zeros((2, 3))),
        ValueError,
        "MultiHeadAttention: expected `inputs` [batch, ..., features], got shape (2, 3).",
    ),
    (
        lambda: run(GROUPS, *zeros((2, 3, 4, 5))),
        ValueError,
        "GroupQueryAttention: expected `inputs` [batch, steps, features], got 4 axes. "
        "MultiHeadAttention attends over several, or over those that `attention_axes` says.",
    ),
    (
        lambda: run(HEADS, *zeros((2, 3, 4), (2, 5, 4), (2, 6, 4))),
        ValueError,
        "MultiHeadAttention: expected query, value and key of one rank that differ only in "
        "features and in the number of steps (value and key in features), got shapes (2, 3, 4), "
        "(2, 5, 4) and (2, 6, 4).",
    ),
    (
        lambda: run(MultiHeadAttention(2, 3, attention_axes=(1, 3)), *zeros((2, 3, 4, 5))),
        ValueError,
        "MultiHeadAttention: expected `attention_axes` that are different axes from 1 to 2 (or -3 "
        "to -2) for inputs of 4 axes, got (1, 3).",
    ),
    (
        lambda: run(HEADS, *zeros((2, 3, 4, 5)), use_causal_mask=True),
        ValueError,
        "MultiHeadAttention: expected one axis of steps with `use_causal_mask` or "
        "`sliding_window`, got several, (1, 2): they have no order. Choose one in "
        "`attention_axes`.",
    ),
    (
        lambda: run(HEADS, QUERY, VALUE, value_mask=jnp.ones((2, 3))),
        ValueError,
        "MultiHeadAttention: expected `value_mask` of shape (2, 5), that of its input without "
        "features, got shape (2, 3).",
    ),
    (
        lambda: run(HEADS, QUERY, VALUE, attention_mask=jnp.ones((2, 5, 3))),
        ValueError,
        "MultiHeadAttention: expected `attention_mask` [batch, queries, keys], or a shape that "
        "broadcasts to the scores' (2, 2, 3, 5), got shape (2, 5, 3).",
    ),
    (
        lambda: run(HEADS, QUERY, attention_mask=jnp.ones((1, 1, 1, 3, 3))),
        ValueError,
        "MultiHeadAttention: expected `attention_mask` [batch, queries, keys], or a shape that "
        "broadcasts to the scores' (2, 2, 3, 3), got shape (1, 1, 1, 3, 3).",
    ),
    (
        lambda: run(HEADS.replace(flash_attention=True), QUERY, return_attention_scores=True),
        ValueError,
        "MultiHeadAttention: expected inputs [batch, steps, features], `value_dim` equal to "
        "`key_dim` and no `return_attention_scores` with `flash_attention`, which holds no scores. "
        "Leave it out.",
    ),
    (
        lambda: run(HEADS.replace(flash_attention=True), QUERY),
        ValueError,
        "MultiHeadAttention: expected half-precision inputs on an NVIDIA GPU with "
        "`flash_attention`, got float32 on cpu. Leave it out.",
    ),
]


@pytest.mark.parametrize(("make", "kind", "message"), WRONG)
def test_wrong_use(make: Callable[[], Any], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert type(caught.value) is kind_raised(kind)
    assert str(caught.value) == message
