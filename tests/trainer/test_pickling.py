"""Models travel: pickled or copied, they go on with the same bits, in another process too."""

from __future__ import annotations

import concurrent.futures
import copy
import io
import multiprocessing
import operator
import pickle
import threading
from collections.abc import Callable
from typing import Any

import equinox as eqx
import flax.linen as nn
import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

import jkeras
from jkeras import callbacks, layers
from jkeras.training import make_train_state

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 4)).astype("float32")
Y = RNG.integers(0, 3, 12)


class Scale(layers.Layer):
    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones")

    def call(self, x: Any) -> Any:
        return x * self.scale


class OwnMetric(jkeras.metrics.Metric):
    def __init__(self, name: str = "own", **options: Any) -> None:
        super().__init__(name=name, **options)
        self.total = self.add_variable((), "zeros", name="total")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        self.total.assign_add(jnp.mean(y_pred))

    def result(self) -> Any:
        return self.total * 1.0


class OwnLoss(jkeras.losses.Loss):
    def __init__(self, factor: float = 2.0, **options: Any) -> None:
        super().__init__(**options)
        self.factor = factor

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.factor * own_loss(y_true, y_pred)


class Subclassed(jkeras.Model):
    def __init__(self) -> None:
        super().__init__(seed=0)
        self.body = network()
        self.shift = self.add_weight(shape=(), name="shift")
        self.drop = layers.Dropout(0.3)

    def call(self, x: Any, training: bool = False) -> Any:
        return self.drop(self.body(x), training=training) + self.shift


class OwnStep(jkeras.Model):
    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


class Linen(nn.Module):
    @nn.compact
    def __call__(self, x: Any, train: bool = False) -> Any:
        x = nn.BatchNorm(use_running_average=not train)(nn.Dense(5)(x))
        return nn.Dense(3)(nn.Dropout(0.3, deterministic=not train)(x))


class Nnx(nnx.Module):
    def __init__(self, rngs: nnx.Rngs) -> None:
        self.dense, self.drop = nnx.Linear(4, 3, rngs=rngs), nnx.Dropout(0.3, rngs=rngs)

    def __call__(self, x: Any) -> Any:
        return self.drop(self.dense(x))


def haiku_fn(x: Any, is_training: bool) -> Any:
    noise = jax.random.normal(hk.next_rng_key(), x.shape) if is_training else 0.0
    return hk.Linear(3)(x + noise)


def pair_init(key: Any, x: Any) -> Any:
    return {"w": jax.random.normal(key, (x.shape[-1], 3))}


def pair_apply(params: Any, x: Any) -> Any:
    return x @ params["w"]


def own_init(key: Any, x: Any) -> Any:
    return make_train_state(key, pair_init(key, x))


def own_predict(params: Any, state: Any, batch: Any) -> Any:
    return batch.x @ params["w"]


def own_train(state: Any, batch: Any) -> Any:
    def loss(params: Any) -> Any:
        return jnp.mean((batch.x @ params["w"] - batch.y[:, None].astype("float32")) ** 2)

    value, grads = jax.value_and_grad(loss)(state.params)
    params = jax.tree.map(lambda p, g: p - 0.1 * g, state.params, grads)
    return state.replace(params=params), {"loss": value}


def own_loss(y_true: Any, y_pred: Any) -> Any:
    return jnp.mean((y_pred - jax.nn.one_hot(y_true.astype(int), 3)) ** 2, -1)


def rate(step: Any) -> Any:
    return 0.01 / (1.0 + jnp.asarray(step, "float32"))


def network(**options: Any) -> Any:
    x = jkeras.Input((4,))
    hidden = layers.Dropout(0.3)(Scale()(layers.Dense(5, activation=jnp.tanh)(x)))
    return jkeras.Model(x, layers.Dense(3)(layers.BatchNormalization()(hidden * 2.0)), **options)


def chain(*parts: Any) -> Any:
    return jkeras.Sequential([*parts, layers.Dense(3)], seed=0)


def noisy() -> Any:
    kernel = {"kernel_regularizer": "l2", "kernel_constraint": "max_norm"}
    return chain(layers.GaussianNoise(0.1), layers.Dense(5, **kernel), layers.GaussianDropout(0.2))


def trainer(net: Any) -> Any:
    return jkeras.Trainer(net, seed=0)


def own_step() -> Any:
    x = jkeras.Input((4,))
    return OwnStep(x, layers.Dense(3)(x), seed=0)


