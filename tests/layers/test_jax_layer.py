"""Layers around functions of JAX."""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.core.layer_seeds import fixed_seed
from jkeras.layers import JaxLayer
from jkeras.saving import register_keras_serializable
from tests.layers.function_layers import W, X, Y, loaded, model_of


def function_of(names: Sequence[str], run_fn: Callable[[dict[str, Any]], Any]) -> Any:
    """A function with arguments of these names, which returns what `run_fn` makes of them."""

    def function(*args: Any) -> Any:
        return run_fn(dict(zip(names, args, strict=True)))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(name, kind) for name in names])
    function.__signature__ = signature  # type: ignore[attr-defined]  # inspect reads it
    return function


def orders(*others: str) -> list[tuple[str, ...]]:
    """`inputs` with each subset of the other arguments, at the end and in front of them."""
    subsets = [
        subset for n in range(len(others) + 1) for subset in itertools.combinations(others, n)
    ]
    return [(*s, "inputs") for s in subsets] + [("inputs", *reversed(s)) for s in subsets if s]


# -- arguments


@pytest.mark.parametrize("names", orders("params", "state", "rng", "training"), ids="-".join)
def test_call_fn_gets_what_it_names(names: tuple[str, ...]) -> None:
    seen: dict[str, Any] = {}

    def run(values: dict[str, Any]) -> Any:
        seen.update(values)
        outputs = values["inputs"]
        return (outputs, [values["state"][0] + 1]) if "state" in values else outputs

    layer = JaxLayer(function_of(names, run), params={"w": 3.0}, state=[2])
    params, state = layer.init(jax.random.key(0), X)
    for training in (True, False):
        key = jax.random.key(1)
        outputs, new = layer.apply(params, state, X, key=key, training=training)
        expected = {"params": {"w": 3.0}, "state": [2], "training": training}
        assert seen.keys() == set(names) and np.array_equal(outputs, X)
        assert all(seen[name] == value for name, value in expected.items() if name in names)
        assert "rng" not in names or (seen["rng"] == key if training else seen["rng"] is None)
        assert new == ({"state": [3]} if "state" in names else state)


@pytest.mark.parametrize("names", orders("rng", "training"), ids="-".join)
def test_init_fn_gets_what_it_names(names: tuple[str, ...]) -> None:
    seen: dict[str, Any] = {}

    def run(values: dict[str, Any]) -> Any:
        seen.update(values)
        return jnp.ones((values["inputs"].shape[-1], 2))

    layer = JaxLayer(lambda params, inputs: inputs @ params, function_of(names, run))
    layer.init(jax.random.key(5), jax.ShapeDtypeStruct((4, 3), "bfloat16"))
    assert seen.keys() == set(names) and seen["inputs"].dtype == "bfloat16"
    assert np.array_equal(seen["inputs"], np.ones((4, 3)))
    assert seen.get("rng", jax.random.key(5)) == jax.random.key(5) and seen.get("training", True)


def test_arguments_by_name_alone_and_given_ones() -> None:
    def call(scale: float, /, inputs: Any, *, params: Any, training: bool) -> Any:
        return scale * inputs @ params + (1 if training else 0)

    layer = JaxLayer(functools.partial(call, 2.0), params=W)
    assert np.allclose(layer(X), 2 * Y, atol=1e-5)
    pinned = JaxLayer(functools.partial(call, 2.0, training=True), params=W)
    assert np.allclose(pinned(X), 2 * Y + 1, atol=1e-5)


def no_inputs(params: Any) -> Any:
    return params


def another_name(params: Any, inputs: Any, trainin: bool) -> Any:
    return inputs


def with_default(params: Any, inputs: Any, mode: str = "a") -> Any:
    return inputs


def with_kwargs(params: Any, inputs: Any, **kwargs: Any) -> Any:
    return inputs


def with_args(inputs: Any, *params: Any) -> Any:
    return inputs


AMONG = "with arguments among params, state, rng, inputs, training"
OTHERS = "Other values belong into the function, or a functools.partial of it."
WRONG = {
    no_inputs: "`call_fn` with an argument `inputs`, got `params`.",
    (lambda: 0): "`call_fn` with an argument `inputs`, got no argument.",
    another_name: f"`call_fn` {AMONG}, got `trainin`. Did you mean 'training'? {OTHERS}",
    with_default: f"`call_fn` {AMONG}, got `mode`. {OTHERS}",
    with_kwargs: f"`call_fn` {AMONG}, got `**kwargs`. {OTHERS}",
    with_args: f"`call_fn` {AMONG}, got `*params`. {OTHERS}",
}


