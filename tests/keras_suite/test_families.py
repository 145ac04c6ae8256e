"""Keras's own unit tests, run against jkeras in processes of their own: what passes and what fails.

To look at one family by hand: python -m tests.keras_suite losses
"""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.keras_suite.alias import keras_folder
from tests.keras_suite.exclusions import EXCLUDED, LEFT_OUT, reason, unused
from tests.keras_suite.exclusions.reasons import BEYOND_VALUES, NOT_COUNTED
from tests.keras_suite.families import FAMILIES, FOLDERS, ONE_IN, WITH_STANDINS, files_of

ROOT = Path(__file__).parents[2]
LOOK = "To look: python -m tests.keras_suite "
VALUES = ("losses", "activations", "constraints", "regularizers", "initializers", "schedules")
LEAST = {
    "regularizers": 0.8,
    "initializers": 0.8,
    "metrics": 0.8,
    "optimizers": 0.9,
    "random": 0.9,
    "utils": 0.9,
    "applications": 0.9,
    "preparing_layers": 0.8,
    "dtype_policies": 0.8,
    "quantizers": 0.9,
    "image_layers": 0.9,
    "models": 0.9,
    "callbacks": 0.9,
    "trainers": 0.9,
    "saving": 0.9,
}
"""Which part of a family's tests passes at least, where it is less than 0.95."""

OF_VALUES = ("layers", "image_layers")
"""Families of which the tests that compare values are counted, and no others."""

pytestmark = pytest.mark.skipif(
    keras_folder() is None,
    reason="Keras is not installed: its unit tests come with the package (keras==3.15.1)",
)


@cache
def outcome(family: str) -> dict[str, Any]:
    """What became of the tests of a family, all of them run by one process."""
    command = [sys.executable, "-m", "tests.keras_suite", family, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout)[family]
    return found


@pytest.mark.parametrize("family", EXCLUDED)
def test_what_fails_is_what_is_excluded_and_most_tests_pass(family: str) -> None:
    found = outcome(family)
    failed = found["failed"]
    unexpected = {test: words for test, words in failed.items() if reason(family, test) is None}
    assert unexpected == {}, LOOK + family
    if family not in ONE_IN:
        assert unused(family, list(failed)) == [], f"take them off the list. {LOOK}"
    surprising = [test for test in found["passed"] if reason(family, test)]
    assert surprising == [], f"these pass and are excluded. {LOOK}{family}"

    passed = len(found["passed"])
    apart = (*NOT_COUNTED, *(BEYOND_VALUES if family in OF_VALUES else ()))
    wrong = sum(reason(family, test) not in apart for test in failed)
    assert passed / (passed + wrong) >= LEAST.get(family, 0.95)


def test_95_percent_of_the_tests_of_values_pass() -> None:
    outcomes = {family: outcome(family) for family in VALUES}
    passed = sum(len(found["passed"]) for found in outcomes.values())
    reasons = [reason(family, test) for family in VALUES for test in outcomes[family]["failed"]]
    failed = [words for words in reasons if words not in BEYOND_VALUES]
    assert passed > 300 and passed / (passed + len(failed)) >= 0.95


def test_every_family_and_file_is_accounted_for() -> None:
    folder = keras_folder()
    assert folder is not None
    files = {file for family in FAMILIES for file in files_of(folder, family)} | set(LEFT_OUT)
    assert all((folder / file).is_file() for file in files)
    folders = {Path(file).parent for family in WITH_STANDINS for file in files_of(folder, family)}
    folders |= {Path(pattern).parent for patterns in FOLDERS.values() for pattern in patterns}
    there = {
        str(path.relative_to(folder)) for at in folders for path in (folder / at).glob("*_test.py")
    }
    assert there == files
    assert set(EXCLUDED) <= set(FAMILIES)
