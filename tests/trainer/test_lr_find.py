"""The search for a learning rate: what it finds, and that nothing else changes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax
import pytest

import jkeras
from jkeras import layers
from jkeras.optimizers import SGD, Adam, schedules
from jkeras.trainer.loop import rate_search
from jkeras.trainer.loop.parts import parts_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(96, 4)).astype("float32")
Y = X @ np.array([[1.0], [-2.0], [0.5], [3.0]], "float32")
COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """Grows by one entry with every program that XLA compiles."""
    events: list[str] = []

    def listen(event: str, seconds: float, **kwargs: Any) -> None:
        if event == COMPILED:
            events.append(event)

    jkeras.backend.clear_session()
    jax.monitoring.register_event_duration_secs_listener(listen)
    yield events
    jax.monitoring.unregister_event_duration_listener(listen)


def model(optimizer: Any = None, **options: Any) -> jkeras.Sequential:
    stack = [layers.Dense(8, "tanh"), layers.BatchNormalization(), layers.Dropout(0.1)]
    made = jkeras.Sequential([jkeras.Input((4,)), *stack, layers.Dense(1)], seed=0)
    made.compile(optimizer or Adam(1e-3), "mse", metrics=["mae"], **options)
    return made


def everything(trained: Any) -> Any:
    """The bits of a model: values with key and counters, and what else a search may touch."""
    parts = parts_of(trained)
    values = [
        np.asarray(
            jax.random.key_data(a) if jax.dtypes.issubdtype(a.dtype, jax.dtypes.prng_key) else a
        )
        for a in jax.tree.leaves(parts.state.values)
    ]
    flags = parts.stop_training, parts.initial_epoch, parts.state.optimizer_met_data
    return [a.tobytes() for a in values], flags, parts.state.calls, vars(trained).get("history")


class Loader:
    """Batches that can be read again, in an order that depends on how often they were."""

    def __init__(self) -> None:
        self.epochs_begun = 0

    def __len__(self) -> int:
        return 6

    def __iter__(self) -> Iterator[Any]:
        self.epochs_begun += 1
        order = np.random.default_rng(self.epochs_begun).permutation(len(X))
        return iter([(X[rows], Y[rows]) for rows in np.split(order, 6)])


def generator() -> Iterator[Any]:
    while True:
        yield X[:16], Y[:16]


SOURCES: dict[str, Callable[[], tuple[Any, ...]]] = {
    "arrays": lambda: (X, Y),
    "a list of batches": lambda: ([(X[i : i + 16], Y[i : i + 16]) for i in range(0, 96, 16)],),
    "a loader": lambda: (Loader(),),
    "a generator": lambda: (generator(),),
}


@pytest.mark.parametrize("source", SOURCES)
def test_the_model_is_as_it_was(source: str) -> None:
    trained, data = model(), SOURCES[source]()
    trained.fit(X, Y, batch_size=16, verbose=0)
    before = everything(trained)
    found = trained.lr_find(*data, steps=30)
    assert everything(trained) == before
    assert len(found.rates) == len(found.losses) == len(found.smoothed) > 5
    if isinstance(data[0], Loader):
        assert data[0].epochs_begun == 0
    # And it trains on as if there had been no search.
    other = model()
    other.fit(X, Y, batch_size=16, verbose=0)
    runs = [m.fit(X, Y, batch_size=16, epochs=2, verbose=0).history for m in (trained, other)]
    assert runs[0] == runs[1]


def test_a_model_that_was_not_built_has_its_first_weights() -> None:
    trained, other = (jkeras.Sequential([layers.Dense(1)], seed=3) for _ in range(2))
    for each in (trained, other):
        each.compile("adam", "mse")
    trained.lr_find(X, Y, steps=5)
    other.build((None, 4))
    assert all(map(np.array_equal, trained.get_weights(), other.get_weights()))
    assert not parts_of(trained).state.optimizer_met_data


def test_rates_grow_by_equal_factors_and_one_of_them_is_suggested() -> None:
    found = model(SGD()).lr_find(X, Y, batch_size=32, steps=60, min_rate=1e-5, max_rate=100.0)
    factors = found.rates[1:] / found.rates[:-1]
    np.testing.assert_allclose(factors, factors[0], rtol=1e-9)
    assert found.rates[0] == 1e-5
    assert found.suggestion in found.rates and found.valley in found.rates
    # Linear regression by tanh units: far from both ends.
    assert 1e-4 < found.suggestion < 3
    assert found.ended.startswith("the loss")
    assert f"suggestion {found.suggestion:.3g}" in repr(found)


def test_the_losses_are_those_of_steps_with_these_rates() -> None:
    """Each is the loss of its batch before the update, as `train_on_batch` gives it."""
    searched, stepped = (
        jkeras.Sequential([jkeras.Input((4,)), layers.Dense(1)], seed=1) for _ in range(2)
    )
    for each in (searched, stepped):
        each.compile(SGD(0.5, momentum=0.9), "mse")
    found = searched.lr_find(X, Y, batch_size=32, shuffle=False, steps=7, max_rate=0.1, smoothing=0)
    assert not found.ended
    for number, rate in enumerate(found.rates):
        rows = slice(32 * (number % 3), 32 * (number % 3 + 1))
        stepped.learning_rate = rate
        loss = stepped.train_on_batch(X[rows], Y[rows])
        assert float(found.losses[number]) == pytest.approx(float(np.ravel(loss)[0]), rel=1e-6)
    np.testing.assert_array_equal(found.losses, found.smoothed)


def test_one_program_serves_all_rates_and_the_training_after_it(compilations: list[str]) -> None:
    trained = model()
    trained.lr_find(X, Y, batch_size=16, steps=4)
    compilations.clear()
    trained.lr_find(X, Y, batch_size=16, steps=50)
    assert compilations == []
    (loop,) = [
        program
        for plan in parts_of(trained).plans.all()
        for (phase, _), program in plan.programs.made.items()
        if phase == "train"
    ]
    trained.fit(X, Y, batch_size=16, epochs=2, verbose=0)
    assert loop.traces == 1


@pytest.mark.parametrize("source", ["a list of batches", "a loader"])
def test_streams_share_the_program_of_fit(source: str) -> None:
    jkeras.backend.clear_session()  # equal models share their programs
    trained = model()
    trained.lr_find(*SOURCES[source](), steps=9)
    trained.fit(*SOURCES[source](), epochs=2, verbose=0)
    traces = [
        p.traces for plan in parts_of(trained).plans.all() for p in plan.programs.made.values()
    ]
    assert traces == [1]


def test_a_schedule_is_set_aside() -> None:
    rate = schedules.ExponentialDecay(0.01, 5, 0.5)
    trained, plain = model(SGD(rate)), model(SGD(0.01))
    trained.build((None, 4))
    before = everything(trained)
    found = trained.lr_find(X, Y, batch_size=16, steps=20)
    assert everything(trained) == before
    np.testing.assert_array_equal(found.losses, plain.lr_find(X, Y, batch_size=16, steps=20).losses)


OPTIMIZERS = {
    "optax with a rate": lambda: optax.inject_hyperparams(optax.sgd)(learning_rate=0.1),
    "loss scale": lambda: jkeras.optimizers.LossScaleOptimizer(SGD(0.1)),
    "accumulation": lambda: SGD(0.1, gradient_accumulation_steps=2),
    "averages": lambda: Adam(0.1, use_ema=True),
}


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_optimizers_of_every_kind(kind: str) -> None:
    trained = model(OPTIMIZERS[kind]())
    trained.build((None, 4))
    before = everything(trained)
    found = trained.lr_find(X, Y, steps=12)
    assert everything(trained) == before
    assert np.ptp(found.losses) > 0


def test_nan_ends_the_search_and_nothing_stays() -> None:
    trained = model(SGD())
    trained.build((None, 4))
    before = everything(trained)
    found = trained.lr_find(X, 1e15 * Y, steps=40, max_rate=1e30, stop_factor=None)
    assert found.ended.startswith("the loss was ") and np.isfinite(found.losses).all()
    assert everything(trained) == before


@pytest.mark.parametrize("policy", ["stop", "skip", "ignore"])
def test_every_policy_for_nan_ends_the_same_search(policy: str) -> None:
    trained = model(SGD(), check_nans=policy)
    trained.build((None, 4))
    before = everything(trained)
    found = trained.lr_find(X, 1e15 * Y, steps=40, max_rate=1e30, stop_factor=None)
    assert "at the rate" in found.ended and everything(trained) == before


def test_a_first_loss_that_is_nan_is_an_error_and_nothing_stays() -> None:
    trained = jkeras.Sequential([jkeras.Input((4,)), layers.Dense(1, "exponential")], seed=0)
    trained.compile("sgd", "mse")
    trained.build((None, 4))
    before = everything(trained)
    with pytest.raises(
        FloatingPointError, match="loss of the first step, before any update, is inf"
    ):
        trained.lr_find(1e6 * X, Y)
    assert everything(trained) == before


def interrupting(count: int) -> Iterator[Any]:
    for number, batch in enumerate(generator()):
        if number == count:
            os.kill(os.getpid(), signal.SIGINT)
        yield batch


def test_ctrl_c_ends_the_search_with_what_was_found() -> None:
    trained = model()
    trained.build((None, 4))
    before, handler = everything(trained), signal.getsignal(signal.SIGINT)
    found = trained.lr_find(interrupting(20), steps=40)
    assert found.ended == "interrupted" and len(found.losses) < 40
    assert everything(trained) == before and signal.getsignal(signal.SIGINT) is handler


def test_an_error_of_the_data_leaves_the_model_as_it_was() -> None:
    def broken() -> Iterator[Any]:
        yield from [(X[:16], Y[:16])] * 3
        raise RuntimeError("the disk is gone")

    trained = model()
    trained.build((None, 4))
    before = everything(trained)
    with pytest.raises(RuntimeError, match="the disk is gone"):
        trained.lr_find(broken())
    assert everything(trained) == before


def test_a_generator_that_ends_ends_the_search() -> None:
    found = model().lr_find(iter([(X[:16], Y[:16])] * 5))
    assert len(found.rates) == 5 and found.ended == "the data ended"


class SubclassedModel(jkeras.Model):
    """A step in Keras's way that uses the optimizer of `compile`."""

    def __init__(self) -> None:
        super().__init__(seed=0)
        self.dense = layers.Dense(1)

    def call(self, x: Any) -> Any:
        return self.dense(x)

    def train_step(self, state: Any, data: Any) -> Any:
        return super().train_step(state, data)


