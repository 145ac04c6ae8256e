"""A call made twice traces nothing the second time, and refuses and computes what it should.

A layer's `apply`, or a model's `call`, counts its runs in Python. Under `jit` it runs only when it
is traced; a check that asks for the shapes of the outputs by `jax.eval_shape` traces it too.

Laws:
  - The second call with data of the same structure, shapes and dtypes runs no code of the network.
  - Between the calls weights, learning rate and values of the data may change: the results follow.
  - What must change the programs (`compile`, freezing, another structure of the data) does so.
  - Checks of values happen at every call, with the message of a first call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras import Trainer, layers
from jkeras.callbacks import Callback, LambdaCallback
from jkeras.layers import Layer
from jkeras.models import Chain
from jkeras.training import make_init, make_train_step

ROWS, WIDTH, CLASSES, SIZE = 20, 4, 3, 8  # the last batch of 20 rows is a partial one
SPARSE = "sparse_categorical_crossentropy"


# -- models that count


class Traces:
    """How often code of a network has run."""

    count: ClassVar[int] = 0

    @classmethod
    def note(cls) -> None:
        """Counts one run."""
        cls.count += 1


@pytest.fixture(autouse=True)
def fresh_count() -> Iterator[None]:
    Traces.count = 0
    yield


class Counting(Layer):
    """Passes on its inputs, and counts its runs."""

    def apply(self, params: Any, state: Any, inputs: Any, **how: Any) -> Any:
        Traces.note()
        return inputs, state


def compiled(model: Any, **options: Any) -> Any:
    """The model, compiled for class ids."""
    model.compile(jkeras.optimizers.SGD(0.1), SPARSE, metrics=["accuracy"], **options)
    return model


def sequential() -> Any:
    row = [layers.Dense(5, activation="relu"), Counting(), last()]
    return compiled(jkeras.Sequential([jkeras.Input((WIDTH,)), *row], seed=0))


def unbuilt() -> Any:
    """A `Sequential` that learns the shape of its inputs from the data."""
    return compiled(jkeras.Sequential([Counting(), last()], seed=0))


def two_inputs() -> Any:
    left, right = jkeras.Input((WIDTH,), name="left"), jkeras.Input((WIDTH,), name="right")
    both = layers.Concatenate()([layers.Dense(3)(left), Counting()(right)])
    return compiled(jkeras.Model([left, right], last()(both), seed=0))


def dropout_and_norm() -> Any:
    inputs = jkeras.Input((WIDTH,))
    hidden = layers.BatchNormalization()(layers.Dense(5)(inputs))
    hidden = Counting()(layers.Dropout(0.5)(hidden))
    return compiled(jkeras.Model(inputs, last()(hidden), seed=0))


class Called(jkeras.Model):
    """A model that is written as a class with `call`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.hidden, self.last = layers.Dense(5), last()

    def call(self, x: Any, training: bool = False) -> Any:
        Traces.note()
        return self.last(jkeras.ops.relu(self.hidden(x)))


def subclassed() -> Any:
    return compiled(Called(seed=0))


def own_functions() -> Any:
    """A trainer with its steps as functions."""
    net = Chain([Counting(), last()])
    told = {"loss": SPARSE, "optimizer": "sgd"}

    def eval_step(params: Any, state: Any, batch: Any) -> Any:
        chances = net.apply(params, state, batch.x)[0]
        losses = jkeras.losses.sparse_categorical_crossentropy(batch.y, chances)
        return {"loss": jnp.mean(losses)}

    def predict_step(params: Any, state: Any, batch: Any) -> Any:
        return net.apply(params, state, batch.x)[0]

    steps: dict[str, Any] = {"eval_step": eval_step, "predict_step": predict_step}
    return Trainer(train_step=make_train_step(net, **told), init=make_init(net, **told), **steps)


