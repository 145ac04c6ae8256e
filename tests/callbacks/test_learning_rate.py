"""Callbacks that change the learning rate: by the epoch, or when nothing improves."""

import jax.numpy as jnp
import numpy as np
import pytest

import jkeras
from jkeras.callbacks import LearningRateScheduler, ReduceLROnPlateau
from tests.callbacks.conftest import HINT, RUN, plain
from tests.golden import callbacks_runs as runs
from tests.programs import loops_of


def test_plateaus_end_as_in_keras(golden: dict) -> None:
    assert len(golden["plateau"]) == runs.PLATEAU_SEEDS, HINT
    for seed, expected in golden["plateau"].items():
        settings = runs.plateau_settings(int(seed))
        assert plain(runs.plateau(jkeras, int(seed))) == expected, f"{seed}, {settings}; {HINT}"


def test_the_courses_reach_every_case(golden: dict) -> None:
    """Some lower the rate, some wait out a cooldown, some come to the minimum."""
    outcomes = golden["plateau"].values()
    rows = [row for outcome in outcomes for row in outcome["rows"]]
    assert {len(outcome["lines"]) > 0 for outcome in outcomes} == {True, False}
    assert {in_cooldown for *_, in_cooldown in rows} == {True, False}
    assert any(rate == np.float32(0.02) for _, rate, *_ in rows)


@pytest.mark.parametrize("name", runs.SCHEDULES)
def test_a_schedule_sets_and_tells_the_rates_of_keras(name: str, golden: dict) -> None:
    assert plain(runs.scheduled(jkeras, name)) == golden["scheduled"][name], HINT


def test_a_training_with_both_is_that_of_keras(golden: dict) -> None:
    got, expected = runs.fitted(jkeras, "rates"), golden["fitted"]["rates"]
    assert list(got) == list(expected), HINT
    for name, values in expected.items():
        np.testing.assert_allclose(got[name], values, rtol=1e-5, err_msg=f"{name}; {HINT}")


def test_changing_the_rate_compiles_nothing(model: jkeras.Sequential) -> None:
    rates: list[float] = []
    schedule = LearningRateScheduler(lambda epoch, rate: rates.append(rate) or rate * jnp.exp(-1.0))
    lower = ReduceLROnPlateau("loss", patience=0, min_delta=1e9)
    model.fit(**RUN, epochs=3, callbacks=[schedule, lower])
    assert len(set(rates)) == 3
    assert loops_of(model, "train")[2].traces == 1


def test_an_error_inside_a_schedule_is_not_mistaken_for_one_argument() -> None:
    def schedule(epoch: int, rate: float) -> float:
        return rate + "1"  # type: ignore[operator]

    model = runs.Watched()
    callback = LearningRateScheduler(schedule)
    callback.set_model(model)
    with pytest.raises(TypeError, match=r"^unsupported operand"):
        callback.on_epoch_begin(0)


def test_a_schedule_that_sets_the_rate_itself_is_not_overruled() -> None:
    model = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    decay = jkeras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    model.compile(jkeras.optimizers.SGD(decay), "mse")
    with pytest.raises(TypeError) as caught:
        model.fit(**RUN, callbacks=[LearningRateScheduler(lambda e: 0.1)])
    assert str(caught.value) == (
        "set_learning_rate: expected an optimizer with a number as its `learning_rate`, got one "
        "with a schedule, which sets the rate at every step. To set it by hand, make the optimizer "
        "with a number: Adam(learning_rate=0.001)."
    )


def returns_nothing() -> None:
    callback = LearningRateScheduler(lambda epoch: None)
    callback.set_model(runs.Watched())
    callback.on_epoch_begin(2)


WRONG = [
    (
        lambda: LearningRateScheduler(0.1),
        TypeError,
        "LearningRateScheduler: `schedule`: expected a function (epoch, learning_rate) -> "
        "learning_rate, got 0.1 (float).",
    ),
    (
        returns_nothing,
        TypeError,
        "LearningRateScheduler: `schedule`: expected it to return a number, got None (NoneType) "
        "for epoch 2. Write return learning_rate.",
    ),
    (
        lambda: ReduceLROnPlateau(factor=1.5),
        ValueError,
        "ReduceLROnPlateau: `factor`: expected a number of at least 0 and below 1, which the rate "
        "is multiplied by, got 1.5.",
    ),
    (
        lambda: ReduceLROnPlateau(patient=3),
        TypeError,
        "ReduceLROnPlateau: unexpected argument `patient`. Did you mean 'patience'? Arguments: "
        "monitor, factor, patience, verbose, mode, min_delta, cooldown, min_lr.",
    ),
]


@pytest.mark.parametrize(("use", "kind", "message"), WRONG)
def test_wrong_uses_are_refused(use: object, kind: type, message: str) -> None:
    with pytest.raises(kind) as caught:
        use()  # type: ignore[operator]
    assert str(caught.value) == message
