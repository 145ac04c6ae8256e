"""`timeseries_dataset_from_array`: the windows that its definition asks for, and its errors."""

from typing import Any

import numpy as np
import pytest

from jkeras.utils import timeseries_dataset_from_array

SERIES = np.arange(40.0).reshape(20, 2)
TARGETS = np.arange(100, 120)
OPTIONS: list[dict[str, Any]] = [
    {},
    {"sequence_stride": 3},
    {"sampling_rate": 2},
    {"sequence_stride": 2, "sampling_rate": 3},
    {"start_index": 4},
    {"end_index": 11},
    {"start_index": 3, "end_index": 15, "sequence_stride": 2},
]


def windows(
    length: int, stride: int = 1, rate: int = 1, start: int = 0, end: int = 20
) -> list[tuple[list, int]]:
    """Every window with its target, by the definition: one loop over steps."""
    found = []
    for first in range(start, end, stride):
        steps = [first + i * rate for i in range(length)]
        if steps[-1] < end:
            found.append((SERIES[steps].tolist(), int(TARGETS[first])))
    return found


@pytest.mark.parametrize("options", OPTIONS)
def test_windows_and_targets_are_those_of_the_definition(options: dict[str, Any]) -> None:
    data = timeseries_dataset_from_array(SERIES, TARGETS, 3, batch_size=4, **options)
    defaults = {"sequence_stride": 1, "sampling_rate": 1, "start_index": 0, "end_index": 20}
    expected = windows(3, *(defaults | options).values())
    batches = list(data)
    assert len(data) == len(batches) == -(-len(expected) // 4)
    assert np.concatenate([x for x, _ in batches]).tolist() == [x for x, _ in expected]
    assert np.concatenate([y for _, y in batches]).tolist() == [y for _, y in expected]
    assert (batches[0][0].dtype, batches[0][1].dtype) == (SERIES.dtype, TARGETS.dtype)


def test_fewer_targets_than_windows() -> None:
    data = timeseries_dataset_from_array(SERIES, TARGETS[:5], 3)
    ((x, y),) = data
    assert (x.shape, y.tolist()) == ((5, 3, 2), [100, 101, 102, 103, 104])


def test_windows_alone_and_one_by_one() -> None:
    data = timeseries_dataset_from_array(SERIES[:, 0], None, 4, batch_size=None)
    assert (len(data), next(iter(data)).tolist()) == (17, [0.0, 2.0, 4.0, 6.0])


def test_shuffled_anew_in_every_epoch() -> None:
    made = [
        timeseries_dataset_from_array(SERIES, TARGETS, 3, shuffle=True, seed=seed)
        for seed in (1, 1, 2)
    ]
    first, again, other = ([y.tolist() for _ in range(2) for _, y in data] for data in made)
    assert first == again != other
    assert sorted(first[0]) == sorted(first[1]) == TARGETS[:18].tolist()
    assert first[0] != first[1] != sorted(first[1])
    ((x, y),) = made[0]
    np.testing.assert_array_equal(x[:, 0, 0], (y - 100) * 2)


WHO = "timeseries_dataset_from_array: "
WRONG: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"sequence_length": 0}, ValueError, "`sequence_length`: expected at least 1, got 0."),
    (
        {"sequence_length": 3.0},
        TypeError,
        "`sequence_length`: expected an integer, got 3.0 (float).",
    ),
    (
        {"sampling_rate": 20},
        ValueError,
        "`sampling_rate`: expected less than the 20 steps of `data`, got 20.",
    ),
    (
        {"start_index": -1},
        ValueError,
        "`start_index`: expected at least 0, got -1.",
    ),
    (
        {"end_index": 20},
        ValueError,
        "`end_index`: expected less than the 20 steps of `data`, got 20. To use all, leave it out.",
    ),
    (
        {"start_index": 9, "end_index": 9},
        ValueError,
        "`end_index`: expected more than `start_index`, 9, got 9.",
    ),
    (
        {"sequence_length": 8, "sampling_rate": 3},
        ValueError,
        "expected room for a window of 8 steps at a rate of 3, got 20 steps and 20 targets.",
    ),
    (
        {"format": "grian"},
        ValueError,
        "`format`: expected 'tf' or 'grain', got 'grian'. Did you mean 'grain'?",
    ),
    (
        {"data": "abc"},
        TypeError,
        "`data`: expected an array of numbers [steps, ...], got 'abc' (str).",
    ),
    ({"batch_size": 0}, ValueError, "`batch_size`: expected at least 1, got 0."),
]


@pytest.mark.parametrize(("changes", "kind", "message"), WRONG)
def test_wrong_uses(changes: dict[str, Any], kind: type[Exception], message: str) -> None:
    arguments = {"data": SERIES, "targets": TARGETS, "sequence_length": 3} | changes
    with pytest.raises(kind) as caught:
        timeseries_dataset_from_array(**arguments)
    assert str(caught.value) == WHO + message