class Stepping(jkeras.Model):
    """A model with steps of its own, in the form of Keras on JAX."""

    def _loss(self, first: Any, second: Any, x: Any, y: Any, weight: Any) -> Any:
        chances, second = self.stateless_call(first, second, x, training=True)
        losses = jkeras.losses.sparse_categorical_crossentropy(y, chances)
        return jnp.mean(losses if weight is None else losses * weight), second

    def train_step(self, state: Any, data: Any) -> Any:
        first, second, slots, sums = state
        x, y, weight = jkeras.utils.unpack_x_y_sample_weight(data)
        gradient = jax.value_and_grad(self._loss, has_aux=True)
        (loss, second), grads = gradient(first, second, x, y, weight)
        first, slots = self.optimizer.stateless_apply(slots, grads, first)
        return {"loss": loss}, (first, second, slots, sums)

    def test_step(self, state: Any, data: Any) -> Any:
        first, second, sums = state
        loss, second = self._loss(first, second, *jkeras.utils.unpack_x_y_sample_weight(data))
        return {"loss": loss}, (first, second, sums)


def own_methods() -> Any:
    inputs = jkeras.Input((WIDTH,))
    return compiled(Stepping(inputs, last()(Counting()(inputs)), seed=0))


def last() -> Any:
    return layers.Dense(CLASSES, activation="softmax")


MODELS: dict[str, Callable[[], Any]] = {
    "sequential": sequential,
    "unbuilt": unbuilt,
    "two inputs": two_inputs,
    "dropout and norm": dropout_and_norm,
    "subclassed": subclassed,
    "own functions": own_functions,
    "own methods": own_methods,
}
CALLED_COMPILED = ("sequential", "unbuilt", "two inputs", "dropout and norm", "own methods")
"""Models of layers that are pure functions, for which `model(x)` is one program. The `call` of a
class and a function of the user's may be watched or stepped through, and run as they stand."""


# -- calls


class Data(NamedTuple):
    """Inputs, class ids and weights of examples."""

    x: Any
    y: np.ndarray
    weight: np.ndarray


def data(kind: str, seed: int, rows: int = ROWS) -> Data:
    """Data of one structure, whose values follow from the seed."""
    rng = np.random.default_rng(seed)
    count = 2 if kind == "two inputs" else 1
    x = [rng.normal(size=(rows, WIDTH)).astype("float32") for _ in range(count)]
    y = rng.permutation(np.arange(rows, dtype="int32") % CLASSES)
    weight = rng.uniform(0.5, 1.5, rows).astype("float32")
    return Data(x[0] if count == 1 else x, y, weight)


def weights_of_classes(of: Data) -> dict[int, float]:
    return {label: float(of.weight[label]) for label in range(CLASSES)}


