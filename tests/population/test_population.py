"""A population's members are single runs: the same numbers, whatever the engine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jkeras
from jkeras import layers
from jkeras.callbacks import EarlyStopping, LearningRateScheduler, ReduceLROnPlateau
from jkeras.population import engine
from tests.population.models import HELD, TRAIN, X, Y, assert_same_weights, dense

SEEDS = [3, 4, 7]
RATES = [0.1, 0.02, 0.005]


def single(seed: int, rate: float, epochs: int = 3, **options: Any) -> Any:
    """A single run that a member is compared with."""
    model = dense(seed)
    model.compile(jkeras.optimizers.SGD(rate, momentum=0.9), "mse", metrics=["mae"])
    history = model.fit(
        X[TRAIN], Y[TRAIN], 8, epochs, verbose=0, validation_data=(X[HELD], Y[HELD]), **options
    )
    return model, history.history


def population(**options: Any) -> jkeras.Population:
    made = jkeras.Population(dense(), seeds=SEEDS, learning_rate=RATES, **options)
    made.compile(jkeras.optimizers.SGD(1.0, momentum=0.9), "mse", metrics=["mae"])
    return made


@pytest.fixture(scope="module")
def singles() -> list[Any]:
    return [single(seed, rate) for seed, rate in zip(SEEDS, RATES, strict=True)]


@pytest.mark.parametrize(
    "how", [{"engine": "map"}, {"engine": "vmap"}, {"engine": "vmap", "chunk": 2}]
)
def test_members_are_single_runs(how: dict[str, Any], singles: list[Any]) -> None:
    members = population(**how)
    history = members.fit(
        X[TRAIN], Y[TRAIN], 8, 3, verbose=0, validation_data=(X[HELD], Y[HELD])
    ).history
    assert sorted(history) == ["loss", "mae", "val_loss", "val_mae"]
    for number, (model, expected) in enumerate(singles):
        for name, values in expected.items():
            got = [epoch[number] for epoch in history[name]]
            np.testing.assert_allclose(got, values, rtol=1e-5, err_msg=name)
        assert_same_weights(members.member(number), model)
    found = members.evaluate(X[HELD], Y[HELD], 8, verbose=0, return_dict=True)
    np.testing.assert_allclose(found["mae"], history["val_mae"][-1], rtol=1e-5)
    outputs = members.predict(X, verbose=0, members=True)
    for output, (model, _) in zip(outputs, singles, strict=True):
        np.testing.assert_allclose(output, model.predict(X, verbose=0), rtol=1e-5, atol=1e-6)


def test_a_member_goes_on_as_a_single_run() -> None:
    members = population(engine="map")
    members.fit(X[TRAIN], Y[TRAIN], 8, 2, verbose=0)
    model = members.member(1)
    assert model.seed == SEEDS[1]
    assert model.history.history["loss"] == [v[1] for v in members.history.history["loss"]]
    assert model.optimizer.learning_rate == pytest.approx(RATES[1])
    assert int(model.optimizer.iterations) == 10
    model.fit(X[TRAIN], Y[TRAIN], 8, 1, verbose=0)
    expected = dense(SEEDS[1])
    expected.compile(jkeras.optimizers.SGD(RATES[1], momentum=0.9), "mse")
    expected.fit(X[TRAIN], Y[TRAIN], 8, 3, verbose=0)
    assert_same_weights(model, expected)
    members.fit(X[TRAIN], Y[TRAIN], 8, 1, verbose=0)  # and so does the population
    assert_same_weights(members.member(1), expected)


def test_numbers_of_layers_losses_and_optimizers_differ() -> None:
    def network(seed: int, rate: float) -> jkeras.Sequential:
        parts = [jkeras.Input((6,)), layers.Dense(8, activation="relu"), layers.Dropout(rate)]
        return jkeras.Sequential([*parts, layers.Dense(3, activation="softmax")], seed=seed)

    classes = np.eye(3, dtype="float32")[(X[:, 0] > 0).astype(int) + (X[:, 1] > 1)]
    own = {
        "dropout": [0.0, 0.2, 0.5],
        "label_smoothing": [0.0, 0.1, 0.3],
        "momentum": [0.0, 0.5, 0.9],
        "weight_decay": [0.0, 0.01, 0.1],
        "loss_weights": [1.0, 2.0, 0.5],
    }
    members = jkeras.Population(network(0, 0.4), seeds=5, engine="vmap", **own)
    members.compile(jkeras.optimizers.SGD(0.1), "categorical_crossentropy")
    given = (X[TRAIN], classes[TRAIN], 8, 2)
    held = (X[HELD], classes[HELD])
    history = members.fit(*given, verbose=0, validation_data=held).history
    for number in range(3):
        rate, smooth, momentum, decay, factor = (own[name][number] for name in own)
        model = network(5, rate)
        rule = jkeras.optimizers.SGD(0.1, momentum=momentum, weight_decay=decay)
        loss = jkeras.losses.CategoricalCrossentropy(label_smoothing=smooth)
        model.compile(rule, loss, loss_weights=factor)
        expected = model.fit(*given, verbose=0, validation_data=held).history
        for name, values in expected.items():
            got = [epoch[number] for epoch in history[name]]
            np.testing.assert_allclose(got, values, rtol=1e-5, err_msg=f"{name} of {number}")
        assert_same_weights(members.member(number), model)
    last = members.member(2)
    assert last.get_config()["layers"][2]["config"]["rate"] == 0.5
    assert last.loss.label_smoothing == 0.3
    assert float(last.optimizer.momentum) == pytest.approx(0.9)


@pytest.mark.parametrize("rule", [jkeras.optimizers.SGD(0.1), jkeras.optimizers.RMSprop(0.01)])
def test_members_with_numbers_of_zero_go_on_as_single_runs(rule: Any, tmp_path: Path) -> None:
    own = {"momentum": [0.9, 0.0], "weight_decay": [0.0, 0.1]}
    members = jkeras.Population(dense(), seeds=5, engine="map", **own)
    members.compile(rule, "mse")
    members.fit(X, Y, 16, 1, verbose=0)
    for number in range(2):
        model, member = dense(5), members.member(number)
        changes = {name: values[number] for name, values in own.items()}
        model.compile(rule.replace(**changes), "mse")
        model.fit(X, Y, 16, 1, verbose=0)
        member.save(tmp_path / "member.keras")
        loaded = jkeras.saving.load_model(tmp_path / "member.keras")
        assert_same_weights(loaded, member, rtol=0)
        for each in (model, member):
            each.fit(X, Y, 16, 1, verbose=0)
        assert_same_weights(member, model)
        kept = (model.train_state.opt_state, member.train_state.opt_state)
        assert jax.tree.structure(kept[0]) == jax.tree.structure(kept[1])


def test_callbacks_behind_a_stopping_one_see_the_last_epoch() -> None:
    def callbacks() -> list[Any]:
        stopping = EarlyStopping("loss", patience=0, baseline=0.0)
        return [stopping, ReduceLROnPlateau("loss", factor=0.5, patience=0, min_delta=10.0)]

    members = population(engine="map")
    members.fit(X, Y, 16, 5, verbose=0, callbacks=callbacks())
    for number in range(3):
        model = dense(SEEDS[number])
        model.compile(jkeras.optimizers.SGD(RATES[number], momentum=0.9), "mse")
        history = model.fit(X, Y, 16, 5, verbose=0, callbacks=callbacks()).history
        expected = float(model.optimizer.learning_rate)
        assert expected < RATES[number]
        assert members.learning_rate[number] == pytest.approx(expected)
        found = members.member(number).history.history
        np.testing.assert_allclose(found["learning_rate"], history["learning_rate"], rtol=1e-5)


def test_each_member_stops_by_itself() -> None:
    options = {"monitor": "val_loss", "patience": 1, "restore_best_weights": True}
    rates, stopping = [0.3, 0.02, 0.0], EarlyStopping(**options)
    members = jkeras.Population(dense(), seeds=SEEDS, learning_rate=rates, engine="map")
    members.compile("sgd", "mse")
    held = (X[HELD], Y[HELD])
    history = members.fit(
        X[TRAIN], Y[TRAIN], 8, 8, verbose=0, validation_data=held, callbacks=[stopping]
    )
    lengths = []
    for number in range(3):
        model, own = dense(SEEDS[number]), EarlyStopping(**options)
        model.compile(jkeras.optimizers.SGD(rates[number]), "mse")
        expected = model.fit(
            X[TRAIN], Y[TRAIN], 8, 8, verbose=0, validation_data=held, callbacks=[own]
        )
        lengths.append(len(expected.epoch))
        copy = stopping.members[number]
        assert (copy.stopped_epoch, copy.best_epoch) == (own.stopped_epoch, own.best_epoch)
        got = members.member(number)
        assert_same_weights(got, model)
        np.testing.assert_allclose(
            got.history.history["val_loss"], expected.history["val_loss"], rtol=1e-5
        )
        assert members.last_logs["val_loss"][number] == pytest.approx(own.best, rel=1e-5)
    assert len(set(lengths)) > 1 and members.epochs.tolist() == lengths
    losses = np.asarray(history.history["loss"])
    assert len(losses) == max(lengths)
    first = int(np.argmin(lengths))
    assert len(set(losses[lengths[first] - 1 :, first])) == 1  # it repeats its last value
    assert members.ranking("val_loss")[0] == int(np.argmin(members.last_logs["val_loss"]))


def test_rates_change_by_member() -> None:
    members = population(engine="map")
    plateau = ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0)
    halving = LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch))
    history = members.fit(X, Y, 16, 3, verbose=0, callbacks=[halving, plateau])
    expected = []
    for number in range(3):
        model = dense(SEEDS[number])
        model.compile(jkeras.optimizers.SGD(RATES[number], momentum=0.9), "mse")
        callbacks = [
            LearningRateScheduler(lambda epoch, rate: rate / (1 + epoch)),
            ReduceLROnPlateau("loss", factor=0.5, patience=1, min_delta=10.0),
        ]
        expected.append(model.fit(X, Y, 16, 3, verbose=0, callbacks=callbacks).history)
    for name in ("learning_rate", "loss"):
        found = np.asarray(history.history[name])
        np.testing.assert_allclose(found.T, [own[name] for own in expected], rtol=1e-5)


def test_as_many_members_side_by_side_as_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    members = population(engine="vmap")
    monkeypatch.setattr(engine, "members_that_fit", lambda bytes_of_one: 2)
    members.fit(X, Y, 16, 1, verbose=0)
    assert members.engine.chunk == 2


def test_bytes_of_a_member_count_values_and_outputs() -> None:
    assert engine.members_that_fit(engine.ALWAYS_FITS) >= 1
    assert engine.members_that_fit(1 << 60) == 1


def test_predictions_have_a_mean_and_a_spread() -> None:
    members = population(engine="map")
    outputs = members.predict(X, verbose=0, members=True)
    mean, spread = members.predict(X, verbose=0)
    assert outputs.shape == (3, 44, 1) and mean.shape == spread.shape == (44, 1)
    np.testing.assert_allclose(mean, outputs.mean(0), rtol=1e-6)
    np.testing.assert_allclose(spread, outputs.std(0), rtol=1e-6)


def test_weights_of_examples_differ() -> None:
    weights = np.random.default_rng(1).integers(0, 2, (2, 44)).astype("float32")
    members = jkeras.Population(lambda: dense(9), seeds=[1, 2], engine="vmap")
    members.compile("sgd", "mse")
    members.fit(X, Y, 8, 2, verbose=0, member_weight=weights)
    for number in range(2):
        model = dense(number + 1)
        model.compile("sgd", "mse")
        model.fit(X, Y, 8, 2, verbose=0, sample_weight=weights[number])
        assert_same_weights(members.member(number), model)


def test_members_begin_as_the_model_where_they_shall() -> None:
    model = dense(1)
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0)
    members = jkeras.Population(model, 2, seeds=[5, 6], weights="model")
    for member in members:
        assert_same_weights(member, model, rtol=0)
    fresh = jkeras.Population(model, 2, seeds=[5, 6])
    assert_same_weights(fresh.member(0), dense(5), rtol=0)


def test_dropout_and_loss_weights_by_name() -> None:
    def network(seed: int, first: float, cell: float) -> jkeras.Model:
        inputs = jkeras.Input((6,))
        steps = layers.Reshape((2, 3))(layers.Dropout(first, name="first")(inputs))
        hidden = layers.LSTM(4, dropout=cell, name="cell")(steps)
        outputs = {name: layers.Dense(1, name=name)(hidden) for name in ("a", "b")}
        return jkeras.Model(inputs, outputs, seed=seed)

    members = jkeras.Population(
        network(0, 0.3, 0.3),
        seeds=[1, 2],
        dropout={"first": [0.0, 0.2], "cell": [0.1, 0.4]},
        loss_weights={"a": [1.0, 0.5], "b": [2.0, 3.0]},
        engine="vmap",
    )
    members.compile("adam", "mse", metrics={"a": ["mae"]})
    targets = {"a": Y, "b": -Y}
    history = members.fit(X, targets, 16, 2, verbose=0).history
    model = network(2, 0.2, 0.4)
    weights = {"a": 0.5, "b": 3.0}
    model.compile("adam", "mse", loss_weights=weights, metrics={"a": ["mae"]})
    for name, values in model.fit(X, targets, 16, 2, verbose=0).history.items():
        np.testing.assert_allclose([v[1] for v in history[name]], values, rtol=1e-5)
    member = members.member(1)
    assert_same_weights(member, model)
    assert member.get_layer("cell").dropout == 0.4
    assert members.predict(X, verbose=0).mean["b"].shape == (44, 1)


def test_an_interrupted_run_goes_on(tmp_path: Path) -> None:
    class Interrupted(Exception):
        pass

    class Interrupting(jkeras.callbacks.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            if epoch == 1:
                raise Interrupted

    def run(*callbacks: Any) -> jkeras.Population:
        members = population(engine="map")
        stopping = EarlyStopping("loss", patience=1)
        members.fit(X[TRAIN], Y[TRAIN], 8, 4, verbose=0, callbacks=[stopping, *callbacks])
        return members

    keeping = jkeras.callbacks.BackupAndRestore
    with pytest.raises(Interrupted):
        run(keeping(tmp_path), Interrupting())
    found, expected = run(keeping(tmp_path)), run()
    assert found.history.history == expected.history.history
    for a, b in zip(found, expected, strict=True):
        assert_same_weights(a, b, rtol=0)
        assert a.history.history == b.history.history


def test_batches_of_an_iterable_are_the_same_for_all() -> None:
    batches = [(X[i : i + 8], Y[i : i + 8]) for i in range(0, 44, 8)]
    members = population(engine="map")
    history = members.fit(batches, epochs=2, verbose=0).history
    model = dense(SEEDS[2])
    model.compile(jkeras.optimizers.SGD(RATES[2], momentum=0.9), "mse")
    expected = model.fit(batches, epochs=2, verbose=0).history
    np.testing.assert_allclose([e[2] for e in history["loss"]], expected["loss"], rtol=1e-5)


def test_the_bar_shows_best_median_and_worst(capsys: pytest.CaptureFixture[str]) -> None:
    members = population(engine="map")
    members.fit(X, Y, 8, 1, verbose=2)
    text = capsys.readouterr().out
    losses = sorted(members.last_logs["loss"])
    for word, value in zip(("best", "median", "worst"), losses, strict=True):
        assert f"loss {word}: {value:.4f}" in text


def test_the_engine_is_measured_once(monkeypatch: pytest.MonkeyPatch) -> None:
    members = population(engine="auto")
    members.fit(X[TRAIN], Y[TRAIN], 8, 1, verbose=0)
    assert list(members.engine.seconds) == [3] and members.engine.chunk == 3
    assert "too short a run to compare" in f"{members!r}"
    monkeypatch.setattr(engine, "PAYS", 0)
    members.fit(X[TRAIN], Y[TRAIN], 8, 1, verbose=0)
    measured = members.engine
    assert sorted(measured.seconds) == [1, 3] and measured.chunk in (1, 3)
    assert "too short" not in f"{members!r}"
    again = population(engine="auto")
    again.fit(X[TRAIN], Y[TRAIN], 8, 1, verbose=0)
    assert again.engine is measured  # equal populations share programs