def test_a_train_step_of_ones_own_works_where_it_uses_the_optimizer() -> None:
    trained = SubclassedModel()
    trained.compile(SGD(), "mse")
    trained.build((None, 4))
    before = everything(trained)
    found = trained.lr_find(X, Y, batch_size=32, steps=25)
    assert everything(trained) == before and found.suggestion is not None


def test_suggestions_are_those_of_their_formulas() -> None:
    rates = np.geomspace(1e-5, 1.0, 40)
    losses = np.concatenate([np.full(15, 2.0), np.linspace(2.0, 1.0, 15), np.linspace(1.1, 5, 10)])
    steep, valley = rate_search._suggestions(rates, losses, 40)
    assert steep in rates[14:30] and valley in rates[15:28]
    assert rate_search._suggestions(rates, np.arange(40.0), 40) == (None, None)
    assert rate_search._suggestions(rates[:1], np.ones(1), 40) == (None, None)
    assert "no suggestion" in repr(rate_search.RateSearch(rates, losses, losses, None, None, ""))


def test_the_average_is_corrected_for_its_beginning() -> None:
    average = rate_search.Average(0.98, None)
    for loss in (3.0, 3.0, 3.0):
        assert average.add(loss) == ""
    np.testing.assert_allclose(average.values, 3.0, rtol=1e-12)
    falling = rate_search.Average(0.5, 4.0)
    assert [falling.add(loss) for loss in (1.0, 1.0, 20.0)] == [
        "",
        "",
        "the loss grew to 4 times its least",
    ]
    negative = rate_search.Average(0.5, 4.0)
    assert [negative.add(loss) for loss in (-1.0, -9.0, -1.0)] == ["", "", ""]


