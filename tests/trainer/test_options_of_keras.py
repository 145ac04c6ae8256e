"""Freezing, transfer, gathered gradients, averages and mixed precision, run by run as in Keras."""

import json
from typing import Any

import numpy as np
import pytest

import jkeras
from tests.golden.options_cases import CASES
from tests.trainer.conftest import GOLDEN

HINT = "to write Keras's numbers again: KERAS_BACKEND=jax python -m tests.golden.make_options"
NARROW = {"bfloat16": 2e-2, "float16": 3e-3}
"""How far runs in narrow arithmetic may be apart, absolute and relative: a few of its digits."""


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return json.loads((GOLDEN / "options.json").read_text())


@pytest.mark.filterwarnings("ignore:.*all weights are frozen")
@pytest.mark.parametrize("name", CASES)
def test_a_run_is_that_of_keras(name: str, golden: dict[str, Any]) -> None:
    got, expected = CASES[name](jkeras), golden[name]
    assert list(got) == list(expected), HINT
    for key, value in expected.items():
        close(got[key], value, NARROW.get(name, 1e-5), f"{name}, {key}; {HINT}")


def close(got: Any, expected: Any, tolerance: float, where: str) -> None:
    """Equal words and integers, floats within the tolerance, in equal lists."""
    if isinstance(expected, list):
        assert len(got) == len(expected), where
        for pair in zip(got, expected, strict=True):
            close(*pair, tolerance, where)
    elif isinstance(expected, float):
        np.testing.assert_allclose(got, expected, rtol=tolerance, atol=tolerance, err_msg=where)
    else:
        assert got == expected, where
