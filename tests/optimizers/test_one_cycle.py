"""The one-cycle schedule: PyTorch's numbers, optax's where its corners are the same, its files."""

import math
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jkeras
from jkeras.optimizers import Adam, schedules
from jkeras.optimizers.schedules import OneCycle
from tests.tolerances import near

CASES: dict[str, dict[str, Any]] = {
    "defaults": {"max_learning_rate": 0.1, "total_steps": 100},
    "linear": {"max_learning_rate": 0.3, "total_steps": 30, "anneal": "linear", "pct_start": 0.25},
    "three phases": {"max_learning_rate": 1.0, "total_steps": 50, "three_phase": True},
    "three lines": {
        **{"max_learning_rate": 2.0, "total_steps": 40, "three_phase": True, "anneal": "linear"},
        **{"pct_start": 0.4, "div_factor": 10.0, "final_div_factor": 100.0},
    },
}


def by_hand(
    step: int,
    max_learning_rate: float,
    total_steps: int,
    pct_start: float = 0.3,
    anneal: str = "cos",
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
    three_phase: bool = False,
) -> float:
    """`torch.optim.lr_scheduler.OneCycleLR`, as its documentation and paper have it, in float64."""
    first = max_learning_rate / div_factor
    last = first / final_div_factor
    rising = pct_start * total_steps
    phases = [(rising - 1, first, max_learning_rate), (total_steps - 1, max_learning_rate, last)]
    if three_phase:
        phases[1:] = [(2 * rising - 2, max_learning_rate, first), (total_steps - 1, first, last)]
    begin = 0.0
    for end, low, high in phases:
        if step <= end or end == total_steps - 1:
            share = min((step - begin) / (end - begin), 1.0)
            if anneal == "linear":
                return (high - low) * share + low
            return high + (low - high) / 2 * (math.cos(math.pi * share) + 1)
        begin = end
    raise AssertionError("the last phase has no end")


@pytest.mark.parametrize("case", CASES)
def test_every_step_has_the_rate_of_pytorch(case: str) -> None:
    arguments = CASES[case]
    steps = range(arguments["total_steps"] + 3)
    expected = [by_hand(step, **arguments) for step in steps]
    schedule = OneCycle(**arguments)
    near_peak = 1e-6 * arguments["max_learning_rate"]
    for rates in (schedule(jnp.arange(len(steps))), [schedule(step) for step in steps]):
        np.testing.assert_allclose(rates, expected, rtol=1e-5, atol=near_peak)
    np.testing.assert_allclose(jax.jit(schedule)(steps[-1]), expected[-1], rtol=1e-6)
    assert float(schedule(0)) == pytest.approx(expected[0], rel=1e-6)


@pytest.mark.parametrize("anneal", ["cos", "linear"])
def test_it_is_optax_s_between_the_same_corners(anneal: str) -> None:
    kind = {"cos": "cosine", "linear": "linear"}[anneal]
    theirs = optax.piecewise_interpolate_schedule(kind, 0.04, {11: 25.0, 39: 1 / (25 * 1e4)})
    ours = OneCycle(1.0, 40, pct_start=0.3, anneal=anneal)
    with jax.numpy_dtype_promotion("standard"):
        expected = np.array([theirs(step) for step in range(40)])
    np.testing.assert_allclose(ours(jnp.arange(40)), expected, rtol=1e-5, atol=1e-6)


def test_the_peak_is_the_largest_rate_and_the_end_stays() -> None:
    schedule = OneCycle(0.5, 20, pct_start=0.5, div_factor=10)
    rates = np.asarray(schedule(jnp.arange(25)))
    assert rates.argmax() == 9 and rates.max() == 0.5
    assert (np.diff(rates[:10]) > 0).all() and (np.diff(rates[9:20]) < 0).all()
    assert (rates[19:] == rates[19]).all()
    np.testing.assert_allclose(rates[[0, 19]], [0.05, 5e-6], rtol=1e-6)


def test_its_configuration_is_itself_again() -> None:
    schedule = OneCycle(0.2, 10, anneal="linear", three_phase=True)
    assert OneCycle.from_config(schedule.get_config()) == schedule
    written = schedules.serialize(schedule)
    # Keras has no such class: it says so by name, rather than take another one.
    assert written["module"] == "jkeras.optimizers.schedules"
    assert schedules.deserialize(written) == schedule
    assert repr(schedule) == (
        "OneCycle(max_learning_rate=0.2, total_steps=10, anneal='linear', three_phase=True)"
    )


def test_a_model_trains_with_it_and_its_file_too(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(32, 3)).astype("float32")
    y = x[:, :1]
    model = jkeras.Sequential([jkeras.Input((3,)), jkeras.layers.Dense(1)], seed=0)
    schedule = OneCycle(0.1, total_steps=8)
    model.compile(Adam(schedule), "mse")
    model.fit(x, y, batch_size=8, verbose=0)
    np.testing.assert_allclose(model.learning_rate, schedule(4), **near("schedules", schedule(4)))
    model.save(tmp_path / "m.keras")
    loaded = jkeras.models.load_model(tmp_path / "m.keras")
    assert loaded.optimizer.get_config() == model.optimizer.get_config()
    options = {"batch_size": 8, "shuffle": False, "verbose": 0}
    runs = [m.fit(x, y, **options).history["loss"] for m in (model, loaded)]
    assert runs[0] == runs[1]


WRONG: list[tuple[dict[str, Any], str]] = [
    (
        {"total_steps": 1},
        "OneCycle: `total_steps`: expected an integer of at least 2, got 1 (int).",
    ),
    (
        {"pct_start": 1.5},
        "OneCycle: `pct_start`: expected a number in (0, 1], got 1.5 (float).",
    ),
    (
        {"pct_start": 1.0},
        "OneCycle: `pct_start`: expected a share of the steps below 1 that leaves a step to every "
        "phase, got 1.0, and 10 steps in all.",
    ),
    (
        {"pct_start": 0.1},
        "OneCycle: `pct_start`: expected a share of the steps below 1 that leaves a step to every "
        "phase, got 0.1, and 10 steps in all.",
    ),
    (
        {"pct_start": 0.6, "three_phase": True},
        "OneCycle: `pct_start`: expected a share of the steps below 0.5 that leaves a step to "
        "every phase, got 0.6, and 10 steps in all.",
    ),
    (
        {"anneal": "cosine"},
        "OneCycle: `anneal`: expected 'cos' or 'linear', got 'cosine'.",
    ),
    (
        {"div_factor": 0},
        "OneCycle: `div_factor`: expected a number above 0, got 0 (int).",
    ),
    (
        {"pct_strat": 0.3},
        "OneCycle: unexpected argument `pct_strat`. Did you mean 'pct_start'? Arguments: "
        "max_learning_rate, total_steps, pct_start, div_factor, final_div_factor, anneal, "
        "three_phase, name.",
    ),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        OneCycle(**{"max_learning_rate": 0.1, "total_steps": 10, **arguments})
    assert str(caught.value) == message
