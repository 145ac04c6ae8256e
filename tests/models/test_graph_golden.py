"""Functional models are Keras's: the same lines give its names, orders, summaries and numbers."""

import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import jkeras
from tests.golden.graph_cases import CASES, names, numbers

GOLDEN = Path(__file__).parents[1] / "golden"
HINT = "to write Keras's numbers again: KERAS_BACKEND=jax python -m tests.golden.make_graphs"
NAMES = json.loads((GOLDEN / "graphs.json").read_text())
NUMBERS = dict(np.load(GOLDEN / "graphs.npz"))


@functools.cache
def model_of(case: str) -> Any:
    """The model of a case; its weights take a while to make."""
    return CASES[case][0](jkeras)


@pytest.mark.parametrize("case", CASES)
def test_names_orders_and_summaries_are_those_of_keras(case: str) -> None:
    found = names(model_of(case))
    for what, expected in NAMES[case].items():
        if what in ("summary", "expanded"):
            assert found[what] == expected, HINT
        else:
            assert json.loads(json.dumps(found[what])) == expected, f"{what}; {HINT}"


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_a_training_step_are_those_of_keras(case: str) -> None:
    expected = {
        name.removeprefix(f"{case}/"): array
        for name, array in NUMBERS.items()
        if name.startswith(f"{case}/")
    }
    found = numbers(jkeras, model_of(case), *CASES[case][1])
    assert sorted(found) == sorted(expected), HINT
    for name, array in expected.items():
        # A sum over a batch in another order turns the last bits of a gradient.
        np.testing.assert_allclose(
            found[name], array, rtol=1e-5, atol=2e-6, err_msg=f"{name}; {HINT}"
        )