@pytest.mark.parametrize("call_fn", WRONG)
def test_wrong_arguments_are_named(call_fn: Any) -> None:
    with pytest.raises(ValueError) as caught:
        JaxLayer(call_fn, params={})
    assert str(caught.value) == f"JaxLayer: expected {WRONG[call_fn]}"


def test_wrong_uses_are_refused() -> None:
    def good(params: Any, inputs: Any) -> Any:
        return inputs

    with pytest.raises(ValueError, match=r"`init_fn` with arguments among rng, inputs, training, "):
        JaxLayer(good, lambda rng, inputs, state: {})
    with pytest.raises(ValueError, match=r"`init_fn` with an argument `inputs`, got `rng`\."):
        JaxLayer(good, lambda rng: {})
    with pytest.raises(ValueError, match="`init_fn`, or the first `params`"):
        JaxLayer(good)
    with pytest.raises(TypeError, match="`call_fn`: expected a function, got 3"):
        JaxLayer(3)
    layer = JaxLayer(lambda rng, inputs: inputs)
    with pytest.raises(ValueError, match=r"expected a random `key` while training, got None"):
        layer.apply({}, {}, X, training=True)
    layer = JaxLayer(good, lambda inputs: W)
    with pytest.raises(ValueError, match=r"expected `params` as init\(key, inputs\) gives it, got"):
        layer.apply({}, {}, X)


def test_arguments_that_python_does_not_know() -> None:
    class Odd:
        __signature__ = 3

        def __call__(self, inputs: Any) -> Any:
            return inputs

    with pytest.raises(ValueError, match="`call_fn` with arguments that Python can tell, got"):
        JaxLayer(Odd())


# -- params and state


def test_functions_with_and_without_state_are_trained() -> None:
    def init(rng: Any, inputs: Any) -> Any:
        return {"w": 0.1 * jax.random.normal(rng, (inputs.shape[-1], 2))}, jnp.zeros((), "int32")

    def call(params: Any, state: Any, inputs: Any, training: bool) -> Any:
        return inputs @ params["w"], state + int(training)

    plain = JaxLayer(lambda params, inputs: inputs + params[None], params=jnp.zeros((2,)))
    model = model_of(JaxLayer(call, init, seed=3), plain)
    losses = model.fit(X, Y, batch_size=4, epochs=10, verbose=0).history["loss"]
    assert losses[-1] < losses[0] / 4
    assert [tuple(weight.shape) for weight in model.trainable_weights] == [(3, 2), (2,)]
    assert int(model.state["jax_layer"]["state"]) == 40
    first = JaxLayer(call, init, seed=3)
    assert np.array_equal(first(X), JaxLayer(call, init, seed=3)(X))


def test_a_running_mean_is_that_of_real_rows() -> None:
    def call(params: Any, state: Any, inputs: Any, training: bool) -> Any:
        mean = 0.5 * state["mean"] + 0.5 * inputs.mean(axis=0) if training else state["mean"]
        return inputs @ params, {"mean": mean}

    layer = JaxLayer(call, params=W, state={"mean": np.zeros(3)})
    model = model_of(layer)
    model.fit(X[:10], Y[:10], batch_size=4, shuffle=False, verbose=0)
    expected = np.zeros(3, "float32")
    for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):
        expected = 0.5 * expected + 0.5 * X[rows].mean(axis=0)
    np.testing.assert_allclose(layer.state["mean"], expected, rtol=1e-5)
    model.evaluate(X, Y, verbose=0)
    model.predict(X, verbose=0)
    np.testing.assert_allclose(layer.state["mean"], expected, rtol=1e-5)


@pytest.mark.parametrize(
    "params",
    [
        {"w": W, "b": np.zeros((1, 2))},
        [W, np.zeros((1, 2))],
        ((W,), [np.zeros((1, 2), "float16"), {}]),
    ],
    ids=["dict", "list", "nested tuple"],
)
def test_first_params_in_a_tree(params: Any) -> None:
    def call(params: Any, inputs: Any) -> Any:
        small, large = sorted(jax.tree.leaves(params), key=lambda leaf: leaf.size)
        return inputs @ large + small

    layer = JaxLayer(call, params=params)
    assert layer.built and jax.tree.structure(layer.params) == jax.tree.structure(params)
    for view, given, array in zip(
        jax.tree.leaves(layer.params), jax.tree.leaves(params), layer.get_weights(), strict=True
    ):
        assert np.array_equal(view, given) and view.dtype == "float32"
        assert np.array_equal(array, given)  # Keras's order is that of JAX
    assert layer.state is None
    layer.build()
    model = model_of(layer)
    assert model.fit(X, Y + 1, epochs=5, verbose=0).history["loss"][-1] < 0.9
    assert all(
        not np.array_equal(view, given)
        for view, given in zip(jax.tree.leaves(layer.params), jax.tree.leaves(params), strict=True)
    )


