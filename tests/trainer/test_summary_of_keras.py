"""`summary()` is Keras's text at every moment of a model's life: new, built, compiled, fitted."""

import pytest

import jkeras
from tests.golden.training_summaries import SUMMARIES, summaries
from tests.trainer.conftest import HINT, golden_records

GOLDEN = golden_records()["summaries"]


@pytest.mark.parametrize("name", SUMMARIES)
def test_the_summary_is_that_of_keras(name: str) -> None:
    texts = summaries(jkeras, name)
    assert list(texts) == list(GOLDEN[name]), HINT
    for moment, text in texts.items():
        assert text == GOLDEN[name][moment], f"{moment}; {HINT}"
