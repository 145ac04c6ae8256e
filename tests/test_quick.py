"""What the quick form leaves out exists, and only that is left out."""

import re
from pathlib import Path

import pytest

from tests.quick import LATE, is_late

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("entry", LATE)
def test_what_is_left_out_is_there(entry: str) -> None:
    file, _, test = entry.partition("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    assert not test or re.search(rf"^def {test}\(", source, re.MULTILINE)
    assert is_late(f"{entry}::test_a[row]" if not test else f"{entry}[row]")


def test_all_other_tests_stay() -> None:
    assert not is_late("tests/test_quick.py::test_all_other_tests_stay")
    assert not is_late("tests/laws/test_layers.py::test_the_key_decides[Dropout]")
