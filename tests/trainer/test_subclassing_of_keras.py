"""Classes written for Keras, trained here from equal weights, against Keras's numbers.

`tests/golden/make_subclassing.py` writes them.
"""

from __future__ import annotations

import json
import pathlib
import warnings

import numpy as np
import pytest

import jkeras
from tests.golden.subclassing_cases import CASES, run

GOLDEN = np.load(pathlib.Path(__file__).parents[1] / "golden" / "subclassing.npz")
LOGS = json.loads(str(GOLDEN["logs"]))
# Nine updates with momentum and batch normalization round, which shows in numbers near zero.
LOOSE = {"rtol": 1e-5, "atol": 5e-6}


@pytest.mark.parametrize("name", CASES)
def test_training_gives_the_numbers_of_keras(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        found = run(jkeras, CASES[name])
    assert list(found["logs"]) == list(LOGS[name])
    for log, values in LOGS[name].items():
        np.testing.assert_allclose(found["logs"][log], values, err_msg=log, **LOOSE)
    count = sum(key.startswith(f"{name}|weights|") for key in GOLDEN.files)
    assert len(found["weights"]) == count
    for i, weight in enumerate(found["weights"]):
        np.testing.assert_allclose(weight, GOLDEN[f"{name}|weights|{i}"], err_msg=str(i), **LOOSE)
    np.testing.assert_allclose(found["outputs"], GOLDEN[f"{name}|outputs"], **LOOSE)