def test_state_without_params() -> None:
    layer = JaxLayer(lambda inputs, state: (inputs, state + 1), state=5)
    assert layer.params is None and int(layer.state) == 5 and not layer.trainable_weights
    layer(X)
    assert int(layer.state) == 6 and layer.state.dtype == "int32"
    model = model_of(jkeras.layers.Dense(2), layer)
    model.fit(X, Y, batch_size=4, verbose=0)
    assert int(layer.state) == 10


def test_trees_before_and_after_they_exist() -> None:
    def init(rng: Any, inputs: Any) -> Any:
        return {"w": jax.random.normal(rng, (inputs.shape[-1], 2)), "b": jnp.zeros((1, 2))}, [1.0]

    def call(state: Any, params: Any, inputs: Any) -> Any:
        return inputs @ params["w"] + params["b"], state

    layer = JaxLayer(call, init)
    assert layer.params is None and layer.state is None and not layer.built
    layer.build((None, 3))
    assert {name: view.shape for name, view in layer.params.items()} == {"b": (1, 2), "w": (3, 2)}
    layer.params["w"].assign(W)
    model = model_of(layer)
    np.testing.assert_allclose(model.predict(X, verbose=0), Y, rtol=1e-5)
    assert layer.params["w"] is model.weights[1] and layer.state[0] is model.weights[2]
    with pytest.raises(AttributeError, match="`params` cannot be set"):
        layer.params = {}


def test_init_fn_is_called_only_where_neither_tree_is_given() -> None:
    def init(inputs: Any) -> Any:
        raise AssertionError("the params are given")

    layer = JaxLayer(lambda params, state, inputs: (inputs @ params, state), init, params=W)
    assert np.allclose(layer(X), Y) and layer.state is None
    layer = JaxLayer(lambda inputs: inputs, init)
    assert np.array_equal(layer(X), X) and not layer.weights


def test_a_pair_is_the_params_of_a_function_without_state() -> None:
    layer = JaxLayer(lambda params, inputs: inputs @ params[0], lambda inputs: (W, {"n": 1.0}))
    assert np.allclose(layer(X), Y)
    assert isinstance(layer.params, tuple) and len(layer.trainable_weights) == 2


def test_results_that_are_no_pairs_are_named() -> None:
    def call(params: Any, state: Any, inputs: Any) -> Any:
        return inputs

    where = r"because `call_fn` has a `state`, got an array of shape "
    with pytest.raises(ValueError, match=rf"expected \(params, state\) from `init_fn`, {where}"):
        JaxLayer(call, lambda inputs: W)(X)
    with pytest.raises(ValueError, match=rf"\(outputs, new state\) from `call_fn`, {where}"):
        JaxLayer(call, params=W, state=1)(X)
    with pytest.raises(ValueError, match=r"expected arrays from `init_fn`, got 'word' \(str\)"):
        JaxLayer(call, lambda inputs: ({}, "word"))(X)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ([0.0], {"n": 0.0}, r"structure of the old one, \[\*\], got \{'n': \*\}\. Return the"),
        (None, {"n": 0.0}, r"structure of the old one, None, got \{'n': \*\}\."),
        ({"n": {}}, {"n": 0.0}, r"structure of the old one, \{'n': \{\}\}, got"),
        ({"n": [0.0]}, {"n": (0.0,)}, r"structure of the old one, \{'n': \[\*\]\}, got"),
        ({"n": 0.0}, {"n": jnp.ones(3)}, r"shape \(\) and dtype float32 at 'n', as the old one,"),
        (0, jnp.ones(()), r"shape \(\) and dtype int32, as the old one, got an array of shape"),
        ([1.0], ["word"], r"dtype float32 at '0', as the old one, got 'word' \(str\)"),
    ],
)
def test_another_state_is_refused(old: Any, new: Any, words: str) -> None:
    layer = JaxLayer(lambda params, state, inputs: (inputs, new), params={}, state=old)
    with pytest.raises(ValueError, match=f"expected a new state .*{words}"):
        layer(X)


