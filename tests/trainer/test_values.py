"""What a Trainer holds: the values of anything with `init` and `apply`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.layers import BatchNormalization, Dense, Input, SimpleRNN
from jkeras.models import Chain
from jkeras.trainer.state.model_state import FEW_LAYERS
from jkeras.training import make_init

X = np.random.default_rng(0).normal(size=(10, 4)).astype("float32")
Y = X.sum(axis=1, keepdims=True)


class Net(NamedTuple):
    """A model that is no layer: two functions."""

    init: Callable[..., Any]
    apply: Callable[..., Any]


def init_pair(key: jax.Array, x: Any) -> tuple[Any, Any]:
    """A matrix and a vector in a list, and no state."""
    return [jax.random.normal(key, (x.shape[-1], 1)), jnp.zeros(1)], ()


def apply_pair(params: Any, state: Any, x: jax.Array, *, key=None, training=False) -> Any:
    """The affine function."""
    kernel, bias = params
    return x @ kernel + bias[None], state


def init_array(key: jax.Array, x: Any) -> tuple[Any, Any]:
    """One array, and no state at all."""
    return jnp.zeros((x.shape[-1], 1)), None


def apply_array(params: Any, state: Any, x: jax.Array, *, key=None, training=False) -> Any:
    """The linear function."""
    return x @ params, state


PAIR, ARRAY = Net(init_pair, apply_pair), Net(init_array, apply_array)


def compiled(net: Any) -> jkeras.Trainer:
    """A trainer of `net` for plain gradient descent on the squared error."""
    made = jkeras.Trainer(net, seed=0, name="net")
    made.compile(jkeras.optimizers.SGD(0.1), "mse")
    return made


def descended(kernel: np.ndarray, bias: np.ndarray, batches: list[slice]) -> tuple[Any, Any]:
    """Gradient descent by hand."""
    for rows in batches:
        error = X[rows] @ kernel + bias - Y[rows]
        kernel = kernel - 0.1 * 2 * X[rows].T @ error / len(error)
        bias = bias - 0.1 * 2 * error.mean(axis=0)
    return kernel, bias


def test_two_functions_train_exactly_the_last_partial_batch_included() -> None:
    trainer = compiled(PAIR)
    trainer.build((None, 4))
    kernel, bias = descended(*trainer.get_weights(), [slice(0, 4), slice(4, 8), slice(8, 10)])
    history = trainer.fit(X, Y, batch_size=4, shuffle=False, verbose=0).history["loss"]
    got = trainer.get_weights()
    np.testing.assert_allclose(got[0], kernel, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(got[1], bias, rtol=1e-5, atol=1e-6)
    assert len(history) == 1
    loss = trainer.evaluate(X, Y, batch_size=4, verbose=0)
    assert loss == pytest.approx(float(np.mean((X @ kernel + bias - Y) ** 2)), rel=1e-5)
    assert trainer.predict(X, batch_size=4, verbose=0).shape == (10, 1)


@pytest.mark.parametrize(
    ("net", "shapes"), [(PAIR, [(4, 1), (1,)]), (ARRAY, [(4, 1)])], ids=["list", "array"]
)
def test_values_of_any_form_are_listed_counted_shown_and_saved(net, shapes, tmp_path) -> None:
    trainer = compiled(net)
    trainer.fit(X, Y, verbose=0)
    weights = trainer.get_weights()
    assert [weight.shape for weight in weights] == shapes
    assert trainer.count_params() == sum(weight.size for weight in weights)
    lines: list[str] = []
    trainer.summary(print_fn=lines.append)
    assert "net (Net)" in lines[0] and f"Trainable params: {trainer.count_params()} " in lines[0]
    trainer.save_weights(tmp_path / "w.msgpack")
    trainer.set_weights([np.zeros_like(weight) for weight in weights])
    assert float(trainer.predict(X, verbose=0).max()) == 0
    trainer.load_weights(tmp_path / "w.msgpack")
    for mine, saved in zip(trainer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(mine, saved)
    assert jax.tree.structure(trainer.params) == jax.tree.structure(
        net.init(jax.random.key(0), X)[0]
    )


def test_the_order_of_weights_is_that_of_keras() -> None:
    keras = pytest.importorskip("keras", reason="Keras is the oracle")
    kl = keras.layers
    inner = [kl.SimpleRNN(3), kl.BatchNormalization(), kl.Dense(2)]
    with jax.numpy_rank_promotion("allow"), jax.numpy_dtype_promotion("standard"):
        theirs = keras.Sequential([keras.Input((5, 4)), keras.Sequential(inner), kl.Dense(1)])
    mine = jkeras.Sequential(
        [Input((5, 4)), Chain([SimpleRNN(3), BatchNormalization(), Dense(2)]), Dense(1)], seed=0
    )
    names = [weight.name for weight in theirs.weights]
    assert names == ["kernel", "recurrent_kernel", "bias", "gamma", "beta", "moving_mean",
                     "moving_variance", "kernel", "bias", "kernel", "bias"]  # fmt: skip
    assert [w.shape for w in mine.get_weights()] == [tuple(w.shape) for w in theirs.weights]
    rnn, norm = (
        mine.params["sequential"]["simple_rnn"],
        mine.state["sequential"]["batch_normalization"],
    )
    np.testing.assert_array_equal(mine.get_weights()[1], rnn["recurrent_kernel"])
    np.testing.assert_array_equal(mine.get_weights()[6], norm["moving_variance"])


def test_set_weights_is_the_inverse_of_get_weights() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(3), BatchNormalization()], seed=0)
    new = [np.full(weight.shape, i, np.float64) for i, weight in enumerate(model.get_weights())]
    model.set_weights(new)
    assert [weight.flat[0] for weight in model.get_weights()] == [0, 1, 2, 3, 4, 5]
    assert {weight.dtype for weight in model.get_weights()} == {np.dtype("float32")}
    assert float(model.state["batch_normalization"]["moving_variance"][0]) == 5


def test_get_weights_gives_copies() -> None:
    model = jkeras.Sequential([Input((4,)), Dense(3)], seed=0)
    model.get_weights()[0][:] = 7
    assert not (model.get_weights()[0] == 7).any()
    assert jkeras.Sequential([Dense(3)]).get_weights() == []


def test_what_is_handed_out_stays_valid_while_training_goes_on() -> None:
    trainer = compiled(PAIR)
    trainer.build((None, 4))
    before, again = trainer.train_state, np.array(trainer.params[0])
    trainer.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(before.params[0], again)
    assert int(trainer.train_state.step) == 1 and int(before.step) == 0
    trainer.train_state = before
    np.testing.assert_array_equal(trainer.params[0], again)


def test_params_may_be_replaced_by_a_tree_of_the_same_form() -> None:
    trainer = compiled(PAIR)
    trainer.build((None, 4))
    trainer.params = jax.tree.map(jnp.zeros_like, trainer.params)
    assert trainer.evaluate(X, Y, verbose=0) == pytest.approx(float((Y**2).mean()), rel=1e-5)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ([jnp.ones((4, 1))], "expected 1 of shape (1,), got None; None means that there is none."),
        (
            [jnp.ones((4, 2)), jnp.ones(1)],
            "expected 0 of shape (4, 1), got (4, 2); None means that there is none.",
        ),
        (
            [jnp.ones((4, 1)), jnp.ones(1), jnp.ones(2)],
            "expected 2 of shape None, got (2,); None means that there is none.",
        ),
        (
            (jnp.ones((4, 1)), jnp.ones(1)),
            "expected the structure PyTreeDef([*, *]), got PyTreeDef((*, *)).",
        ),
    ],
    ids=["missing", "shape", "left_over", "structure"],
)
def test_params_of_another_form_are_refused(params: Any, message: str) -> None:
    trainer = compiled(PAIR)
    trainer.build((None, 4))
    with pytest.raises(ValueError) as caught:
        trainer.params = params
    assert str(caught.value) == f"Trainer 'net': `params`: {message}"


def test_values_may_come_from_elsewhere_before_the_model_is_built() -> None:
    source, target = compiled(PAIR), compiled(PAIR)
    source.fit(X, Y, verbose=0)
    target.train_state = source.train_state
    with pytest.raises(ValueError) as caught:
        target.get_weights()
    assert str(caught.value) == (
        "Trainer 'net': the order of its weights is not known before the shape of its inputs. "
        "Call build((None, ...)) first."
    )
    target.build((None, 4))
    np.testing.assert_array_equal(target.get_weights()[0], source.get_weights()[0])
    declared = jkeras.Sequential([Input((4,)), Dense(1)], seed=1)
    declared.train_state = jkeras.Sequential([Input((4,)), Dense(1)], seed=2).train_state
    assert len(declared.get_weights()) == 2


@pytest.mark.parametrize(
    "inputs",
    [(None, 4), [None, 4], (None, np.int64(4)), (2, 4), X, jax.ShapeDtypeStruct((1, 4), "float32"),
     Input((4,))],
    ids=["shape", "list", "numpy_size", "batch", "array", "spec", "input"],
)  # fmt: skip
def test_a_model_is_built_from_whatever_tells_a_shape(inputs: Any) -> None:
    trainer = jkeras.Trainer(Dense(3), seed=0)
    trainer.build(inputs)
    assert [weight.shape for weight in trainer.get_weights()] == [(4, 3), (3,)]
    kept = trainer.get_weights()[0]
    trainer.build(inputs)
    np.testing.assert_array_equal(trainer.get_weights()[0], kept)


@pytest.mark.parametrize(("inputs", "text"), [(4, "4 (int)"), ("mnist", "'mnist' (str)")])
def test_other_things_build_nothing(inputs: Any, text: str) -> None:
    trainer = jkeras.Trainer(Dense(3), name="net")
    with pytest.raises(TypeError) as caught:
        trainer.build(inputs)
    assert str(caught.value) == (
        "Trainer 'net': build: expected a shape with the batch axis, an array or an Input, got "
        f"{text}. For example: build((None, 784))."
    )
    assert not trainer.built


def test_a_build_that_fails_leaves_no_trace() -> None:
    model = jkeras.Sequential([Dense(1)], seed=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="Give each example a feature axis"):
        model.fit(X[:, 0], Y, verbose=0)
    model.fit(X, Y, verbose=0)
    assert model.get_weights()[0].shape == (4, 1)


def test_a_class_in_place_of_a_layer_is_answered_with_the_call() -> None:
    with pytest.raises(TypeError) as caught:
        jkeras.Trainer(Dense)
    assert str(caught.value) == (
        "Trainer: `net`: expected an object, got the class Dense. Make one: Dense(...)."
    )


def test_the_same_seed_makes_the_same_weights() -> None:
    def kernel(seed: int) -> np.ndarray:
        return jkeras.Sequential([Input((4,)), Dense(3)], seed=seed).get_weights()[0]

    np.testing.assert_array_equal(kernel(3), kernel(3))
    assert not np.array_equal(kernel(3), kernel(4))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("evaluat", "Sequential has no attribute 'evaluat'. Did you mean 'evaluate'?"),
        ("zzz", "Sequential has no attribute 'zzz'."),
    ],
)
def test_a_name_that_is_not_here_is_answered_with_what_to_use(name: str, message: str) -> None:
    with pytest.raises(AttributeError) as raised:
        getattr(jkeras.Sequential(seed=0), name)
    assert str(raised.value) == message
    assert not hasattr(jkeras.Sequential(seed=0), name)


def test_a_deep_model_gets_the_weights_of_its_pure_functions() -> None:
    deep = [Dense(3, use_bias=i % 2 == 0) for i in range(FEW_LAYERS + 4)]
    model = jkeras.Sequential(deep, seed=4)
    model.build((None, 3))
    init = make_init(model.net, loss="mse", optimizer="sgd")
    made = jax.jit(init)(jax.random.key(4), jax.ShapeDtypeStruct((1, 3), jnp.float32))
    assert jax.tree.structure(model.params) == jax.tree.structure(made.params)
    for got, expected in zip(
        jax.tree.leaves(model.params), jax.tree.leaves(made.params), strict=True
    ):
        np.testing.assert_allclose(got, expected, rtol=1e-6)
