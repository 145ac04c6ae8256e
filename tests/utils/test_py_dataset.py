"""`PyDataset`: batches by number, hooks around an epoch, threads; in fit as in Keras."""

import threading
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.utils import PyDataset

X, Y = np.arange(12.0).reshape(6, 2).astype("float32") / 10, np.zeros((6, 1), "float32")


class Noted(PyDataset):
    """Three batches of two, and a note of every call."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.notes: list[Any] = []

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Any:
        self.notes.append(index)
        return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    def on_epoch_begin(self) -> None:
        self.notes.append("begin")

    def on_epoch_end(self) -> None:
        self.notes.append("end")


def model() -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    made.compile("sgd", "mse")
    return made


def test_fit_sees_its_batches_and_calls_its_hooks() -> None:
    data, net = Noted(), model()
    history = net.fit(data, epochs=2, verbose=0, shuffle=False).history
    assert data.notes == ["begin", 0, 1, 2, "end"] * 2
    plain = model().fit(X, Y, batch_size=2, shuffle=False, epochs=2, verbose=0).history
    np.testing.assert_allclose(history["loss"], plain["loss"], rtol=1e-6)
    assert net.predict(data, verbose=0).shape == (6, 1)


def test_fit_reads_the_batches_in_a_new_order_in_each_pass() -> None:
    class Long(Noted):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> Any:
            self.notes.append(index)
            return X[:2] * index, Y[:2]

    data, net = Long(), model()
    net.fit(data, epochs=3, verbose=0)
    assert data.notes.pop(0) == 0  # to see what its batches are like
    passes = [data.notes[10 * n + 1 : 10 * n + 9] for n in range(3)]
    assert all(sorted(order) == list(range(8)) for order in passes)
    assert len({*map(tuple, passes), tuple(range(8))}) == 4  # neither of them is in order
    halves, again = Long(workers=2), model()
    for _ in range(3):  # as three epochs in one run
        again.fit(halves, steps_per_epoch=8, verbose=0)
    np.testing.assert_array_equal(net.get_weights()[0], again.get_weights()[0])
    data.notes.clear()
    net.evaluate(data, verbose=0)
    net.predict(data, verbose=0)
    assert data.notes == ["begin", *range(8), "end"] * 2


def test_an_epoch_that_is_left_early_ends_too() -> None:
    data = Noted()
    batches = iter(data)
    next(batches)
    batches.close()
    assert data.notes == ["begin", 0, "end"]


def test_without_a_length_it_has_no_end() -> None:
    class Endless(PyDataset):
        def __getitem__(self, index: int) -> int:
            return index

    data = Endless()
    batches = iter(data)
    assert (data.num_batches, [next(batches) for _ in range(3)]) == (None, [0, 1, 2])


def test_the_number_of_batches_may_be_a_property() -> None:
    class Counted(PyDataset):
        num_batches = 3

        def __getitem__(self, index: int) -> Any:
            return X[2 * index : 2 * index + 2], Y[2 * index : 2 * index + 2]

    net, other = model(), model()
    assert net.fit(Counted(), verbose=0).params["steps"] == 3
    other.fit(Noted(), verbose=0)
    np.testing.assert_array_equal(net.get_weights()[0], other.get_weights()[0])
    assert net.evaluate(Counted(), verbose=0) == other.evaluate(Noted(), verbose=0)
    assert net.predict(Counted(), verbose=0).shape == (6, 1)


def test_a_queue_of_no_size_holds_a_batch_for_each_worker() -> None:
    assert [x.tolist() for x, _ in Noted(workers=2, max_queue_size=0)] == [
        x.tolist() for x, _ in Noted()
    ]


def test_without_calling_the_base() -> None:
    class Careless(PyDataset):
        def __init__(self) -> None:
            self.size = 2

        def __len__(self) -> int:
            return self.size

        def __getitem__(self, index: int) -> int:
            return index

    assert list(Careless()) == [0, 1]


def test_workers_keep_the_order_and_make_no_more_than_the_queue_holds() -> None:
    meeting = threading.Barrier(2, timeout=30)
    made: list[int] = []

    class Slow(PyDataset):
        def __len__(self) -> int:
            return 8

        def __getitem__(self, index: int) -> int:
            meeting.wait()  # passes only when two are made at the same time
            made.append(index)
            return index

    batches = iter(Slow(workers=2, max_queue_size=2))
    assert next(batches) == 0
    assert len(made) <= 4
    assert list(batches) == [1, 2, 3, 4, 5, 6, 7]


def test_processes_are_not_started() -> None:
    with pytest.warns(UserWarning) as caught:
        Noted(use_multiprocessing=True)
    assert [str(warning.message) for warning in caught] == [
        "Noted: `use_multiprocessing`: no processes are started here, `workers` are threads. Leave "
        "it out."
    ]


def test_what_is_missing_or_wrong_is_said() -> None:
    with pytest.raises(NotImplementedError) as caught:
        next(iter(PyDataset()))
    assert str(caught.value) == (
        "PyDataset: expected a method `__getitem__(self, index)` that returns a batch, and the "
        "class defines none."
    )
    with pytest.raises(ValueError) as caught_size:
        Noted(max_queue_size=-1)
    assert str(caught_size.value) == "Noted: `max_queue_size`: expected at least 0, got -1."
