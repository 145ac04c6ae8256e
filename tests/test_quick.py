"""What the quick form leaves out exists, and only that is left out."""

import re
from pathlib import Path

import pytest

from tests.quick import LEFT_OUT, is_left_out

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("entry", LEFT_OUT)
def test_what_is_left_out_is_there(entry: str) -> None:
    file, _, test = entry.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^def {test}\(", source, re.MULTILINE)
    assert is_left_out(f"{entry}::test_a[row]" if not test else f"{entry}[row]")


def test_all_other_tests_stay() -> None:
    assert not is_left_out("tests/test_quick.py::test_all_other_tests_stay")
    assert not is_left_out(
        "tests/laws/test_layers.py::test_eval_shape_agrees_with_the_result[Dropout]"
    )
