"""The schedules against Keras, and each one against every law."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.optimizers import schedules
from jkeras.optimizers.schedules import (
    CosineDecay,
    CosineDecayRestarts,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)
from tests.tolerances import near

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz")
CASES = json.loads(str(GOLDEN["schedules"]))
REGENERATE = "regenerate with: python tests/golden/make_optimizers.py"
each_case = pytest.mark.parametrize("case", CASES)


def _schedule(case: str) -> Any:
    kind, arguments = CASES[case]
    return getattr(schedules, kind)(**arguments)


@each_case
def test_thirty_steps_follow_keras(case: str) -> None:
    schedule = _schedule(case)
    rates = [schedule(step) for step in GOLDEN["steps"]]
    expected = GOLDEN[f"schedule/{case}"]
    np.testing.assert_allclose(rates, expected, **near("schedules", expected), err_msg=REGENERATE)


@each_case
def test_jit_vmap_and_arrays_agree_with_one_step_at_a_time(case: str) -> None:
    schedule, steps = _schedule(case), jnp.arange(30)
    one_by_one = [schedule(step) for step in steps]
    assert {rate.dtype for rate in one_by_one} == {jnp.dtype("float32")}
    assert {rate.shape for rate in one_by_one} == {()}
    for rates in (schedule(steps), jax.vmap(schedule)(steps), jax.jit(schedule)(steps)):
        np.testing.assert_allclose(rates, np.array(one_by_one), **near("schedules", one_by_one))


@each_case
def test_an_integer_a_float_and_an_array_step_mean_the_same(case: str) -> None:
    schedule = _schedule(case)
    assert float(schedule(7)) == float(schedule(7.0)) == float(schedule(np.int64(7)))


@each_case
def test_equal_schedules_are_equal_and_print_what_makes_them(case: str) -> None:
    schedule = _schedule(case)
    assert schedule == _schedule(case) and hash(schedule) == hash(_schedule(case))
    assert eval(repr(schedule), vars(schedules)) == schedule
    assert isinstance(schedule, LearningRateSchedule)


@pytest.mark.parametrize("t_mul", [1.0, 1.5, 2.0, 3.0])
def test_compiled_restarts_fall_on_their_step(t_mul: float) -> None:
    for first in (4, 41, 74, 219, 237):
        schedule = CosineDecayRestarts(1.0, first, t_mul=t_mul)
        starts = [first * sum(t_mul**j for j in range(i)) for i in range(1, 6)]
        steps = jnp.array([int(start) for start in starts if start == int(start)])
        around = jax.jit(lambda s, f=schedule: (f(s - 1), f(s)))(steps)
        np.testing.assert_allclose(around[1], 1.0, atol=1e-6)
        assert (around[0] < 0.2).all()


def test_compiled_stairs_and_cycles_fall_on_their_step() -> None:
    for width in range(3, 200, 28):
        steps = jnp.arange(1, 6) * width
        stairs = jax.jit(ExponentialDecay(1.0, width, 0.5, staircase=True))
        assert stairs(steps).tolist() == [0.5**i for i in range(1, 6)]
        assert stairs(steps - 1).tolist() == [0.5**i for i in range(5)]
        cycles = jax.jit(PolynomialDecay(1.0, width, 0.0, power=0.5, cycle=True))
        np.testing.assert_allclose(cycles(steps), 0.0, atol=1e-6)


def test_default_names_are_keras_ones() -> None:
    assert PiecewiseConstantDecay([1], [1, 2]).name == "PiecewiseConstant"
    assert CosineDecayRestarts(1.0, 1).name == "SGDRDecay"
    assert CosineDecay(1.0, 1).name == "CosineDecay"


def test_a_warm_up_without_division_by_zero() -> None:
    with jax.debug_nans(True):
        assert float(CosineDecay(0.1, 10, warmup_target=0.5)(0)) == 0.5


def test_a_class_without_call_says_what_to_write() -> None:
    class Mine(LearningRateSchedule):
        pass

    with pytest.raises(NotImplementedError) as caught:
        Mine()(0)
    assert str(caught.value) == (
        "Mine: expected a method `__call__(self, step)` that returns the learning rate, "
        "and the class defines none."
    )


@pytest.mark.parametrize(
    ("make", "kind", "message"),
    [
        (
            lambda: ExponentialDecay(0.1, 0, 0.9),
            ValueError,
            "ExponentialDecay: `decay_steps`: expected a number above 0, got 0 (int).",
        ),
        (
            lambda: InverseTimeDecay(-0.1, 10, 0.9),
            ValueError,
            "InverseTimeDecay: `initial_learning_rate`: expected a number of at least 0, "
            "got -0.1 (float).",
        ),
        (
            lambda: ExponentialDecay(0.1, 10, 0.9, staircase="yes"),
            TypeError,
            "ExponentialDecay: `staircase`: expected True or False, got 'yes' (str).",
        ),
        (
            lambda: PolynomialDecay(0.1, "10"),
            TypeError,
            "PolynomialDecay: `decay_steps`: expected a number above 0, got '10' (str).",
        ),
        (
            lambda: CosineDecay(0.1, 10, warmup_steps=-1),
            ValueError,
            "CosineDecay: `warmup_steps`: expected a number of at least 0, got -1 (int).",
        ),
        (
            lambda: CosineDecay(0.1, 10, alpha=float("inf")),
            ValueError,
            "CosineDecay: `alpha`: expected a finite number, got inf (float).",
        ),
        (
            lambda: CosineDecayRestarts(0.1, 10, t_mul=0.5),
            ValueError,
            "CosineDecayRestarts: `t_mul`: expected a number of at least 1, got 0.5 (float).",
        ),
        (
            lambda: PiecewiseConstantDecay([5], [0.1]),
            ValueError,
            "PiecewiseConstantDecay: expected one more of `values` than of `boundaries`, "
            "got 1 values and 1 boundaries.",
        ),
        (
            lambda: PiecewiseConstantDecay([5, 5], [0.3, 0.2, 0.1]),
            ValueError,
            "PiecewiseConstantDecay: expected `boundaries` that increase, got (5, 5).",
        ),
        (
            lambda: PiecewiseConstantDecay([], [0.1]),
            ValueError,
            "PiecewiseConstantDecay: `boundaries`: expected at least one number, "
            "got an empty list.",
        ),
        (
            lambda: PiecewiseConstantDecay(5, [0.1]),
            TypeError,
            "PiecewiseConstantDecay: `boundaries`: expected a list of numbers, got 5 (int).",
        ),
    ],
)
def test_wrong_arguments_are_refused(make: Any, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind) as caught:
        make()
    assert str(caught.value) == message