class Watching(Callback):
    """Looks at the logs of every batch, of training and of validation."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[float] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.seen.append(float(logs["loss"]))

    on_test_batch_end = on_train_batch_end


def fitted(model: Any, of: Data, **options: Any) -> Any:
    given = {"batch_size": SIZE, "verbose": 0, **options}
    return model.fit(of.x, of.y, **given).history


def evaluated(model: Any, of: Data, **options: Any) -> Any:
    return model.evaluate(of.x, of.y, batch_size=SIZE, verbose=0, **options)


def streamed(of: Data) -> Any:
    """The data as a generator of batches."""
    for start in range(0, ROWS, SIZE):
        rows = slice(start, start + SIZE)
        x = [part[rows] for part in of.x] if isinstance(of.x, list) else of.x[rows]
        yield x, of.y[rows]


CALLS: dict[str, Callable[[Any, Data], Any]] = {
    "fit": fitted,
    "fit of two epochs": lambda m, d: fitted(m, d, epochs=2, shuffle=False),
    "fit with validation_split": lambda m, d: fitted(m, d, validation_split=0.4),
    "fit with validation_data": lambda m, d: fitted(m, d, validation_data=(d.x, d.y)),
    "fit with sample_weight": lambda m, d: fitted(m, d, sample_weight=d.weight),
    "fit with class_weight": lambda m, d: fitted(m, d, class_weight=weights_of_classes(d)),
    "fit watching batches": lambda m, d: fitted(m, d, callbacks=[Watching()]),
    "fit watching validation": lambda m, d: fitted(
        m, d, validation_split=0.4, callbacks=[Watching()]
    ),
    "fit of a generator": lambda m, d: m.fit(streamed(d), verbose=0),
    "evaluate": evaluated,
    "evaluate with sample_weight": lambda m, d: evaluated(m, d, sample_weight=d.weight),
    "evaluate watching batches": lambda m, d: evaluated(m, d, callbacks=[Watching()]),
    "predict": lambda m, d: m.predict(d.x, batch_size=SIZE, verbose=0),
    "predict watching batches": lambda m, d: m.predict(
        d.x,
        batch_size=SIZE,
        verbose=0,
        callbacks=[LambdaCallback(on_predict_batch_end=lambda batch, logs: None)],
    ),
    "train_on_batch": lambda m, d: m.train_on_batch(d.x, d.y),
    "train_on_batch with sample_weight": lambda m, d: m.train_on_batch(d.x, d.y, d.weight),
    "train_on_batch with class_weight": lambda m, d: m.train_on_batch(
        d.x, d.y, class_weight=weights_of_classes(d)
    ),
    "test_on_batch": lambda m, d: m.test_on_batch(d.x, d.y),
    "test_on_batch with sample_weight": lambda m, d: m.test_on_batch(d.x, d.y, d.weight),
    "predict_on_batch": lambda m, d: m.predict_on_batch(d.x),
}
ASKED = ("evaluate", "predict", "test_on_batch", "predict_on_batch")
"""Calls that change no weights."""


def numbers(result: Any) -> list[Any]:
    """What a call returned, as arrays."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(result)]


def assert_same(got: Any, expected: Any) -> None:
    pairs = zip(numbers(got), numbers(expected), strict=True)
    for one, other in pairs:
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def assert_different(got: Any, other: Any) -> None:
    pairs = zip(numbers(got), numbers(other), strict=True)
    assert any(not np.allclose(one, two, rtol=1e-3) for one, two in pairs)


pytestmark = pytest.mark.filterwarnings("ignore:.*before the model was built")


# -- nothing is traced


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("kind", MODELS)
def test_a_call_made_twice_traces_nothing_the_second_time(kind: str, call: str) -> None:
    model = MODELS[kind]()
    CALLS[call](model, data(kind, 1))
    first = Traces.count
    assert first > 0
    CALLS[call](model, data(kind, 2))
    assert Traces.count - first == 0


@pytest.mark.parametrize("kind", CALLED_COMPILED)
def test_a_model_called_twice_traces_nothing_the_second_time(kind: str) -> None:
    model = MODELS[kind]()
    model(data(kind, 1).x)
    first = Traces.count
    assert first > 0
    model(data(kind, 2).x)
    assert Traces.count - first == 0


def set_weights(model: Any) -> None:
    model.set_weights([weight + 0.5 for weight in model.get_weights()])


def assign_weight(model: Any) -> None:
    variable = model.trainable_variables[0]
    variable.assign(variable.numpy() - 0.5)


def set_learning_rate(model: Any) -> None:
    model.learning_rate = 0.01


def train_in_between(model: Any) -> None:
    model.train_on_batch(data("sequential", 5).x, data("sequential", 5).y)


CHANGES = [set_weights, assign_weight, set_learning_rate, train_in_between]


@pytest.mark.parametrize("call", ["fit", "train_on_batch", *ASKED])
@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_changed_values_trace_nothing(change: Any, call: str) -> None:
    model = sequential()
    for made in (CALLS["train_on_batch"], CALLS[call]):
        made(model, data("sequential", 1))
    change(model)
    first = Traces.count
    CALLS[call](model, data("sequential", 2))
    assert Traces.count - first == 0