def test_inside_of_a_fit_it_changes_nothing() -> None:
    class Searching(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            self.model.lr_find(X, Y, batch_size=16, steps=6)

    with_search, without = model(), model()
    options = {"batch_size": 16, "epochs": 2, "verbose": 0}
    runs = [
        with_search.fit(X, Y, callbacks=[Searching()], **options).history,
        without.fit(X, Y, **options).history,
    ]
    assert runs[0] == runs[1]
    assert all(map(np.array_equal, with_search.get_weights(), without.get_weights()))


def test_the_curve_is_drawn(tmp_path: Any) -> None:
    found = model(SGD()).lr_find(X, Y, steps=20)
    figure = found.plot(tmp_path / "rates.png")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and axes.get_xlabel() == "learning rate"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names[:2] == ["loss of the batch", "moving average"]
    assert (tmp_path / "rates.png").stat().st_size > 1000


def test_models_that_share_layers_are_as_they_were() -> None:
    x = jkeras.Input((4,))
    hidden = layers.Dense(3, name="hidden")(x)
    encoder, whole = jkeras.Model(x, hidden), jkeras.Model(x, layers.Dense(1)(hidden))
    whole.compile("adam", "mse")
    whole.fit(X, Y, verbose=0)
    before = encoder.predict(X, verbose=0), whole.predict(X, verbose=0)
    whole.lr_find(X, Y, steps=10)
    whole.fit(X, Y, verbose=0, fast_dev_run=True)
    after = encoder.predict(X, verbose=0), whole.predict(X, verbose=0)
    assert all(map(np.array_equal, before, after))
    whole.fit(X, Y, verbose=0)
    assert np.array_equal(encoder.get_weights()[0], whole.get_weights()[0])


def test_values_that_the_user_holds_stay_valid() -> None:
    trained = model()
    trained.build((None, 4))
    held = trained.train_state
    before = [np.array(leaf) for leaf in jax.tree.leaves(held.params)]
    trained.lr_find(X, Y, steps=5)
    trained.fit(X, Y, verbose=0)
    assert all(map(np.array_equal, jax.tree.leaves(held.params), before))


def test_step_by_step_in_python_it_finds_the_same() -> None:
    runs = [
        model(SGD(), run_eagerly=eager).lr_find(X, Y, batch_size=32, steps=4, shuffle=False)
        for eager in (True, False)
    ]
    np.testing.assert_allclose(runs[0].losses, runs[1].losses, rtol=1e-5)


def test_frozen_layers_stay_frozen_and_thaw_again() -> None:
    trained = model()
    trained.fit(X, Y, verbose=0)
    trained.layers[0].trainable = False
    weights = trained.get_weights()
    trained.lr_find(X, Y, steps=5)
    assert all(map(np.array_equal, trained.get_weights(), weights))
    trained.layers[0].trainable = True
    trained.lr_find(X, Y, steps=5)
    assert all(map(np.array_equal, trained.get_weights(), weights))
