"""What `save_freq` means: after how many batches something is due."""

import pytest

from jkeras.callbacks.batches import Every, checked_frequency


@pytest.mark.parametrize("count", range(1, 8))
def test_it_is_due_when_enough_batches_have_passed(count: int) -> None:
    """Counted on through three epochs of five batches."""
    every = Every(count)
    due = [5 * epoch + batch + 1 for epoch in range(3) for batch in range(5) if every.due(batch)]
    assert due == list(range(count, 16, count))


def test_batches_that_are_left_out_count() -> None:
    every = Every(4)
    assert [batch for batch in [1, 3, 5, 1, 3, 5] if every.due(batch)] == [3, 1, 5]


@pytest.mark.parametrize(
    ("value", "kind", "got"),
    [
        ("epochs", ValueError, "'epochs'"),
        (0, ValueError, "0"),
        (False, ValueError, "False"),
        (True, TypeError, "True (bool)"),
        (2.0, TypeError, "2.0 (float)"),
        (None, TypeError, "None (NoneType)"),
    ],
)
def test_anything_else_is_refused(value: object, kind: type, got: str) -> None:
    with pytest.raises(kind) as caught:
        checked_frequency("A", "save_freq", value)
    assert str(caught.value) == (
        f"A: `save_freq`: expected 'epoch' or a number of batches of at least 1, got {got}."
    )