def test_a_state_keeps_its_dtype() -> None:
    given = {"a": 1.5, "b": np.zeros(2, "float32"), "n": np.int8(3), "flag": True}
    returned = {"a": 2, "b": jnp.ones(2, "bfloat16"), "n": jnp.int32(4), "flag": False}
    layer = JaxLayer(lambda inputs, state: (inputs, returned), state=given)
    layer(X)
    kinds = {name: str(view.dtype) for name, view in layer.state.items()}
    assert kinds == {"a": "float32", "b": "float32", "flag": "bool", "n": "int8"}
    assert float(layer.state["a"]) == 2 and int(layer.state["n"]) == 4


def test_leaves_that_are_no_arrays_stay() -> None:
    def call(params: Any, state: Any, inputs: Any, training: bool) -> Any:
        assert state["none"] is None and params[1] == "relu"
        outputs = jax.nn.relu(inputs @ params[0])
        return outputs, {**state, "count": state["count"] + int(training)}

    state = {"word": "bar", "count": 0, "none": None}
    layer = JaxLayer(call, params=[W, "relu"], state=state)
    assert layer.state["word"] == "bar" and len(layer.weights) == 2
    model = model_of(layer)
    model.fit(X, Y, batch_size=8, verbose=0)
    assert int(layer.state["count"]) == 2 and layer.params[1] == "relu"
    assert JaxLayer(call, params=[W], state={"none": None}).state["none"] is None


def test_containers_of_the_user_are_kept() -> None:
    @jax.tree_util.register_pytree_node_class
    class Point:
        def __init__(self, x: Any, y: Any, name: str) -> None:
            self.x, self.y, self.name = x, y, name

        def tree_flatten(self) -> Any:
            return (self.x, self.y), self.name

        @classmethod
        def tree_unflatten(cls, name: str, children: Any) -> Any:
            return cls(*children, name)

    def call(state: Any, inputs: Any) -> Any:
        (point,) = state
        return inputs + point.x, [Point(point.x, point.y + 1, point.name)]

    layer = JaxLayer(call, state=[Point(1.0, 2.0, "p")])
    assert np.array_equal(layer(X), X + 1)
    assert layer.state[0].name == "p" and float(layer.state[0].y) == 3


# -- random numbers


def draws_of(seed: int | None, model_seed: int) -> list[float]:
    """The numbers that a layer draws in the four steps of a fit."""

    def call(params: Any, state: Any, rng: Any, inputs: Any) -> Any:
        if rng is None:
            return inputs @ params, state
        count, draws = state["count"], state["draws"]
        draws = draws.at[count].set(jax.random.uniform(rng))
        return inputs @ params, {"count": count + 1, "draws": draws}

    layer = JaxLayer(call, params=W, state={"count": 0, "draws": np.zeros(4)}, seed=seed)
    model = model_of(layer, seed=model_seed)
    model.fit(X, Y, batch_size=4, verbose=0)
    assert np.allclose(model.predict(X, verbose=0), X @ np.asarray(layer.params), atol=1e-5)
    assert int(layer.state["count"]) == 4
    return list(layer.state["draws"].numpy())


def test_every_step_draws_anew_and_a_seed_repeats_it() -> None:
    first = draws_of(3, 0)
    assert len(set(first)) == 4
    assert draws_of(3, 1) == first and draws_of(4, 0) != first
    free = draws_of(None, 0)
    assert draws_of(None, 0) == free and draws_of(None, 1) != free


def test_seeds_count_where_a_function_draws() -> None:
    drop = jkeras.layers.Dropout(0.5, seed=7)
    nets = [
        ([JaxLayer(lambda inputs: inputs), drop], 7),
        ([JaxLayer(lambda rng, inputs: inputs), drop], None),
        ([JaxLayer(lambda rng, inputs: inputs, seed=3), drop], 3),
    ]
    for layers, seed in nets:
        assert fixed_seed(jkeras.models.Chain(layers)) == seed


def test_first_weights_follow_the_seed_of_the_process() -> None:
    def made() -> Any:
        jkeras.utils.set_random_seed(0)
        layer = JaxLayer(
            lambda params, inputs: inputs @ params[0],
            lambda rng, inputs: [jax.random.normal(rng, inputs.shape)],
        )
        layer.build((3, 3))
        return layer.params[0].numpy()

    assert np.array_equal(made(), made())


# -- dtypes and structures


