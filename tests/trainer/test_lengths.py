"""Data of many lengths share programs, and give what programs of their own would give."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.data.arrays import bucket

WIDTH, CLASSES = 4, 3
COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """Grows by one name with every program that XLA compiles."""
    names: list[str] = []

    def listen(event: str, seconds: float, **kwargs: Any) -> None:
        del seconds, kwargs
        if event == COMPILED:
            names.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield names
    jax.monitoring.unregister_event_duration_listener(listen)


def model(*more: Any, **options: Any) -> Any:
    """A compiled classifier whose weights are always the same."""
    net = jkeras.Sequential(
        [jkeras.Input((WIDTH,)), layers.Dense(8, activation="tanh"), *more, layers.Dense(CLASSES)]
    )
    net.build()
    rng = np.random.default_rng(0)
    net.set_weights([0.5 * rng.standard_normal(w.shape) for w in net.get_weights()])
    loss = jkeras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile(jkeras.optimizers.SGD(0.1), loss, metrics=["accuracy"], **options)
    return net


def examples(rows: int) -> tuple[Any, Any]:
    """The first `rows` of the same examples."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((500, WIDTH)).astype("float32"), rng.integers(0, CLASSES, 500)
    return x[:rows], y[:rows]


@pytest.mark.parametrize(("method", "most"), [("fit", 26), ("evaluate", 18), ("predict", 14)])
def test_a_hundred_lengths_compile_a_few_programs(
    method: str, most: int, compilations: list[str]
) -> None:
    net = model(layers.BatchNormalization())
    for rows in range(1, 101):
        x, y = examples(rows)
        getattr(net, method)(*((x,) if method == "predict" else (x, y)), verbose=0)
        if rows == 1:
            compilations.clear()  # what the first call makes: weights, small helpers
    assert 0 < len(compilations) <= most


@pytest.mark.parametrize("rows", [1, 5, 31, 33, 70, 300])
def test_filler_rows_change_no_result(rows: int) -> None:
    """Against batches of a stream, which have the rows that they have."""
    x, y = examples(rows)
    batches = [(x[i : i + 32], y[i : i + 32]) for i in range(0, rows, 32)]
    by_arrays, by_batches = model(), model()
    history = by_arrays.fit(x, y, epochs=3, shuffle=False, verbose=0).history
    for _ in range(3):
        by_batches.reset_metrics()
        for batch in batches:
            logs = by_batches.train_on_batch(*batch, return_dict=True)
    if len(batches) == 1:
        np.testing.assert_allclose(history["loss"][-1], logs["loss"], rtol=1e-5)
    for one, other in zip(by_arrays.get_weights(), by_batches.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)
    outputs = by_arrays.predict(x, verbose=0)
    assert outputs.shape == (rows, CLASSES)
    np.testing.assert_allclose(outputs, by_arrays.predict_on_batch(x), rtol=1e-5, atol=1e-6)
    _, accuracy = by_arrays.evaluate(x, y, verbose=0)
    assert accuracy == pytest.approx(np.mean(outputs.argmax(-1) == y), rel=1e-6)


def test_every_example_comes_once_in_an_epoch_of_any_length() -> None:
    for rows in (1, 31, 33, 257):
        net = jkeras.Sequential([jkeras.Input((1,)), layers.Dense(1, use_bias=False)])
        net.compile(jkeras.optimizers.SGD(0.0), "mse")
        net.set_weights([np.ones((1, 1))])
        x = 2.0 ** (np.arange(rows) % 7)
        logs = net.fit(x[:, None], np.zeros(rows), epochs=2, verbose=0).history
        np.testing.assert_allclose(logs["loss"], np.mean(x**2), rtol=1e-6)


def test_a_loss_over_the_whole_batch_sees_no_filler_rows() -> None:
    def spread(y_true: Any, y_pred: Any) -> Any:
        del y_true
        return jax.numpy.std(y_pred)

    net = jkeras.Sequential([jkeras.Input((WIDTH,)), layers.Dense(1)])
    net.compile("sgd", spread)
    x, _ = examples(5)
    expected = np.std(net.predict_on_batch(x))
    assert net.evaluate(x, np.zeros(5), verbose=0) == pytest.approx(expected, rel=1e-5)


def test_a_declared_batch_size_stays() -> None:
    sizes: list[int] = []

    class Notes(layers.Layer):
        """Notes how many rows it sees."""

        def call(self, inputs: Any) -> Any:
            sizes.append(inputs.shape[0])
            return inputs

    net = jkeras.Sequential([jkeras.Input(batch_shape=(3, WIDTH)), Notes()])
    assert net.predict(examples(3)[0], verbose=0).shape == (3, WIDTH)
    assert set(sizes) <= {3, None}


def test_lengths_fall_into_few_buckets_with_little_filler() -> None:
    rows = np.arange(1, 5000)
    buckets = np.array([bucket(int(n)) for n in rows])
    assert (buckets >= rows).all() and (np.diff(buckets) >= 0).all()
    assert (buckets[rows > 256] <= 1.26 * rows[rows > 256]).all()
    assert len(set(buckets)) < 30
