"""The check of the argument `save_freq`: "epoch", or a number of batches."""

import pytest

from jkeras.callbacks.saving_callback import checked_save_freq


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
        checked_save_freq("A", "save_freq", value)
    assert str(caught.value) == (
        f"A: `save_freq`: expected 'epoch' or a number of batches of at least 1, got {got}."
    )