def test_arrays_inside_have_the_dtype_of_the_layer() -> None:
    seen: list[Any] = []

    def call(params: Any, state: Any, inputs: Any) -> Any:
        seen.append(jax.tree.map(lambda leaf: str(leaf.dtype), (params, state, inputs)))
        return inputs["x"] @ params, [state[0] + inputs["x"].mean(), state[1]]

    policy = jkeras.DTypePolicy("mixed_float16")
    layer = JaxLayer(call, params=W.astype("float64"), state=[0.0, 1], dtype=policy)
    inputs = {"x": X, "ids": np.arange(16)}
    assert layer(inputs).dtype == "float16"
    assert seen[-1] == ("float16", ["float16", "int32"], {"ids": "int32", "x": "float16"})
    assert [str(weight.dtype) for weight in layer.weights] == ["float32", "float32", "int32"]
    plain = JaxLayer(call, params=W, state=[0.0, 1])
    assert plain(inputs).dtype == "float32" and seen[-1][0] == "float32"


def test_inputs_and_outputs_may_have_a_structure() -> None:
    def call(params: Any, inputs: Any) -> Any:
        a, b = inputs["a"], inputs["b"]
        return jnp.concatenate([a, b], 1), jnp.concatenate([b, a], 1)

    inputs = {"a": jkeras.Input((None, 3)), "b": jkeras.Input((None, 3))}
    model = jkeras.Model(inputs, JaxLayer(call, params={})(inputs))
    outputs = model({"a": np.zeros((2, 6, 3)), "b": np.ones((2, 7, 3))})
    assert [x.shape for x in outputs] == [(2, 13, 3)] * 2
    assert float(outputs[0][0, 0, 0]) == 0 and float(outputs[1][0, 0, 0]) == 1

    several = [jkeras.Input((None, 3)) for _ in range(30)]
    joined = JaxLayer(lambda params, inputs: jnp.concatenate(inputs, 1), params=())(several)
    assert jkeras.Model(several, joined)([np.ones((2, 1, 3))] * 30).shape == (2, 30, 3)


# -- files


@register_keras_serializable("jax_layer_tests")
def first_values(rng: Any, inputs: Any, training: bool) -> Any:
    """Params and a state."""
    kernel = jax.random.normal(rng, (inputs.shape[-1], 2))
    return {"w": kernel, "b": jnp.zeros((1, 2))}, {"steps": jnp.zeros((), "int32")}


@register_keras_serializable("jax_layer_tests")
def counting_product(inputs: Any, state: Any, params: Any, training: bool) -> Any:
    """A product, and a count of the steps."""
    steps = state["steps"] + 1 if training else state["steps"]
    return inputs @ params["w"] + params["b"], {**state, "steps": steps}


def test_a_model_in_a_file(tmp_path: Path) -> None:
    layer = JaxLayer(counting_product, first_values, seed=2, name="own")
    copy = loaded(model_of(layer), tmp_path)
    assert int(copy.layers[-1].state["steps"]) == 4 and copy.layers[-1].seed == 2
    copy.fit(X, Y, batch_size=4, verbose=0)
    assert int(copy.layers[-1].state["steps"]) == 8


def test_a_model_with_first_params_alone_in_a_file(tmp_path: Path) -> None:
    params = {"w": jnp.asarray(W, "bfloat16"), "b": np.zeros((1, 2)), "more": (1.5, [np.zeros(2)])}
    state = {"steps": np.int8(0), "none": None, "word": "relu"}
    layer = JaxLayer(counting_product, params=params, state=state)
    copy = loaded(model_of(layer), tmp_path).layers[-1]
    assert jax.tree.structure(copy.params) == jax.tree.structure(params)
    assert copy.state["steps"].dtype == "int8" and copy.state["word"] == "relu"
    given = JaxLayer.from_config(layer.get_config())
    assert np.array_equal(given.params["w"], W) and given.params["b"].shape == (1, 2)

    layer = JaxLayer(counting_product, params={"w": {1, 2}}, state={})
    with pytest.raises(TypeError, match="dicts, lists and tuples of arrays in a configuration"):
        layer.get_config()


def test_a_configuration_of_keras() -> None:
    config = JaxLayer(counting_product, first_values).get_config()
    assert config.keys() >= {"call_fn", "init_fn"} and not config.keys() & {"params", "state"}
    of_keras = {name: config[name] for name in ("name", "trainable", "dtype", "call_fn", "init_fn")}
    layer = JaxLayer.from_config(of_keras | {"native_serialization_platforms": None})
    assert layer == JaxLayer(counting_product, first_values)
