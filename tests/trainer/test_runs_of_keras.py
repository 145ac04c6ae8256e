"""What fit, evaluate, predict and single batches return and print is what Keras's do.

`training_cases.py` and `training_calls.py` in `tests/golden` hold the runs; one test each. Keys and
their order, epochs, shapes and layouts are equal; floats agree as `assert_like` says.
"""

from typing import Any

import pytest

import jkeras
from tests.golden.training_calls import CASES, recorded
from tests.trainer.conftest import assert_like, assert_printed_like, golden_records

GOLDEN = golden_records()["cases"]


def test_every_run_has_its_golden() -> None:
    assert list(CASES) == list(GOLDEN)


@pytest.mark.parametrize("name", GOLDEN)
def test_a_run_is_that_of_keras(name: str) -> None:
    record: dict[str, Any] = recorded(jkeras, name)
    expected = GOLDEN[name]
    assert_printed_like(record.pop("printed"), expected.pop("printed"), name)
    assert_like(record, expected, name)