@pytest.mark.parametrize("call", ASKED)
def test_two_sizes_in_turn_trace_nothing_after_the_first_of_each(call: str) -> None:
    model, turns = sequential(), [data("sequential", seed, rows) for seed, rows in ((1, 8), (2, 5))]
    for turn in turns:
        CALLS[call](model, turn)
    first = Traces.count
    for turn in turns:
        CALLS[call](model, turn)
    assert Traces.count - first == 0


# -- the results follow


@pytest.mark.parametrize("call", ASKED)
@pytest.mark.parametrize("kind", MODELS)
def test_a_second_call_gives_what_a_first_one_gives(kind: str, call: str) -> None:
    model, other = MODELS[kind](), MODELS[kind]()
    first = CALLS[call](model, data(kind, 1))
    CALLS["predict"](other, data(kind, 3))  # builds it
    new = [np.cos(weight) for weight in model.get_weights()]
    for each in (model, other):
        each.set_weights(new)
    second = CALLS[call](model, data(kind, 2))
    assert_same(second, CALLS[call](other, data(kind, 2)))
    assert_different(second, first)


@pytest.mark.parametrize("kind", MODELS)
def test_a_called_model_follows_its_weights(kind: str) -> None:
    model, x = MODELS[kind](), data(kind, 1).x
    first = model(x)
    model.set_weights([np.cos(weight) for weight in model.get_weights()])
    assert_different(model(x), first)
    assert_same(model(x), model.predict(x, verbose=0))


def test_a_stopped_learning_rate_stops_the_weights() -> None:
    model, of = sequential(), data("sequential", 1)
    model.train_on_batch(of.x, of.y)
    model.learning_rate = 0.0
    before = model.get_weights()
    model.train_on_batch(of.x, of.y)
    assert_same(model.get_weights(), before)


def test_weights_of_examples_count_after_a_call_without_them_and_the_other_way_round() -> None:
    model, of = sequential(), data("sequential", 1)
    plain = model.test_on_batch(of.x, of.y)
    weighted = model.test_on_batch(of.x, of.y, of.weight)
    assert_different(plain, weighted)
    assert_same(model.test_on_batch(of.x, of.y), plain)
    assert_same(model.test_on_batch(of.x, of.y, of.weight), weighted)


def test_another_dtype_of_the_inputs_gives_its_own_numbers() -> None:
    model = sequential()
    whole = np.arange(-8, 8, dtype="int32").reshape(4, WIDTH)
    halves = whole.astype("float32") + 0.5
    outputs = [model.predict_on_batch(x) for x in (whole, halves, whole, halves)]
    assert_different(outputs[0], outputs[1])
    assert_same(outputs[:2], outputs[2:])
    assert_same(outputs[1], sequential().predict_on_batch(halves))


