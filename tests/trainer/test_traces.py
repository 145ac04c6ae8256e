"""What is traced how often: the loss counts its own traces.

A program is traced once per phase and shape. Later epochs, another number of epochs, another
learning rate and other callbacks find it compiled. Besides, a loss that is a function is asked
whether it takes the targets: one trace for each structure of data, of shapes alone, and no
compilation. A call with data of a structure that was there before traces nothing.
"""

from typing import Any

import jax.numpy as jnp
import pytest

from jkeras import Sequential, layers
from jkeras.callbacks import Callback, LambdaCallback
from tests.golden.training_models import table

CHECK = 1  # traces of the loss for each structure of data
ONCE = 1  # and one, behind each `compile`, that asks whether it gives one number for a batch


class Counter:
    """A mean squared error that counts how often it is traced."""

    def __init__(self) -> None:
        self.traces = 0

    def __call__(self, y_true: Any, y_pred: Any) -> Any:
        self.traces += 1
        return jnp.mean((y_true - y_pred) ** 2, axis=-1)


@pytest.fixture
def counted() -> tuple[Sequential, Counter]:
    model, loss = Sequential([layers.Dense(1)], seed=0), Counter()
    model.compile(optimizer="adam", loss=loss)
    return model, loss


def data(rows: int = 20) -> tuple[Any, Any]:
    x, _ = table(rows)
    return x, x[:, :1]


def test_training_and_evaluation_are_traced_once_each(counted: tuple[Sequential, Counter]) -> None:
    model, loss = counted
    model.fit(*data(), batch_size=8, epochs=3, validation_data=data(), verbose=0)
    assert loss.traces == 2 + CHECK + ONCE


def change_nothing(model: Sequential) -> dict[str, Any]:
    return {}


def change_epochs(model: Sequential) -> dict[str, Any]:
    return {"epochs": 5}


def change_rate(model: Sequential) -> dict[str, Any]:
    model.learning_rate = 0.5
    return {}


def change_shuffle(model: Sequential) -> dict[str, Any]:
    return {"shuffle": False}


def change_steps(model: Sequential) -> dict[str, Any]:
    return {"steps_per_epoch": 1}


def change_callbacks(model: Sequential) -> dict[str, Any]:
    def halve(epoch: int, logs: Any) -> None:
        model.learning_rate = model.learning_rate / 2

    watcher = LambdaCallback(on_train_batch_end=lambda batch, logs: None)
    return {"callbacks": [watcher, LambdaCallback(on_epoch_end=halve), Callback()]}


def change_weights(model: Sequential) -> dict[str, Any]:
    model.set_weights([weight + 1 for weight in model.get_weights()])
    return {}


CHANGES = [
    change_nothing,
    change_epochs,
    change_rate,
    change_shuffle,
    change_steps,
    change_callbacks,
    change_weights,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_later_fit_traces_nothing(counted: tuple[Sequential, Counter], change: Any) -> None:
    model, loss = counted
    options = {"batch_size": 8, "verbose": 0, "validation_data": data()}
    model.fit(*data(), **options)
    before = loss.traces
    model.fit(*data(), **(options | change(model)))
    assert loss.traces == before


def test_evaluate_after_fit_traces_nothing_for_the_shapes_of_the_validation(
    counted: tuple[Sequential, Counter],
) -> None:
    model, loss = counted
    model.fit(*data(), batch_size=8, validation_data=data(), verbose=0)
    before = loss.traces
    model.evaluate(*data(), batch_size=8, verbose=0)
    assert loss.traces == before


def test_a_stream_with_a_smaller_last_batch_is_traced_once(
    counted: tuple[Sequential, Counter],
) -> None:
    model, loss = counted
    x, y = data(20)
    model.fit([(x[:8], y[:8]), (x[8:16], y[8:16]), (x[16:], y[16:])].__iter__(), verbose=0)
    assert loss.traces == 1 + CHECK + ONCE


def test_compile_forgets_the_programs(counted: tuple[Sequential, Counter]) -> None:
    model, loss = counted
    model.fit(*data(), verbose=0)
    model.compile(optimizer="sgd", loss=loss)
    model.fit(*data(), verbose=0)
    assert loss.traces == 2 * (1 + CHECK + ONCE)
