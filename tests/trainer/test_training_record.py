"""What a `History` keeps of a run beside its logs: time and data, and nothing that is not known."""

import pickle
from typing import Any

import numpy as np
import pytest

from jkeras import Sequential, layers
from jkeras.callbacks import Callback, History

X = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
IDS = np.arange(20) % 3


def fitted(y: Any, x: Any = X, loss: str = "mse", units: int = 1, **options: Any) -> History:
    activation = "softmax" if loss.startswith("sparse") else None
    model = Sequential([layers.Dense(units, activation=activation)], seed=0)
    model.compile("sgd", loss)
    return model.fit(x, y, verbose=0, **options)


def test_what_fit_was_given() -> None:
    history = fitted(
        IDS, loss="sparse_categorical_crossentropy", units=3, batch_size=4, validation_split=0.25
    )
    assert history.data == {
        "examples": 15,
        "batch_size": 4,
        "steps_per_epoch": None,
        "shuffle": True,
        "arrays": {"x": "float32[3]", "y": "int32[]"},
        "classes": {0: 5, 1: 5, 2: 5},
        "validation_examples": 5,
    }


@pytest.mark.parametrize(
    ("y", "classes"),
    [
        (np.eye(3, dtype=np.float32)[IDS], {0: 7, 1: 7, 2: 6}),
        ((IDS > 0).astype("float32"), {0: 7, 1: 13}),
        ((IDS > 0)[:, None], {0: 7, 1: 13}),
        (X[:, 0], None),
        (IDS.astype("float32"), None),  # measurements that happen to be whole
        (IDS - 1, None),
        (X[:, :2], None),
        (IDS + 5000, None),
    ],
    ids=["one_hot", "flags", "bools", "numbers", "floats", "negative", "rows", "large"],
)
def test_classes_are_counted_where_targets_are_classes(
    y: np.ndarray, classes: dict[int, int] | None
) -> None:
    units = y.shape[1] if y.ndim > 1 else 1
    assert fitted(y, units=units).data["classes"] == classes


def test_of_an_iterable_the_number_of_examples_is_not_known() -> None:
    history = fitted(None, [(X[:8], X[:8, :1]), (X[8:], X[8:, :1])])
    assert history.data["examples"] is None and history.data["batch_size"] is None
    assert history.data["arrays"] == {"x": "float32[3]", "y": "float32[1]"}
    assert history.data["classes"] is None and history.data["validation_examples"] == 0


def test_each_epoch_has_its_time_and_a_new_run_begins_anew() -> None:
    class Seen(Callback):
        def on_train_begin(self, logs: Any = None) -> None:
            self.examples = self.model.history.data["examples"]

    seen, history = Seen(), History()
    fitted(X[:, :1], epochs=3, callbacks=[history, seen])
    assert len(history.seconds) == 3 and all(0 < s < 60 for s in history.seconds)
    assert seen.examples == 20
    fitted(X[:, :1], epochs=2, callbacks=[history])
    assert len(history.seconds) == len(history.epoch) == 2
    assert pickle.loads(pickle.dumps(history)).data == history.data


def test_a_loop_of_your_own_has_no_times_that_were_not_measured() -> None:
    history = History()
    history.on_epoch_end(0, {"loss": 1.0})
    assert history.seconds == [] and history.data == {}
