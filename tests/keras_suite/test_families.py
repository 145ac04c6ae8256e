"""Keras's own unit tests, run against jkeras in a process of its own: what passes and what fails.

To look at one family by hand: python -m tests.keras_suite losses
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.keras_suite.alias import keras_folder
from tests.keras_suite.exclusions import (
    AGAINST_DEFINITION,
    BEYOND_VALUES,
    EXCLUDED,
    LEFT_OUT,
    reason,
    unused,
)
from tests.keras_suite.families import FAMILIES

ROOT = Path(__file__).parents[2]
LOOK = "To look: python -m tests.keras_suite "
Outcomes = dict[str, dict[str, Any]]
VALUES = ("losses", "activations", "constraints", "regularizers", "initializers", "schedules")

pytestmark = pytest.mark.skipif(
    keras_folder() is None,
    reason="Keras is not installed: its unit tests come with the package (keras==3.15.1)",
)


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    """What became of every family, all of them run by one process."""
    command = [sys.executable, "-m", "tests.keras_suite", *FAMILIES, "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found: Outcomes = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_what_fails_is_what_is_excluded(outcomes: Outcomes, family: str) -> None:
    failed = outcomes[family]["failed"]
    unexpected = {test: words for test, words in failed.items() if reason(family, test) is None}
    assert unexpected == {}, LOOK + family
    assert unused(family, list(failed)) == [], f"these pass now: take them off the list. {LOOK}"
    surprising = [test for test in outcomes[family]["passed"] if reason(family, test)]
    assert surprising == [], f"these pass and are excluded. {LOOK}{family}"


@pytest.mark.parametrize("family", FAMILIES)
def test_most_tests_pass(outcomes: Outcomes, family: str) -> None:
    passed = len(outcomes[family]["passed"])
    reasons = [reason(family, test) for test in outcomes[family]["failed"]]
    failed = sum(words not in AGAINST_DEFINITION for words in reasons)
    least = {"regularizers": 0.8, "initializers": 0.8, "metrics": 0.8, "optimizers": 0.9}
    assert passed / (passed + failed) >= least.get(family, 0.95)


def test_95_percent_of_the_tests_of_values_pass(outcomes: Outcomes) -> None:
    passed = sum(len(outcomes[family]["passed"]) for family in VALUES)
    reasons = [reason(family, test) for family in VALUES for test in outcomes[family]["failed"]]
    failed = [words for words in reasons if words not in BEYOND_VALUES]
    assert passed > 300 and passed / (passed + len(failed)) >= 0.95


def test_every_family_and_file_is_accounted_for() -> None:
    folder = keras_folder()
    assert folder is not None
    files = {file for family in FAMILIES.values() for file in family} | set(LEFT_OUT)
    folders = {Path(file).parent for file in files}
    found = [file for at in folders for file in (folder / at).glob("*_test.py")]
    there = {str(file.relative_to(folder)) for file in found}
    assert there == files
    assert set(EXCLUDED) == set(FAMILIES)
