"""What counts as a batch."""

import pytest

from jkeras.core.batch import Batch, as_batch


@pytest.mark.parametrize(
    ("value", "batch"),
    [
        (1, Batch(1)),
        ((1,), Batch(1)),
        ((1, 2), Batch(1, 2)),
        ((1, 2, 3), Batch(1, 2, 3)),
        ({"a": 1}, Batch({"a": 1})),
        (([1, 2], 3), Batch((1, 2), 3)),
        ([1, 2], Batch((1, 2))),
        (Batch(1, rows=4), Batch(1, rows=4)),
    ],
)
def test_tuples_are_x_y_weight_and_lists_are_several_inputs(value: object, batch: Batch) -> None:
    assert as_batch(value) == batch


def test_inputs_are_positional() -> None:
    assert Batch((1, 2)).inputs == (1, 2)
    assert Batch({"a": 1}).inputs == ({"a": 1},)
    assert Batch(1).inputs == (1,)


@pytest.mark.parametrize("length", [0, 4])
def test_a_tuple_of_another_length_is_refused(length: int) -> None:
    with pytest.raises(ValueError) as caught:
        as_batch((0,) * length)
    assert str(caught.value) == (
        f"expected x, (x,), (x, y) or (x, y, sample_weight), got a tuple of {length}. "
        "Several inputs go inside x: ((a, b), y)."
    )
