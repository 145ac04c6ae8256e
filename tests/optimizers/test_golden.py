"""Every optimizer against Keras: twenty steps on a vector, a scalar, two matrices and four axes."""

import json
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import optimizers
from jkeras.optimizers import OptimizerMap, apply_updates, final_params
from tests.tolerances import near

GOLDEN = np.load(Path(__file__).parents[1] / "golden" / "optimizers.npz")
CASES = json.loads(str(GOLDEN["cases"]))
PATHS = [name.removeprefix("params/") for name in GOLDEN if name.startswith("params/")]
REGENERATE = "regenerate with: python tests/golden/make_optimizers.py"


def _argument(value: Any) -> Any:
    if isinstance(value, dict) and "schedule" in value:
        kind, arguments = value["schedule"]
        return getattr(optimizers.schedules, kind)(**arguments)
    if isinstance(value, dict):
        default, entries = value["map"]
        return OptimizerMap(_rule(*default), {path: _rule(*e) for path, e in entries.items()})
    return value


def _rule(kind: str, arguments: dict[str, Any]) -> Any:
    return getattr(optimizers, kind)(**{name: _argument(v) for name, v in arguments.items()})


@pytest.mark.parametrize("case", CASES)
def test_twenty_steps_follow_keras(case: str) -> None:
    rule = _rule(*CASES[case])
    params = {path: jnp.asarray(GOLDEN[f"params/{path}"]) for path in PATHS}
    state, update = rule.init(params), jax.jit(rule.update)
    for step in range(20):
        grads = {path: jnp.asarray(GOLDEN[f"grads/{path}"][step]) for path in PATHS}
        updates, state = update(grads, state, params)
        params = apply_updates(params, updates)
        for path in PATHS:
            _assert_near(params[path], GOLDEN[f"case/{case}/{path}"][step], f"{step} {path}")
    final = final_params(params, state)
    for path in PATHS:
        average = f"average/{case}/{path}"
        expected = GOLDEN[average] if average in GOLDEN else params[path]
        _assert_near(final[path], expected, f"average {path}")


def _assert_near(got: Any, expected: Any, where: str) -> None:
    np.testing.assert_allclose(
        got, expected, **near("twenty steps", expected), err_msg=f"step {where}; {REGENERATE}"
    )


def test_the_goldens_move_more_than_the_tolerance() -> None:
    for case in CASES:
        moved = np.abs(GOLDEN[f"case/{case}/kernel"][-1] - GOLDEN["params/kernel"])
        assert moved.ravel()[1:].max() > 1e-3, case


def test_the_goldens_have_every_optimizer() -> None:
    classes = {name for name in optimizers.__all__ if name[0].isupper()}
    abstract = {"MultiState", "Optimizer", "OptimizerMap", "OptimizerState", "Scheduled"}
    around = {"LossScaleOptimizer", "LossScaleState"}  # tests/golden/options.json has its runs
    assert {kind for kind, _ in CASES.values()} == classes - abstract - around
