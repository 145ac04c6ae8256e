"""What the tests of the trainer share: what Keras did, and how to compare with it."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

GOLDEN = Path(__file__).parents[1] / "golden"
HINT = "to write Keras's numbers again: KERAS_BACKEND=jax python -m tests.golden.make_training"

_NUMBER = re.compile(r"-?\d+\.\d+(?:e[+-]\d+)?")


def golden_records() -> dict[str, Any]:
    """What `training.json` holds."""
    return json.loads((GOLDEN / "training.json").read_text())


def assert_like(got: Any, expected: Any, where: str, rel: float = 1e-4) -> None:
    """Equal structure, order of keys, integers and words; floats within `rel`, or 1e-6 absolute.

    The tolerance is the issue's for losses: a few steps of Adam amplify the last bit of a sum.
    """
    if isinstance(expected, dict):
        assert isinstance(got, dict) and list(got) == list(expected), (
            f"{where}: {list(got)}; {HINT}"
        )
        for key in expected:
            assert_like(got[key], expected[key], f"{where}, {key}", rel)
    elif isinstance(expected, list):
        assert isinstance(got, list | tuple) and len(got) == len(expected), (
            f"{where}: {got}; {HINT}"
        )
        for index, pair in enumerate(zip(got, expected, strict=True)):
            assert_like(*pair, f"{where}, {index}", rel)
    elif isinstance(expected, float):
        assert got == pytest.approx(expected, rel=rel, abs=1e-6, nan_ok=True), f"{where}; {HINT}"
    else:
        assert type(got) is type(expected) and got == expected, f"{where}: {got!r}; {HINT}"


def assert_printed_like(got: list[str], expected: list[str], where: str) -> None:
    """Equal lines but for the last digit of a number, which rounding may turn."""
    assert [_shape(line) for line in got] == [_shape(line) for line in expected], f"{where}; {HINT}"
    numbers = [float(n) for line in got for n in _NUMBER.findall(line)]
    assert numbers == pytest.approx(
        [float(n) for line in expected for n in _NUMBER.findall(line)], rel=1e-3, abs=1.01e-4
    ), f"{where}; {HINT}"


def _shape(line: str) -> str:
    """The line with every digit of its decimal numbers as 0, so that only the layout is left."""
    return _NUMBER.sub(lambda match: re.sub(r"\d", "0", match.group()), line)
