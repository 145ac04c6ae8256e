"""`steps_per_execution` and batch hooks, and the end of an evaluation or a prediction by hooks."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras import layers

X, Y = np.linspace(-1, 1, 36).reshape(12, 3).astype("float32"), np.ones((12, 1), "float32")


class Heard(jkeras.callbacks.Callback):
    """Notes the numbers of the batches that hooks are called with."""

    def __init__(self) -> None:
        self.notes: list[Any] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.notes.append(("begin", batch))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.notes.append(("end", batch))

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self.notes.append(("test", batch))

    def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
        assert logs is not None
        self.notes.append(("predict", batch, len(logs["outputs"])))


def model(**options: Any) -> jkeras.Sequential:
    made = jkeras.Sequential([layers.Dense(1)], seed=0)
    made.compile("sgd", "mse", **options)
    return made


def batches(x: Any, y: Any) -> Iterator[Any]:
    return ((x[i : i + 2], y[i : i + 2]) for i in range(0, 12, 2))


@pytest.mark.parametrize("kind", ["arrays", "streaming", "batches"])
@pytest.mark.parametrize("eager", [False, True])
def test_batch_hooks_are_called_once_an_execution(kind: str, eager: bool) -> None:
    heard, engine = Heard(), "streaming" if kind == "streaming" else "auto"
    trained = model(steps_per_execution=3, run_eagerly=eager, engine=engine)
    data: dict[str, Any] = {"x": X, "y": Y, "batch_size": 2, "shuffle": False}
    data = {"x": list(batches(X, Y))} if kind == "batches" else data
    data |= {"verbose": 0, "callbacks": [heard]}
    trained.fit(**data)
    assert heard.notes == [("begin", 0), ("end", 2), ("begin", 3), ("end", 5)]
    heard.notes.clear()
    data.pop("shuffle", None)
    trained.evaluate(**data)
    trained.predict(**{name: data[name] for name in data if name != "y"})
    assert heard.notes == [("test", 2), ("test", 5), ("predict", 2, 6), ("predict", 5, 6)]
    single = model()
    single.fit(**data | {"callbacks": None} | ({} if kind == "batches" else {"shuffle": False}))
    np.testing.assert_array_equal(trained.get_weights()[0], single.get_weights()[0])


def test_the_last_execution_may_be_shorter() -> None:
    heard = Heard()
    model(steps_per_execution=4).fit(X, Y, 2, verbose=0, callbacks=[heard])
    assert heard.notes == [("begin", 0), ("end", 3), ("begin", 4), ("end", 5)]


@pytest.mark.parametrize("method", ["evaluate", "predict"])
def test_a_callback_stops_endless_data(method: str) -> None:
    class Stop(Heard):
        def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_test_batch_end(batch, logs)
            self.model.stop_evaluating = batch == 2

        def on_predict_batch_end(self, batch: int, logs: Any = None) -> None:
            super().on_predict_batch_end(batch, logs)
            self.model.stop_predicting = batch == 2

    def endless() -> Iterator[Any]:
        while True:
            yield from batches(X, Y)

    trained, stop = model(), Stop()
    trained.fit(X, Y, verbose=0)
    found = getattr(trained, method)(endless(), callbacks=[stop], verbose=0)
    assert len(stop.notes) == 3
    if method == "predict":
        np.testing.assert_allclose(found, trained.predict(X[:6], verbose=0), rtol=1e-6)
        trained.stop_predicting = True  # which the next call begins without
        assert len(trained.predict(X, verbose=0)) == 12
    else:
        assert found == pytest.approx(trained.evaluate(X[:6], Y[:6], verbose=0), rel=1e-6)
        trained.stop_evaluating = True
        assert trained.evaluate(X, Y, verbose=0) != found


def test_run_eagerly_may_be_set_before_compile() -> None:
    class Looks(layers.Layer):
        def call(self, x: Any) -> Any:
            return x * float(x[0, 0])

    net = jkeras.Sequential([layers.Input((3,)), Looks()])
    net.run_eagerly = True
    assert (net.run_eagerly, net.jit_compile) == (True, False)
    np.testing.assert_allclose(net.predict(X, verbose=0), X * X[0, 0])
    net.compile("sgd", "mse")
    assert not net.run_eagerly