MODELS: dict[str, tuple[Callable[[], Any], dict[str, Any]]] = {
    "sequential": (noisy, {"optimizer": jkeras.optimizers.Adam(use_ema=True)}),
    "functional": (lambda: network(seed=0), {"weighted_metrics": ["accuracy"]}),
    "subclassed": (Subclassed, {"optimizer": "adamw"}),
    "own step": (own_step, {}),
    "own functions": (
        lambda: jkeras.Trainer(
            train_step=own_train, init=own_init, predict_step=own_predict, seed=0
        ),
        {},
    ),
    "own loss": (lambda: network(seed=0), {"loss": own_loss, "metrics": [own_loss]}),
    "own classes": (noisy, {"loss": OwnLoss(3.0), "metrics": [OwnMetric()]}),
    "schedule": (noisy, {"optimizer": jkeras.optimizers.SGD(rate, momentum=0.9)}),
    "optax": (noisy, {"optimizer": optax.sgd(0.1, momentum=0.9)}),
    "initializer": (lambda: chain(layers.Dense(4, None, True, jax.nn.initializers.normal())), {}),
    "lambda": (lambda: chain(layers.Lambda(jnp.tanh)), {}),
    "linen": (lambda: trainer(Linen()), {}),
    "linen in a chain": (lambda: chain(nn.Dense(5)), {}),
    "nnx": (lambda: trainer(Nnx(nnx.Rngs(0))), {}),
    "haiku": (lambda: trainer(hk.transform_with_state(haiku_fn)), {}),
    "equinox": (lambda: trainer(eqx.nn.Linear(4, 3, key=jax.random.key(0))), {}),
    "pair": (lambda: trainer((pair_init, pair_apply)), {}),
}


def trained(name: str) -> Any:
    make, options = MODELS[name]
    model = make()
    if name != "own functions":
        loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(**({"optimizer": "adam", "loss": loss, "metrics": ["accuracy"]} | options))
    model.fit(X, Y, batch_size=4, epochs=2, verbose=0)
    return model


def through_pickle(value: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    return pickle.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("name", MODELS)
def test_a_trained_model_goes_on_with_the_same_bits(name: str) -> None:
    model = trained(name)
    made = {"pickle": through_pickle(model), "copy": copy.deepcopy(model)}
    outputs, weights = model.predict(X, verbose=0), jax.tree.map(np.array, model.params)
    for way, other in made.items():
        np.testing.assert_array_equal(other.predict(X, verbose=0), outputs, err_msg=way)
    more = {"batch_size": 4, "epochs": 4, "initial_epoch": 2, "verbose": 0}
    histories = {way: other.fit(X, Y, **more).history for way, other in made.items()}
    jax.tree.map(np.testing.assert_array_equal, weights, model.params)  # it is on its own
    history = model.fit(X, Y, **more).history
    assert histories == {"pickle": history, "copy": history}
    for other in made.values():
        np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.parametrize("name", ["functional", "optax"])
def test_models_without_weights_and_shallow_copies_travel(name: str) -> None:
    fresh = MODELS[name][0]()
    for other in (through_pickle(fresh, 2), copy.copy(fresh)):
        other.compile("adam", own_loss)
        other.fit(X, Y, verbose=0)
    model = trained(name)
    shallow = copy.copy(model)
    before = model.predict(X, verbose=0)
    shallow.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0), before)


@pytest.mark.parametrize("way", [through_pickle, copy.deepcopy], ids=["pickle", "copy"])
def test_parts_of_a_copy_are_those_of_the_copy(way: Callable[[Any], Any]) -> None:
    model = trained("subclassed")
    other = way(model)
    other.fit(X, Y, verbose=0)
    weights = other.get_weights()
    for weight in other.body.get_weights():
        assert any(np.array_equal(weight, own) for own in weights)
    (shift,) = (weight for weight in weights if not weight.shape)
    assert float(other.shift.value) == shift != float(model.shift.value)
    scale = next(layer for layer in other.body.layers if isinstance(layer, Scale))
    np.testing.assert_array_equal(scale.scale.value, scale.get_weights()[0])


@pytest.mark.parametrize("way", [through_pickle, copy.deepcopy], ids=["pickle", "copy"])
def test_models_with_layers_in_common_still_have_them(way: Callable[[Any], Any]) -> None:
    x = jkeras.Input((4,))
    code = layers.Dense(2)(x)
    encoder, whole = jkeras.Model(x, code), jkeras.Model(x, layers.Dense(3)(code), seed=0)
    whole.compile("adam", own_loss)
    whole.fit(X, Y, verbose=0)
    first, second = way((encoder, whole))
    second.fit(X, Y, verbose=0)
    np.testing.assert_array_equal(first.get_weights()[0], second.get_weights()[0])
    assert not np.array_equal(first.get_weights()[0], encoder.get_weights()[0])


def test_the_size_is_that_of_the_values() -> None:
    model = chain(layers.Dense(1000))
    model.compile("adam", "mse")
    history = model.fit(np.ones((2, 500), "float32"), np.ones((2, 3)), verbose=0)
    size = 3 * sum(weight.nbytes for weight in model.get_weights())  # Adam has two slots
    assert size < len(pickle.dumps(model)) < size + 20_000
    assert len(pickle.dumps((model, history))) < size + 20_000


def keep(*args: Any) -> float:
    return 0.01


