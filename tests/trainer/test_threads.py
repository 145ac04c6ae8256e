"""Other threads see the last finished state while a model trains."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.trainer.loop.parts import parts_of

X = np.random.default_rng(0).normal(size=(4096, 4)).astype("float32")
Y = X.sum(1, keepdims=True)


def _model(*parts: Any) -> Any:
    model = jkeras.Sequential([jkeras.Input((4,)), *(parts or (layers.Dense(8),)), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X[:64], Y[:64], verbose=0)
    return model


def _train_on_batches(model: Any) -> None:
    for start in range(200):
        model.train_on_batch(X[start : start + 32], Y[start : start + 32])


def _beside(work: Callable[[], Any], read: Callable[[], Any]) -> int:
    """Reads in a thread until the work is done; how often it was read."""
    errors: list[BaseException] = []
    done, count = threading.Event(), 0

    def reads() -> None:
        nonlocal count
        while not done.is_set() and not errors:
            try:
                jax.block_until_ready(read())
                count += 1
            except BaseException as error:
                errors.append(error)

    thread = threading.Thread(target=reads)
    thread.start()
    try:
        work()
    finally:
        done.set()
        thread.join()
    assert not errors, errors
    return count


READS: dict[str, Callable[[Any], Any]] = {
    "predict": lambda model: model.predict(X[:64], verbose=0),
    "predict_on_batch": lambda model: model.predict_on_batch(X[:4]),
    "evaluate": lambda model: model.evaluate(X[:64], Y[:64], verbose=0),
    "call": lambda model: model(X[:4]),
    "get_weights": lambda model: model.get_weights(),
    "params": lambda model: model.params,
    "optimizer": lambda model: float(model.optimizer.learning_rate),
    "copy": lambda model: copy.deepcopy(model).get_weights(),
    "pickle": lambda model: len(pickle.dumps(model)),
}


@pytest.mark.parametrize("read", READS)
def test_reading_beside_fit(read: str) -> None:
    model = _model()
    assert _beside(lambda: model.fit(X, Y, epochs=4, verbose=0), lambda: READS[read](model)) > 0


@pytest.mark.parametrize("read", ["predict", "call", "get_weights"])
def test_reading_beside_train_on_batch(read: str) -> None:
    model = _model()
    assert _beside(lambda: _train_on_batches(model), lambda: READS[read](model)) > 0


def test_training_beside_a_prediction_of_the_first_thread() -> None:
    model = _model()
    assert _beside(lambda: READS["predict"](model), lambda: _train_on_batches(model)) > 0


def test_a_model_that_shares_layers_is_read_beside_fit() -> None:
    shared = layers.Dense(8)
    model = _model(shared)
    encoder = jkeras.Sequential([jkeras.Input((4,)), shared])
    assert _beside(lambda: model.fit(X, Y, epochs=4, verbose=0), lambda: encoder(X[:4])) > 0
    np.testing.assert_array_equal(encoder.get_weights()[0], model.get_weights()[0])


def test_a_callback_may_wait_for_a_thread_that_reads() -> None:
    model, seen = _model(), []

    class Asks(jkeras.callbacks.Callback):
        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            thread = threading.Thread(target=lambda: seen.append(model.predict_on_batch(X[:4])))
            thread.start()
            thread.join()

    model.fit(X[:128], Y[:128], callbacks=[Asks()], verbose=0)
    assert len(seen) == 4


def test_reading_in_the_thread_that_trains_copies_no_weights(monkeypatch: Any) -> None:
    model, copies = _model(), []
    state = parts_of(model).state
    model.predict_on_batch(X[:4])
    model.train_on_batch(X[:32], Y[:32])
    monkeypatch.setattr("jkeras.core.trees.copy", lambda tree: copies.append(tree) or tree)
    model.predict_on_batch(X[:4])
    model(X[:4])
    assert not state.lent
    old = jax.tree.leaves(state.stored.params)
    model.train_on_batch(X[:32], Y[:32])
    assert all(leaf.is_deleted() for leaf in old)


def test_training_is_the_same_beside_a_reader() -> None:
    results = []
    for reads in (False, True):
        jkeras.utils.set_random_seed(3)
        model = _model()

        def fit(model: Any = model) -> None:
            model.fit(X, Y, epochs=2, verbose=0)

        _ = _beside(fit, lambda model=model: READS["predict"](model)) if reads else fit()
        results.append(model.get_weights())
    jax.tree.map(np.testing.assert_array_equal, *results)
