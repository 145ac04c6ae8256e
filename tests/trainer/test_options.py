"""Options of training, each once in `fit`: what a debugger sees, gathered gradients, optimizers for
parts of a model; and how the pure step reads.
"""

import collections
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import layers as L
from jkeras import optimizers
from jkeras.training import make_init, make_train_step
from tests.programs import plan_of

X = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
Y = X[:, :1]


def test_a_layer_sees_numbers_when_nothing_is_compiled() -> None:
    seen = []

    class Look(L.Layer):
        def apply(self, params: Any, state: Any, inputs: Any, *, training: bool = False, **_: Any):
            if training and inputs[0, 0] > -100:
                seen.append(float(jkeras.ops.convert_to_numpy(inputs).sum()))
            return inputs, state

    net = [jkeras.Input((3,)), L.Dense(1, kernel_initializer="ones"), Look()]
    made = jkeras.Sequential(net, seed=0)
    made.compile("sgd", "mse", jit_compile=False)
    made.fit(X, Y, verbose=0)
    assert seen == pytest.approx([float(X.sum())], rel=1e-5)


def test_the_way_to_run_is_changed_without_compiling_anew() -> None:
    made = jkeras.Sequential([jkeras.Input((3,)), L.Dense(1)], seed=0)
    made.compile("sgd", "mse")
    made.run_eagerly = True
    assert (made.run_eagerly, made.jit_compile) == (True, False)
    made.fit(X, Y, verbose=0)
    plan = plan_of(made, "train")
    made.jit_compile = True
    assert not made.run_eagerly and int(made.train_state.step) == 1
    made.fit(X, Y, verbose=0)
    assert plan_of(made, "train") is plan
    with pytest.raises(TypeError) as caught:
        made.run_eagerly = "yes"  # type: ignore[assignment]
    assert str(caught.value) == (
        "Sequential 'sequential': `run_eagerly`: expected True or False, got 'yes' (str)."
    )


def test_an_error_in_a_layer_is_raised_as_it_is_when_nothing_is_compiled() -> None:
    class Broken(L.Layer):
        def apply(self, params: Any, state: Any, inputs: Any, *, training: bool = False, **_: Any):
            if training and inputs.max() > 0.5:
                raise RuntimeError(f"largest {jkeras.ops.convert_to_numpy(inputs.max()):.1f}")
            return inputs, state

    made = jkeras.Sequential([jkeras.Input((3,)), L.Dense(1), Broken()], seed=0)
    made.set_weights([np.zeros((3, 1)), np.full(1, 2.0)])
    made.compile("sgd", "mse", run_eagerly=True)
    with pytest.raises(RuntimeError, match=r"^largest 2\.0"):
        made.fit(X, Y, verbose=0)


def test_gathered_gradients_are_one_update_of_k_batches() -> None:
    """The rule stands in one branch of a `cond`, so that other batches do not pay for it."""
    net = jkeras.models.Chain([L.Dense(1, use_bias=False)])
    options: dict[str, Any] = {
        "loss": "mse",
        "optimizer": optimizers.Adam(gradient_accumulation_steps=4),
    }
    state = jax.eval_shape(make_init(net, **options), jax.random.key(0), jnp.asarray(X))
    jaxpr = jax.make_jaxpr(make_train_step(net, **options))(state, (X, Y))
    (cond,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "cond"]
    roots = [
        sum(eqn.primitive.name == "sqrt" for eqn in branch.eqns)
        for branch in cond.params["branches"]
    ]
    assert sorted(roots) == [0, 2]
    assert not any(eqn.primitive.name == "sqrt" for eqn in jaxpr.eqns)


def test_parts_of_a_model_have_optimizers_of_their_own() -> None:
    choose = optimizers.OptimizerMap(optimizers.SGD(0.1), {"body/.*": optimizers.SGD(0.0)})
    made = jkeras.Sequential([L.Dense(2, name="body"), L.Dense(1, name="head")], seed=0)
    made.compile(optimizers.MultiOptimizer(choose), "mse")
    made.build((None, 3))
    before = made.get_weights()
    made.fit(X, Y, verbose=0)
    moved = [bool((a != b).any()) for a, b in zip(before, made.get_weights(), strict=True)]
    assert moved == [False, False, True, True]


def test_the_pure_step_of_a_small_network_is_short_to_read() -> None:
    """75 equations for two dense layers under SGD: forward 8, back 12, four updates, the counts,
    the keys. What is called by name is an activation or a `where`, nothing of ours.
    """
    net = jkeras.models.Chain([L.Dense(4, activation="relu"), L.Dense(1)])
    options: dict[str, Any] = {"loss": "mse", "optimizer": "sgd"}
    state = jax.eval_shape(make_init(net, **options), jax.random.key(0), jnp.asarray(X))
    jaxpr = jax.make_jaxpr(make_train_step(net, **options))(state, (X, Y))
    kinds = collections.Counter(eqn.primitive.name for eqn in jaxpr.eqns)
    assert len(jaxpr.eqns) <= 80 and kinds["dot_general"] == 5
    called = {eqn.params["name"] for eqn in jaxpr.eqns if eqn.primitive.name in ("jit", "pjit")}
    assert called <= {"_where"} and kinds["jit"] + kinds["pjit"] <= 5
    assert not {"debug_callback", "pure_callback", "cond", "while"} & set(kinds)


class NeedsArrays(L.Layer):
    """Uses what arrays of JAX have and those of NumPy have not."""

    def apply(self, params: Any, state: Any, x: Any, **options: Any) -> tuple[Any, Any]:
        return x.at[:, 0].add(1.0), state


def test_layers_get_arrays_of_jax_in_every_call_that_is_run_eagerly() -> None:
    made = jkeras.Sequential([jkeras.Input((3,)), NeedsArrays(), L.Dense(1)], seed=0)
    made.compile("sgd", "mse", metrics=["mae"])
    calls: list[Any] = [
        lambda: made.fit(X, Y, verbose=0).history["loss"],
        lambda: made.evaluate(X, Y, verbose=0),
        lambda: made.train_on_batch(X, Y),
        lambda: made.test_on_batch(X, Y),
        lambda: made.predict(X, verbose=0),
        lambda: made.predict_on_batch(X),
        lambda: made(X),
    ]
    made.run_eagerly = True
    before = made.get_weights()
    eager = [np.asarray(call()) for call in calls]
    made.set_weights(before)
    made.run_eagerly = False
    for one, call in zip(eager, calls, strict=True):
        np.testing.assert_allclose(one, call(), rtol=1e-5)
