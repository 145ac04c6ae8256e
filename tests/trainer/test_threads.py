"""One model asked by many threads at once.

Laws:
  - `predict`, `predict_on_batch` and `model(x)` in a thread give what they give without others.
  - So do the very first calls, in which threads meet in building and in compiling: the weights are
    made once.
  - Asking changes no weights.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import Trainer, layers
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step
from tests.threads import at_once

THREADS, TURNS, WIDTH = 8, 5, 6

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*before the model was built"),
    pytest.mark.usefixtures("frequent_switches"),
]


# -- models


def body() -> list[Any]:
    return [layers.Dense(16, activation="tanh"), layers.Dense(3)]


def sequential() -> Any:
    return jkeras.Sequential([jkeras.Input((WIDTH,)), *body()], seed=0)


def unbuilt() -> Any:
    """A `Sequential` that learns the shape of its inputs from the data."""
    return jkeras.Sequential(body(), seed=0)


def two_inputs() -> Any:
    left, right = jkeras.Input((WIDTH,)), jkeras.Input((WIDTH,))
    both = layers.Concatenate()([layers.Dense(3)(left), layers.Dense(2)(right)])
    return jkeras.Model([left, right], layers.Dense(3)(both), seed=0)


def dropout_and_norm() -> Any:
    inputs = jkeras.Input((WIDTH,))
    hidden = layers.BatchNormalization()(layers.Dense(16)(inputs))
    return jkeras.Model(inputs, layers.Dense(3)(layers.Dropout(0.5)(hidden)), seed=0)


class Called(jkeras.Model):
    """A model that is written as a class with `call`, with a model and a weight inside."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.inner, self.last = jkeras.Sequential(body()), layers.Dense(3)

    def build(self, input_shape: Any) -> None:
        self.gain = self.add_weight(shape=(), initializer="ones", name="gain")

    def call(self, x: Any, training: bool = False) -> Any:
        return self.last(jkeras.ops.relu(self.inner(x))) * self.gain


def subclassed() -> Any:
    return Called(seed=0)


def own_functions() -> Any:
    """A trainer with its steps as functions."""
    net = Chain(body())
    told = {"loss": "mse", "optimizer": "sgd"}
    made = Trainer(
        net, train_step=make_train_step(net, **told), init=make_init(net, **told), seed=0
    )
    return made


def adapted() -> Any:
    """A model that begins with statistics that were learned from data."""
    first = layers.Normalization()
    first.adapt(inputs_of("adapted", 99))
    return jkeras.Sequential([jkeras.Input((WIDTH,)), first, *body()], seed=0)


MODELS: dict[str, Callable[[], Any]] = {
    "sequential": sequential,
    "unbuilt": unbuilt,
    "two inputs": two_inputs,
    "dropout and norm": dropout_and_norm,
    "subclassed": subclassed,
    "own functions": own_functions,
    "adapted": adapted,
}
CALLS: dict[str, Callable[[Any, Any], Any]] = {
    "predict": lambda model, x: model.predict(x, batch_size=4, verbose=0),
    "predict_on_batch": lambda model, x: model.predict_on_batch(x),
    "model(x)": lambda model, x: np.asarray(model(x)),
}


# -- threads


def inputs_of(kind: str, seed: int, rows: int = 7) -> Any:
    """Inputs that no two seeds share."""
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(rows, WIDTH)).astype("float32") for _ in range(2)]
    return x if kind == "two inputs" else x[0]


def asking(model: Any, call: str, inputs: list[Any]) -> Callable[[], list[Any]]:
    return lambda: [CALLS[call](model, x) for x in inputs]


def turns_of(kind: str, thread: int, rows: int = 7) -> list[Any]:
    """The inputs of a thread, another at each turn."""
    return [inputs_of(kind, 100 * thread + turn, rows) for turn in range(TURNS)]


def assert_equal(got: Any, expected: Any) -> None:
    pairs = zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", MODELS)
def test_threads_get_what_one_gets(kind: str, call: str) -> None:
    model = MODELS[kind]()
    inputs = [turns_of(kind, thread) for thread in range(THREADS)]
    expected = [asking(model, call, each)() for each in inputs]
    before = model.get_weights()
    assert_equal(at_once(*(asking(model, call, each) for each in inputs)), expected)
    assert_equal(model.get_weights(), before)


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", MODELS)
def test_the_first_calls_of_all_may_meet(kind: str, call: str) -> None:
    model, alone = MODELS[kind](), MODELS[kind]()
    inputs = [turns_of(kind, thread) for thread in range(THREADS)]
    expected = [asking(alone, call, each)() for each in inputs]
    found = at_once(*(asking(model, call, each) for each in inputs))
    assert [weight.path for weight in model.weights] == [weight.path for weight in alone.weights]
    assert_equal(model.get_weights(), alone.get_weights())
    assert_equal(found, expected)


@pytest.mark.parametrize("kind", MODELS)
def test_all_kinds_of_calls_and_sizes_may_meet(kind: str) -> None:
    model, alone = MODELS[kind](), MODELS[kind]()
    names = [*CALLS, *CALLS, *CALLS][:THREADS]
    inputs = [turns_of(kind, thread, 3 + thread % 4) for thread in range(THREADS)]
    pairs = list(zip(names, inputs, strict=True))
    expected = [asking(alone, call, each)() for call, each in pairs]
    assert_equal(at_once(*(asking(model, call, each) for call, each in pairs)), expected)


def test_a_refusal_in_one_thread_is_nothing_to_the_others() -> None:
    model = sequential()
    good = inputs_of("sequential", 1)
    expected = model.predict(good, verbose=0)

    def refused() -> str:
        with pytest.raises(ValueError) as caught:
            model.predict(good[:, 1:], verbose=0)
        return str(caught.value)

    message = refused()
    found = at_once(*[lambda: model.predict(good, verbose=0), refused] * (THREADS // 2))
    assert found[1::2] == [message] * (THREADS // 2)
    assert_equal(found[::2], [expected] * (THREADS // 2))


def test_models_that_share_a_layer_may_be_asked_at_once() -> None:
    inputs, shared = jkeras.Input((WIDTH,)), layers.Dense(4, activation="tanh")
    hidden = shared(inputs)
    models = [jkeras.Model(inputs, layers.Dense(2)(hidden), seed=seed) for seed in range(THREADS)]
    x = inputs_of("sequential", 1)
    found = at_once(*(asking(model, "predict", [x]) for model in models))
    assert_equal(found, [asking(model, "predict", [x])() for model in models])
    kernels = [model.get_weights()[0] for model in models]
    assert_equal(kernels, kernels[:1] * THREADS)