def test_compile_begins_anew() -> None:
    model, of = sequential(), data("sequential", 1)
    first = model.test_on_batch(of.x, of.y, return_dict=True)
    model.compile("sgd", "mse")
    target = np.eye(CLASSES, dtype="float32")[of.y]
    second = model.test_on_batch(of.x, target, return_dict=True)
    assert sorted(first) == ["accuracy", "loss"] and sorted(second) == ["loss"]
    expected = np.mean((model.predict_on_batch(of.x) - target) ** 2)
    assert second["loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("call", ["fit", "train_on_batch"])
def test_freezing_between_the_calls_counts(call: str) -> None:
    model = sequential()
    CALLS[call](model, data("sequential", 1))
    model.layers[0].trainable = False
    before = model.get_weights()
    CALLS[call](model, data("sequential", 2))
    after = model.get_weights()
    assert_same(after[:2], before[:2])
    assert_different(after[2:], before[2:])
    model.layers[0].trainable = True
    CALLS[call](model, data("sequential", 3))
    assert_different(model.get_weights()[:2], after[:2])


# -- values are checked at every call


def out_of_range(of: Data) -> Data:
    labels = of.y.copy()
    labels[1] = CLASSES + 4
    return of._replace(y=labels)


def negative(of: Data) -> Data:
    labels = of.y.copy()
    labels[1] = -2
    return of._replace(y=labels)


def nan_inputs(of: Data) -> Data:
    x = of.x.copy()
    x[1, 2] = np.nan
    return of._replace(x=x)


def infinite_inputs(of: Data) -> Data:
    x = of.x.copy()
    x[1, 2] = np.inf
    return of._replace(x=x)


def nan_weight(of: Data) -> Data:
    weight = of.weight.copy()
    weight[1] = np.nan
    return of._replace(weight=weight)


SPOILED = {
    "labels out of range": out_of_range,
    "negative labels": negative,
    "NaN among the inputs": nan_inputs,
    "infinity among the inputs": infinite_inputs,
}
CHECKED = ("fit", "fit with validation_data", "evaluate", "train_on_batch", "test_on_batch")
WEIGHTED = tuple(call for call in CALLS if call.endswith("with sample_weight"))
REFUSALS = [(call, spoil) for call in CHECKED for spoil in SPOILED.values()]
REFUSALS += [(call, nan_weight) for call in WEIGHTED]


def message(call: str, model: Any, of: Data) -> str:
    with pytest.raises(ValueError) as caught:
        CALLS[call](model, of)
    return str(caught.value)


@pytest.mark.parametrize(
    ("call", "spoil"), REFUSALS, ids=lambda part: getattr(part, "__name__", part)
)
def test_a_second_call_refuses_what_a_first_one_refuses(call: str, spoil: Any) -> None:
    bad = spoil(data("sequential", 2))
    expected, model = message(call, sequential(), bad), sequential()
    CALLS[call](model, data("sequential", 1))
    before = model.get_weights()
    assert message(call, model, bad) == expected
    assert_same(model.get_weights(), before)
    CALLS[call](model, data("sequential", 3))  # and goes on with what is right


@pytest.mark.parametrize("call", ["predict", "predict_on_batch"])
def test_a_second_call_refuses_ids_that_an_embedding_has_not(call: str) -> None:
    def embedding() -> Any:
        return jkeras.Sequential([jkeras.Input((2,)), layers.Embedding(5, 3)], seed=0)

    ids = np.array([[0, 4], [1, 2]])
    model = embedding()
    CALLS[call](model, Data(ids, ids, ids))
    wrong = Data(ids + 3, ids, ids)
    assert message(call, model, wrong) == message(call, embedding(), wrong)


@pytest.mark.parametrize("call", CHECKED)
def test_a_second_call_refuses_another_shape(call: str) -> None:
    def narrower(of: Data) -> Data:
        return of._replace(x=of.x[:, 1:])

    bad = narrower(data("sequential", 2))
    expected, model = message(call, sequential(), bad), sequential()
    CALLS[call](model, data("sequential", 1))
    assert message(call, model, bad) == expected


# -- what changes without `compile`


def regression() -> tuple[Any, Any]:
    x = np.random.default_rng(0).normal(1.0, 2.0, (ROWS, WIDTH)).astype(np.float32)
    return x, x[:, :1]


class Measuring(jkeras.Model):
    """A model that measures by itself, too."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.dense = layers.Dense(1)
        self.own = jkeras.metrics.Mean(name="own")

    def call(self, inputs: Any) -> Any:
        return self.dense(inputs)

    def compute_loss(self, x: Any, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        loss = jnp.mean((y - y_pred) ** 2)
        self.own.update_state(loss)
        return loss


def last_layer_and_metric() -> Any:
    model = Measuring()
    model.compile("sgd")
    return model


def regularized() -> Any:
    dense = layers.Dense(2, kernel_regularizer="l2", name="first")
    model = jkeras.Sequential([jkeras.Input((WIDTH,)), dense, layers.Dense(1)], seed=0)
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("is_frozen_first", [False, True])
def test_an_evaluation_penalises_what_is_trained_now(is_frozen_first: bool) -> None:
    def toggle(model: Any, freezes: bool) -> Any:
        (model.freeze if freezes else model.unfreeze)("first")
        return model

    of = regression()
    model = toggle(regularized(), is_frozen_first)
    before = model.evaluate(*of, verbose=0)
    after = toggle(model, not is_frozen_first).evaluate(*of, verbose=0)
    expected = toggle(regularized(), not is_frozen_first).evaluate(*of, verbose=0)
    np.testing.assert_allclose(after, expected, rtol=1e-6)
    toggle(model, is_frozen_first)
    np.testing.assert_allclose(model.evaluate(*of, verbose=0), before, rtol=1e-6)


def test_a_validation_penalises_what_is_trained_now() -> None:
    of, model = regression(), regularized()
    model.fit(*of, validation_data=of, verbose=0)
    model.freeze("first")
    found = model.fit(*of, validation_data=of, verbose=0).history["val_loss"][-1]
    model.compile("sgd", "mse")
    np.testing.assert_allclose(found, model.evaluate(*of, verbose=0), rtol=1e-6)


@pytest.mark.parametrize("options", [{}, {"center": False, "scale": False}], ids=str)
def test_a_called_model_follows_a_frozen_normalization(options: dict[str, Any]) -> None:
    norm = layers.BatchNormalization(name="norm", **options)
    model = jkeras.Sequential([jkeras.Input((WIDTH,)), norm], seed=0)
    x = regression()[0]
    trained, inferred = model(x, training=True), model(x)  # the first call moves the statistics
    model.freeze("norm")
    np.testing.assert_allclose(model(x, training=True), inferred, rtol=1e-6)
    model.unfreeze("norm")
    np.testing.assert_allclose(model(x, training=True), trained, rtol=1e-6)
    assert np.abs(np.asarray(trained - inferred)).max() > 0.01


def test_functions_of_the_users_refuse_frozen_weights_in_a_second_call() -> None:
    def step(train_state: Any, batch: Any) -> Any:
        return train_state, {"loss": jnp.float32(1)}

    def judge(params: Any, state: Any, batch: Any) -> Any:
        return {"loss": jnp.float32(2)}

    x, y = regression()
    model = Trainer(layers.Dense(1, name="dense"), train_step=step, eval_step=judge, seed=0)
    calls = (
        lambda: model.fit(x, y, verbose=0),
        lambda: model.evaluate(x, y, verbose=0),
        lambda: model.predict(x, verbose=0),
    )
    for call in calls:
        call()
    model.freeze("kernel")
    for call in calls:
        with pytest.raises(ValueError, match="expected no frozen weights"):
            call()


def test_a_metric_that_a_model_gets_later_is_among_the_logs() -> None:
    x, y = regression()
    model = last_layer_and_metric()
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0, batch_size=ROWS)
    model.later = jkeras.metrics.Mean(name="later")
    assert set(model.fit(x, y, verbose=0).history) == {"loss", "own", "later"}
    assert set(model.evaluate(x, y, verbose=0, batch_size=ROWS, return_dict=True)) >= {"later"}
    assert set(model.test_on_batch(x, y, return_dict=True)) >= {"later"}


def test_a_function_of_the_users_in_a_layer_runs_in_every_call() -> None:
    seen: list[Any] = []
    factor = [1.0]

    def scaled(x: Any) -> Any:
        seen.append(x)
        return factor[0] * x

    dense = layers.Dense(2, activation=scaled)
    model = jkeras.Sequential([jkeras.Input((WIDTH,)), dense], seed=0)
    x = regression()[0]
    first = model(x)
    factor[0] = 2.0
    np.testing.assert_allclose(model(x), 2 * first, rtol=1e-6)
    assert not isinstance(seen[-1], jax.core.Tracer)