CALLBACKS: dict[str, Callable[[Any], Any]] = {
    "history": lambda folder: callbacks.History(),
    "stopping": lambda folder: callbacks.EarlyStopping(patience=1, restore_best_weights=True),
    "checkpoint": lambda folder: callbacks.ModelCheckpoint(folder / "best.keras"),
    "backup": lambda folder: callbacks.BackupAndRestore(folder),
    "csv": lambda folder: callbacks.CSVLogger(folder / "log.csv"),
    "tensorboard": lambda folder: callbacks.TensorBoard(folder),
    "plateau": lambda folder: callbacks.ReduceLROnPlateau(),
    "rate": lambda folder: callbacks.LearningRateScheduler(keep),
    "averages": lambda folder: callbacks.SwapEMAWeights(),
}


@pytest.mark.parametrize("name", CALLBACKS)
def test_callbacks_and_histories_travel(name: str, tmp_path: Any) -> None:
    model, callback = chain(), CALLBACKS[name](tmp_path)
    model.compile(jkeras.optimizers.SGD(use_ema=True), own_loss)
    options = {"validation_data": (X, Y), "verbose": 0}
    history = model.fit(X, Y, epochs=2, callbacks=[callback], **options)
    again, kept, other = through_pickle((history, callback, model))
    assert (again.history, again.epoch) == (history.history, history.epoch)
    assert again.model is other is kept.model
    np.testing.assert_array_equal(other.predict(X, verbose=0), model.predict(X, verbose=0))
    other.fit(X, Y, callbacks=[kept], **options)
    assert copy.deepcopy(history).history == history.history


def test_another_process_has_the_same_model() -> None:
    x = jkeras.Input((4,))
    model = jkeras.Model(x, layers.Dense(3)(layers.Dropout(0.5)(x)) * 2.0, seed=0)
    model.compile("adam", "mse", metrics=["mae"])
    model.fit(X, X[:, :3], epochs=2, verbose=0)
    fit = operator.methodcaller("fit", X, X[:, :3], epochs=2, verbose=0)
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        history = pool.submit(fit, model).result(timeout=120)
    assert history.history == fit(copy.deepcopy(model)).history
    mine = model.predict(X, verbose=0)
    assert not np.array_equal(history.model.predict(X, verbose=0), mine)
    fit(model)
    np.testing.assert_array_equal(history.model.predict(X, verbose=0), model.predict(X, verbose=0))


def test_a_function_without_a_name_in_a_module_is_an_error_that_names_the_part() -> None:
    def local(y_true: Any, y_pred: Any) -> Any:
        return own_loss(y_true, y_pred)

    class Own(Subclassed):
        pass

    inside = "is defined inside a function and cannot be pickled: define it at a module's top level"
    nameless = inside.replace("is defined inside a function", "has no name")
    parts: dict[str, tuple[Any, dict[str, Any], str]] = {
        "Model 'functional': loss": (network(), {"loss": local}, inside),
        "Model 'functional': metrics": (network(), {"metrics": [local]}, inside),
        "Model 'functional': optimizer": (
            network(), {"optimizer": jkeras.optimizers.Adam(lambda step: 0.1)}, nameless,
        ),
        "Sequential 'sequential': layer 'hidden'": (
            chain(layers.Dense(2, activation=lambda x: x, name="hidden")), {}, nameless,
        ),
        "Own 'own': class": (Own(), {}, inside),
    }  # fmt: skip
    for start, (model, options, end) in parts.items():
        model.compile(**({"optimizer": "sgd", "loss": own_loss} | options))
        model.fit(X, Y, verbose=0)
        with pytest.raises(pickle.PicklingError) as caught:
            pickle.dumps(model)
        text = str(caught.value)
        assert text.startswith(f"{start}: <") and text.endswith(f"> {end}"), text
        copy.deepcopy(model).fit(X, Y, verbose=0)


def test_an_attribute_that_cannot_travel_is_named() -> None:
    model = trained("subclassed")
    model.guard = threading.Lock()
    with pytest.raises(pickle.PicklingError) as caught:
        pickle.dumps(model)
    assert str(caught.value) == (
        "Subclassed 'subclassed': attribute `guard`: cannot pickle '_thread.lock' object"
    )


def test_a_pickler_that_takes_functions_gets_them() -> None:
    space: dict[str, Any] = {"__name__": "some.cloudpickle", "pickle": pickle}
    exec(  # the module of such a pickler; none is installed
        "class Pickler(pickle._Pickler):\n"
        "    def dump(self, obj):\n"
        "        super().dump(obj)\n"
        "    def reducer_override(self, obj):\n"
        "        if getattr(obj, '__name__', '') == '<lambda>':\n"
        "            return max, (1, 2)\n"
        "        return NotImplemented\n",
        space,
    )
    model = chain(layers.Lambda(lambda x: x))
    written = io.BytesIO()
    space["Pickler"](written, 5).dump(model)
    assert pickle.loads(written.getvalue()).layers[0].function == 2
