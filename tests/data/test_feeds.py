"""Feeds: the batches of an epoch, whole on the device or in buffers, in the same order."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.core.batch import Batch
from jkeras.data import feeds
from jkeras.data.arrays import Arrays
from jkeras.data.feeds import Feed
from jkeras.data.streams import Stream
from jkeras.training.loops import take

ROWS, SIZE = 22, 5
X = np.arange(ROWS * 2, dtype=np.float32).reshape(ROWS, 2)
Y = np.arange(ROWS)
ORDER = np.append(np.random.default_rng(0).permutation(ROWS), [0, 0, 0]).astype(np.int32)


def rows_of(parts: Iterator[Feed]) -> dict[int, list[int]]:
    """For each batch by its number, the targets of its real rows, as a step would see them."""
    found = {}
    for part in parts:
        for number in range(part.first, part.stop):
            length = None if part.length is None else jnp.int32(part.length)
            batch = take(part.data, part.order, number - part.first, part.size, length)
            real = np.ones(part.size, bool) if batch.rows is None else np.asarray(batch.rows)
            assert number not in found
            found[number] = np.asarray(batch.y)[real].tolist()
            np.testing.assert_array_equal(np.asarray(batch.x)[real], X[found[number]])
    return found


EXPECTED = {n: ORDER[:ROWS][n * SIZE : (n + 1) * SIZE].tolist() for n in range(5)}


def resident(first: int, stop: int, *, pads: bool, most: int | None = None) -> Iterator[Feed]:
    data = Arrays(jax.device_put(Batch(X, Y)), ROWS)
    order = jnp.asarray(ORDER)
    return feeds.of_resident(data, order, SIZE, first, stop, pads=pads, most=most)


def hosted(first: int, stop: int, *, pads: bool, most: int | None = None) -> Iterator[Feed]:
    data = Arrays(Batch(X, Y), ROWS)
    return feeds.of_host(data, ORDER, SIZE, first, stop, pads=pads, most=most or 3)


@pytest.mark.parametrize("make", [resident, hosted])
@pytest.mark.parametrize("most", [None, 1, 2, 8])
@pytest.mark.parametrize("pads", [True, False])
@pytest.mark.parametrize(("first", "stop"), [(0, 5), (2, 5), (1, 4), (0, 1), (4, 5)])
def test_every_feed_holds_the_batches_of_the_order(
    make: Any, most: int | None, pads: bool, first: int, stop: int
) -> None:
    found = rows_of(make(first, stop, pads=pads, most=most))
    wanted = range(0 if make is resident and most is None else first, stop)
    assert {n: rows for n, rows in found.items() if n >= first} == {
        n: EXPECTED[n] for n in wanted if n >= first
    }


def test_buffers_of_arrays_have_one_shape() -> None:
    parts = list(hosted(0, 5, pads=True, most=2))
    assert [part.data.x.shape for part in parts] == [(10, 2)] * 3
    assert [(part.first, part.stop, part.length) for part in parts] == [
        (0, 2, 10),
        (2, 4, 10),
        (4, 5, 2),
    ]


def batches(count: int, size: int = 4) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for i in range(count):
        yield X[i * size : (i + 1) * size], Y[i * size : (i + 1) * size]


def streamed(source: Any, **options: Any) -> list[Feed]:
    given: dict[str, Any] = {"limit": None, "seconds": 100.0, "fixed": None}
    return list(feeds.of_stream(Stream(source), **(given | options)))


def spans(parts: list[Feed]) -> list[tuple[int, int]]:
    return [(part.first, part.stop) for part in parts]


def test_batches_of_a_stream_share_a_buffer() -> None:
    parts = streamed(batches(6))
    assert spans(parts) == [(0, 5), (5, 6)] or spans(parts) == [(0, 6)]
    assert rows_of(iter(parts)) == {n: list(range(n * 4, min(n * 4 + 4, ROWS))) for n in range(6)}


def test_no_batch_is_read_beyond_the_limit() -> None:
    source = batches(5)
    assert spans(streamed(source, limit=3)) == [(0, 3)]
    assert next(source)[1][0] == 12


def test_a_fixed_number_of_steps_fills_whole_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MOST_BATCHES", 3)
    assert spans(streamed(batches(5), fixed=2, seconds=0.0)) == [(0, 2), (2, 4), (4, 5)]


def test_a_slow_source_is_not_waited_for() -> None:
    assert spans(streamed(batches(3), seconds=0.0)) == [(0, 1), (1, 2), (2, 3)]


def test_somebody_who_watches_gets_every_batch_at_once() -> None:
    assert spans(streamed(batches(3), most=1)) == [(0, 1), (1, 2), (2, 3)]


def test_a_batch_of_another_shape_goes_alone() -> None:
    wide = [(np.ones((4, 3), np.float32), np.ones(4))]
    same = list(batches(2))
    parts = streamed(iter([*same, *wide, *wide, *same]))
    assert spans(parts) == [(0, 2), (2, 3), (3, 4), (4, 6)]
    assert parts[1].data.x.shape == (4, 3)


def test_what_came_before_an_exception_is_passed_on() -> None:
    def broken() -> Iterator[Any]:
        yield from batches(2)
        raise OSError("gone")

    parts = feeds.of_stream(Stream(broken()), limit=None, seconds=100.0, fixed=None)
    part = next(parts)
    assert (part.first, part.stop) == (0, 2)
    with pytest.raises(OSError, match=r"^gone\n"):
        next(parts)


@pytest.mark.parametrize("shape", [(1,), (3, 5), (1000, 7), (0, 4)])
def test_empty_arrays_are_aligned(shape: tuple[int, ...]) -> None:
    made = feeds.empty(shape, np.float32)
    assert made.shape == shape and made.dtype == np.float32 and made.flags.c_contiguous
    assert made.size == 0 or made.ctypes.data % feeds.ALIGNMENT == 0
