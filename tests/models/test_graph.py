"""Graphs are layers: pure, comparable, and what lies between their inputs and outputs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Input
from jkeras.layers import (
    LSTM,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Embedding,
    Masking,
    Multiply,
)
from jkeras.models import Chain, Graph, graph
from jkeras.models.graph import graph_of

KEY = jax.random.key(0)
X = jnp.asarray(np.random.RandomState(0).randn(6, 4).astype("float32"))


def block(**options: Any) -> Graph:
    """A residual block with everything: weights, state, noise."""
    x = Input((4,))
    hidden = Dropout(0.5)(BatchNormalization()(Dense(4, kernel_regularizer="l2")(x)))
    return Graph(x, Add()([x, hidden]), **options)


def test_layer_outputs_are_those_of_every_call_and_then_of_the_graph() -> None:
    net = block()
    params, state = net.init(KEY, X)
    outputs = net.layer_outputs(params, state, X)
    assert len(outputs) == 5  # Dense, BatchNormalization, Dropout, Add, and what Add gave
    hidden = X @ params["dense"]["kernel"] + params["dense"]["bias"][None]
    np.testing.assert_allclose(outputs[0], hidden, rtol=1e-6, atol=1e-6)
    assert outputs[-2] is outputs[-1]
    np.testing.assert_array_equal(outputs[-1], net.apply(params, state, X)[0])


def test_graphs_that_were_built_alike_are_equal() -> None:
    assert block() == block() and hash(block()) == hash(block())
    assert block() != block(name="other")
    x = Input((4,))
    assert Graph(x, Dense(3)(x)) != Graph(x, Dense(4)(x))
    assert Graph(x, [Dense(3)(x)]) != Graph(x, (Dense(3)(x),))


def test_a_graph_holds_what_its_outputs_need_and_no_more() -> None:
    x = Input((4,))
    first = Dense(3)(x)
    Dense(5)(first)
    net = Graph(x, Dense(2)(first))
    assert [layer.name for layer in net.layers] == ["input_layer", "dense", "dense_1"]


def test_names_go_by_the_order_in_which_layers_were_made() -> None:
    x = Input((4,))
    last, first = Dense(1), Dense(2)
    net = Graph(x, last(first(x)))
    assert [layer.name for layer in net.layers] == ["input_layer", "dense_1", "dense"]


def test_apply_is_pure_and_keeps_the_structure_of_the_state() -> None:
    net = block()
    params, state = net.init(KEY, X)
    before = jax.tree.map(np.array, (params, state))
    run = jax.jit(lambda p, s, x, key: net.apply(p, s, x, key=key, training=True))
    outputs, new = run(params, state, X, KEY)
    again, _ = net.apply(params, state, X, key=KEY, training=True)
    np.testing.assert_allclose(outputs, again, rtol=1e-5, atol=1e-6)
    assert jax.tree.structure(new) == jax.tree.structure(state)
    jax.tree.map(np.testing.assert_array_equal, before, (params, state))
    assert not np.array_equal(
        outputs, net.apply(params, state, X, key=jax.random.key(1), training=True)[0]
    )
    mapped = jax.vmap(lambda x: net.apply(params, state, x[None])[0][0])(X)
    np.testing.assert_allclose(mapped, net.apply(params, state, X)[0], rtol=1e-5, atol=1e-6)


def test_the_same_layers_in_a_row_give_the_same_numbers_as_a_chain() -> None:
    chain = Chain([Dense(3), BatchNormalization(), Dropout(0.5), Dense(2)])
    graph = graph_of(chain, [jax.ShapeDtypeStruct((None, 4), jnp.float32)])
    for a, b in zip(chain.init(KEY, X), graph.init(KEY, X), strict=True):
        jax.tree.map(np.testing.assert_array_equal, a, b)
    values = chain.init(KEY, X)
    options = {"key": KEY, "training": True}
    found, expected = graph.apply(*values, X, **options), chain.apply(*values, X, **options)
    jax.tree.map(np.testing.assert_array_equal, found, expected)


def test_what_holds_for_all_layers_holds_for_the_graph() -> None:
    net = block()
    params, _ = net.init(KEY, X)
    assert float(net.penalty(params)) == pytest.approx(
        0.01 * float((params["dense"]["kernel"] ** 2).sum())
    )
    assert (net.padded_rows, net.makes_masks) == ("masked", False)
    x = Input((4,))
    clipped = Graph(x, Dense(2, kernel_constraint="non_neg")(x))
    assert (
        clipped.constrain({"dense": {"kernel": -X[:, :2], "bias": X[0]}})["dense"]["kernel"] >= 0
    ).all()


def test_a_layer_at_two_places_is_one_that_draws_anew() -> None:
    x = Input((4,))
    drop = Dropout(0.5)
    net = Graph(x, [drop(x), drop(x)])
    a, b = net.apply({}, {}, X, key=KEY, training=True)[0]
    assert not np.array_equal(a, b)
    shared = Dense(4)
    twice = Graph(x, shared(shared(x)))
    params, _ = twice.init(KEY, X)
    once = X @ params["dense"]["kernel"]
    np.testing.assert_allclose(
        twice.apply(params, {}, X)[0], once @ params["dense"]["kernel"], rtol=1e-5, atol=1e-6
    )


def test_inputs_come_side_by_side_in_a_list_or_by_name() -> None:
    inputs = {"b": Input((4,), name="b"), "a": Input((4,), name="a")}
    net = Graph(inputs, inputs["a"] - inputs["b"])
    assert net.input_names == ["a", "b"]
    expected = X - 2 * X
    for given in ((X, 2 * X), ([X, 2 * X],), ({"b": 2 * X, "a": X},)):
        np.testing.assert_allclose(net.apply({}, {}, *given)[0], expected, rtol=1e-6)


def test_outputs_have_the_structure_they_were_given_in() -> None:
    x = Input((4,))
    net = Graph(x, {"a": x * 2.0, "b": [x, (x + 1.0,)]})
    outputs = net.apply({}, {}, X)[0]
    assert jax.tree.structure(outputs) == jax.tree.structure({"a": 0, "b": [0, (0,)]})
    np.testing.assert_array_equal(outputs["b"][1][0], X + 1)
    assert Graph(x, [x]).apply({}, {}, X)[0].shape == X.shape


def test_a_graph_may_begin_within_another() -> None:
    x = Input((4,))
    hidden = Dense(3, name="hidden")(x)
    net = Graph(hidden, Dense(2, name="head")(hidden))
    assert [layer.name for layer in net.layers] == ["input_layer", "head"]
    params, _ = net.init(KEY, X[:, :3])
    assert jax.tree.map(jnp.shape, params) == {"head": {"bias": (2,), "kernel": (3, 2)}}


def test_graphs_nest_and_their_values_with_them() -> None:
    inner = block(name="inner")
    x, y = Input((4,)), Input((4,))
    net = Graph([x, y], Multiply()([inner(x), inner(y)]))
    params, state = net.init(KEY, X, X)
    assert list(params) == ["inner"] and list(state) == ["inner"]
    expected = inner.apply(params["inner"], state["inner"], X)[0] ** 2
    np.testing.assert_allclose(net.apply(params, state, X, X)[0], expected, rtol=1e-5, atol=1e-6)


def test_integers_become_what_an_input_without_a_dtype_says() -> None:
    x = Input((4,))
    net = Graph(x, x * 2)
    pixels = np.full((1, 4), 200, np.uint8)
    np.testing.assert_array_equal(net.apply({}, {}, pixels)[0], [[400.0] * 4])
    kept = Input((4,), dtype="uint8")
    assert Graph(kept, kept[:, :2]).apply({}, {}, pixels)[0].dtype == "uint8"
    half = X.astype(jnp.bfloat16)
    assert net.apply({}, {}, half)[0].dtype == jnp.bfloat16


def masked(length: int) -> Graph:
    """Ids and numbers side by side, both with masks, into a layer that heeds them."""
    inputs = [Input((length,), dtype="int32"), Input((length, 2))]
    words, steps = Embedding(5, 2, mask_zero=True)(inputs[0]), Masking()(inputs[1])
    return Graph(inputs, LSTM(2, return_sequences=True)(Concatenate()([words, steps])))


def test_masks_travel_along_the_edges() -> None:
    net = masked(3)
    ids, numbers = jnp.array([[1, 2, 0]]), jnp.array([[[1.0, 1.0], [2.0, 1.0], [0.0, 0.0]]])
    params, state = net.init(KEY, ids, numbers)
    outputs, _, mask = net.apply_with_mask(params, state, ids, numbers)
    short = masked(2).apply(params, state, ids[:, :2], numbers[:, :2])[0]
    np.testing.assert_allclose(outputs[:, :2], short, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(outputs[:, 2], short[:, 1], rtol=1e-5, atol=1e-6)
    assert net.makes_masks and mask.tolist() == [[True, True, False]]


def test_a_mask_may_come_with_the_inputs() -> None:
    x = Input((3, 2))
    net = Graph(x, LSTM(2)(x))
    numbers = jnp.asarray(np.random.RandomState(0).randn(1, 3, 2).astype("float32"))
    params, state = net.init(KEY, numbers)
    found = net.apply(params, state, numbers, mask=jnp.array([[True, True, False]]))[0]
    other = numbers.at[:, 2].set(9.0)
    again = net.apply(params, state, other, mask=jnp.array([[True, True, False]]))[0]
    np.testing.assert_array_equal(found, again)
    assert not np.array_equal(net.apply(params, state, numbers)[0], found)


def test_init_gives_each_layer_its_own_inputs_and_no_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x = inputs = Input((2,))
    for _ in range(5):
        x = x + Dense(2)(x)
    counts: list[int] = []
    run = graph._outputs

    def counted(*args: Any) -> Any:
        counts.append(len(args[-1]))
        return run(*args)

    monkeypatch.setattr(graph, "_outputs", counted)
    jax.eval_shape(
        Graph(inputs, x).init, jax.random.key(0), jax.ShapeDtypeStruct((1, 2), "float32")
    )
    assert sorted(counts) == [1] * 5 + [2] * 5  # a deep graph is not quadratic in its layers
