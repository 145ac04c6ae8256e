"""Where the data lie and how an epoch is cut change no bit of any result."""

import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jkeras import Sequential, layers
from jkeras.callbacks import LambdaCallback
from jkeras.data import feeds
from jkeras.trainer.preflight import placement

ROWS = 43  # the last batch of 8 has three
ENGINES = ["resident", "streaming"]


def dense() -> list[layers.Layer]:
    return [layers.Flatten(), layers.Dense(7, activation="relu"), layers.Dropout(0.4)]


def convolution() -> list[layers.Layer]:
    return [layers.Conv2D(3, 3, padding="same"), layers.MaxPooling2D(2), layers.Flatten()]


def batch_statistics() -> list[layers.Layer]:
    return [layers.Flatten(), layers.Dense(5), layers.BatchNormalization()]


class Foreign(layers.Layer):
    """It looks across the batch and does not know of filler rows."""

    padded_rows = "seen"

    def apply(self, params, state, inputs, *, key=None, training=False):  # type: ignore[no-untyped-def]
        return inputs - inputs.mean(0, keepdims=True), state


def foreign() -> list[layers.Layer]:
    return [layers.Flatten(), Foreign(), layers.Dense(4)]


pytestmark = pytest.mark.filterwarnings("ignore:.*expects probabilities")

BODIES = {body.__name__: body for body in (dense, convolution, batch_statistics, foreign)}
every_body = pytest.mark.parametrize("body", BODIES)


def data(rows: int = ROWS, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.integers(0, 9, (rows, 6, 5, 2)).astype(dtype), rng.integers(0, 3, rows)


def compiled(body: str, **options: Any) -> Sequential:
    made = Sequential([*BODIES[body](), layers.Dense(3)], seed=5)
    loss = "sparse_categorical_crossentropy"
    made.compile("adam", loss, metrics=["accuracy"], **options)
    return made


def trained(body: str, x: Any = None, **options: Any) -> dict[str, Any]:
    """Everything that a user could see of two epochs and what follows, as a flat dict."""
    model = compiled(body, **options)
    own, y = data()
    x = own if x is None else x
    history = model.fit(x, y, batch_size=8, epochs=2, verbose=0, validation_data=(x, y))
    seen: dict[str, Any] = {f"history {k}": np.array(v) for k, v in history.history.items()}
    seen["evaluate"] = np.array(model.evaluate(x, y, batch_size=16, verbose=0))
    seen["predict"] = model.predict(x, batch_size=16, verbose=0)
    leaves = jax.tree.leaves((model.params, model.state, model.train_state.opt_state))
    return seen | {f"value {i}": np.asarray(leaf) for i, leaf in enumerate(leaves)}


@functools.cache
def expected(body: str, engine: str = "auto") -> dict[str, Any]:
    """What is trained without other options: once for all tests that compare with it."""
    return trained(body, engine=engine)


def assert_same_bits(got: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert list(got) == list(wanted)
    for name, value in got.items():
        np.testing.assert_array_equal(value, wanted[name], err_msg=name)


@every_body
@pytest.mark.parametrize("most", [1, 2, 100])
def test_streaming_gives_the_bits_of_resident_data(
    body: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = expected(body, "resident")
    monkeypatch.setattr(feeds, "MOST_BATCHES", most)
    assert_same_bits(trained(body, engine="streaming"), resident)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("steps", [1, 4, 7])
def test_steps_per_execution_changes_no_bit(engine: str, steps: int) -> None:
    got = trained("dense", engine=engine, steps_per_execution=steps)
    assert_same_bits(got, expected("dense"))


@pytest.mark.parametrize("engine", ENGINES)
def test_watching_batches_changes_no_bit(engine: str) -> None:
    quiet, watched = compiled("dense"), compiled("dense", engine=engine)
    seen: list[int] = []
    watcher = LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(batch))
    quiet.fit(*data(), batch_size=8, verbose=0)
    watched.fit(*data(), batch_size=8, verbose=0, callbacks=[watcher])
    assert seen == [0, 1, 2, 3, 4, 5]
    for mine, other in zip(watched.get_weights(), quiet.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize("engine", ENGINES)
def test_memory_mapped_files_train_like_arrays(engine: str, tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, data()[0])
    mapped = np.load(path, mmap_mode="r")
    assert_same_bits(trained("dense", mapped, engine=engine), expected("dense"))


def test_integers_stay_integers_on_the_way_to_the_device() -> None:
    x, _ = data(dtype=np.uint8)
    found = [
        part.data.x.dtype
        for part in feeds.of_host(
            feeds.Arrays(feeds.Batch(x), len(x)), np.arange(40), 8, 0, 5, pads=True, most=2
        )
    ]
    assert found == [np.uint8] * 3


def test_an_iterable_of_whole_batches_trains_like_its_arrays() -> None:
    x, y = data(40)
    arrays, batches = compiled("dense"), compiled("dense")
    arrays.fit(x, y, batch_size=8, shuffle=False, verbose=0)
    batches.fit(iter([(x[i : i + 8], y[i : i + 8]) for i in range(0, 40, 8)]), verbose=0)
    for mine, other in zip(batches.get_weights(), arrays.get_weights(), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-5, atol=1e-7)


def test_data_beyond_the_free_memory_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = data()
    arrays = feeds.Arrays(feeds.Batch(x, y), len(x))
    monkeypatch.setattr(placement, "ALWAYS_FITS", 0)
    monkeypatch.setattr(placement.jax, "default_backend", lambda: "gpu")
    monkeypatch.setattr(placement, "free_bytes", lambda: x.nbytes)
    found = placement.place(arrays)
    assert found.data is arrays
    assert found[1:] == (
        "streaming",
        "10.41 KB of data, 10.08 KB of memory free",
    )
    monkeypatch.setattr(placement, "free_bytes", lambda: 4 * x.nbytes)
    assert placement.place(arrays).engine == "resident"


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="the device has memory of its own")
def test_large_data_are_not_copied_within_the_memory_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    x, y = data()
    arrays = feeds.Arrays(feeds.Batch(x, y), len(x))
    assert placement.place(arrays).engine == "resident"
    monkeypatch.setattr(placement, "ALWAYS_FITS", 0)
    found = placement.place(arrays)
    assert found.data is arrays
    assert found[1:] == ("streaming", "10.41 KB of data lie in the device's own memory")
    assert placement.place(arrays, "resident").engine == "resident"


def test_free_memory_is_known_and_below_a_terabyte() -> None:
    found = placement.free_bytes()
    assert found is None or 1 << 20 < found < 1 << 40


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(ValueError) as error:
        compiled("dense", engine="resdient")
    assert str(error.value) == (
        "compile: `engine`: expected one of ['auto', 'resident', 'streaming'], got 'resdient'. "
        "Did you mean 'resident'?"
    )


def test_a_function_that_gives_one_number_sees_no_filler_rows() -> None:
    def largest(y_true: Any, y_pred: Any) -> Any:
        return y_pred.max()

    model = Sequential([layers.Activation("linear")])
    model.compile("sgd", largest, metrics=[largest])
    x = np.arange(20.0, dtype=np.float32)[:, None]
    found = model.evaluate(x, x, batch_size=12, verbose=0)  # 12 and 8 rows, up to 11 and up to 19
    np.testing.assert_allclose(found, [(12 * 11 + 8 * 19) / 20] * 2, rtol=1e-6)
