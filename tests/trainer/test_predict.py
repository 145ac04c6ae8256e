"""Prediction: outputs of any shape, gathered in parts, of data of any size."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import Sequential, Trainer, layers
from jkeras.data import feeds
from tests.programs import loops_of

X = np.random.default_rng(0).normal(size=(53, 4)).astype(np.float32)


class Pair:
    """Two outputs: the inputs doubled, and their sums."""

    def init(self, key: Any, *inputs: Any) -> tuple[dict, dict]:
        return {"scale": jnp.float32(2)}, {}

    def apply(self, params: Any, state: Any, x: Any, *, key: Any = None, training: Any = False):  # type: ignore[no-untyped-def]
        return {"double": params["scale"] * x, "sum": x.sum(-1)}, state


class Merged(Pair):
    """Rows of outputs that are not those of the examples."""

    def apply(self, params: Any, state: Any, x: Any, *, key: Any = None, training: Any = False):  # type: ignore[no-untyped-def]
        return x.reshape(-1, 2), state


def built(net: Any) -> Trainer:
    trainer = Trainer(net)
    trainer.build(X)
    return trainer


@pytest.mark.parametrize("most", [1, 3, 1024])
@pytest.mark.parametrize("batch_size", [None, 8, 53, 100])
def test_the_parts_are_the_whole(
    most: int, batch_size: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeds, "MOST_BATCHES", most)
    found = built(Pair()).predict(X, batch_size=batch_size, verbose=0)
    np.testing.assert_array_equal(found["double"], 2 * X)
    np.testing.assert_allclose(found["sum"], X.sum(-1), rtol=1e-6)


def test_outputs_that_are_not_one_an_example() -> None:
    found = built(Merged()).predict(X, batch_size=53, verbose=0)
    np.testing.assert_array_equal(found, X.reshape(-1, 2))


def test_a_stream_is_predicted_without_its_filler_rows() -> None:
    parts = [X[:20], X[20:40], X[40:]]
    found = built(Pair()).predict(iter(parts), verbose=0)
    np.testing.assert_array_equal(found["double"], 2 * X)


def test_steps_end_it_early() -> None:
    found = built(Pair()).predict(X, batch_size=8, steps=3, verbose=0)
    np.testing.assert_array_equal(found["double"], 2 * X[:24])


def test_arrays_of_the_device_are_taken_as_they_are() -> None:
    found = built(Pair()).predict(jnp.asarray(X), batch_size=8, verbose=0)
    np.testing.assert_array_equal(found["double"], 2 * X)


def test_data_of_many_lengths_share_a_few_programs() -> None:
    model = Sequential([layers.Dense(1)], seed=0)
    model.build(X)
    for rows in range(40, 53):
        assert model.predict(X[:rows], batch_size=8, verbose=0).shape == (rows, 1)
    (program,) = loops_of(model, "predict").values()
    assert program.traces == 1


def test_another_length_compiles_nothing(caplog: pytest.LogCaptureFixture) -> None:
    model = Sequential([layers.Dense(1)], seed=0)
    model.build(X)
    model.predict(X[:40], batch_size=8, verbose=0)
    with jax.log_compiles(True), caplog.at_level("WARNING", "jax"):
        for rows in range(41, 53):
            model.predict(np.tile(X, (2, 1))[:rows], batch_size=8, verbose=0)
    assert "XLA compilation" not in caplog.text


def test_only_a_part_of_the_data_is_on_the_device(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    put = feeds.jax.device_put
    monkeypatch.setattr(feeds, "MOST_BATCHES", 2)
    monkeypatch.setattr(
        feeds.jax,
        "device_put",
        lambda tree, **options: (
            put(tree, **options) if options else seen.append(len(tree[0].x)) or put(tree)
        ),
    )
    built(Pair()).predict(X, batch_size=8, verbose=0)
    assert seen == [16, 16, 16, 5]  # the last batch alone: nothing is known of filler rows here
