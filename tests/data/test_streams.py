"""Streams of every kind: once or again and again, whole or short, with and without a length."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import jkeras
from jkeras.core.batch import Batch
from jkeras.data.mapped_files import ShrunkenFile
from jkeras.data.streams import Stream, padded

X = np.arange(24, dtype=np.float32).reshape(12, 2) / 24
Y = X.sum(axis=1, keepdims=True)


def batches(*sizes: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Batches of these sizes from the front of the data."""
    start = 0
    for size in sizes:
        yield X[start : start + size], Y[start : start + size]
        start += size


class Again:
    """An iterable that counts how often it is started."""

    def __init__(self, *sizes: int) -> None:
        self.sizes, self.starts = sizes, 0

    def __iter__(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        self.starts += 1
        return batches(*self.sizes)


class Indexed:
    """Batches by number, with a length, like a data set of torch or a PyDataset."""

    def __init__(self, *sizes: int) -> None:
        self.found = list(batches(*sizes))

    def __len__(self) -> int:
        return len(self.found)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        return self.found[index % len(self.found)]  # never an IndexError: the length ends it


class Endless(Again):
    """Says by an error that it has no length, as loaders of other libraries do."""

    def __len__(self) -> int:
        raise TypeError("no length")


def sizes(stream: Stream) -> list[int]:
    """The real rows of each batch in one epoch."""
    return [int(batch.rows.sum()) for batch in stream.epoch()]


def model() -> jkeras.Sequential:
    made = jkeras.Sequential([jkeras.layers.Dense(1)], seed=0)
    made.compile(jkeras.optimizers.SGD(0.1), "mse")
    return made


def losses(x: object, **options: object) -> list[float]:
    """The losses of a fresh model fitted to `x`."""
    return model().fit(x, verbose=0, **options).history["loss"]


def test_an_iterable_starts_again_at_every_epoch_and_once() -> None:
    source = Again(4, 4)
    stream = Stream(source)
    assert stream.first() is stream.first()
    assert (sizes(stream), sizes(stream), source.starts) == ([4, 4], [4, 4], 2)


def test_a_generator_goes_on_where_it_stopped() -> None:
    stream = Stream(batches(4, 4, 2, 2))
    assert len(stream.first().x) == 4
    epoch = stream.epoch()
    assert [next(epoch).rows.sum(), next(epoch).rows.sum()] == [4, 4]
    assert int(stream.first().x[0, 0] * 24) == 16
    assert sizes(stream) == [2, 2]
    assert (sizes(stream), stream.first()) == ([], None)


def test_batches_by_number_end_with_their_length_or_an_index_error() -> None:
    assert sizes(Stream(Indexed(4, 3))) == [4, 3]

    class Unmeasured:
        def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
            return list(batches(4, 4))[index]

    assert sizes(Stream(Unmeasured())) == [4, 4]


@pytest.mark.parametrize(
    ("source", "steps"),
    [(Indexed(4, 3), 2), (batches(4), None), (Again(4), None), (Endless(4), None)],
    ids=["indexed", "generator", "iterable", "endless"],
)
def test_steps_are_known_where_the_source_has_a_length(source: object, steps: int | None) -> None:
    assert Stream(source).steps == steps


def test_smaller_batches_are_padded_to_the_first() -> None:
    first, last = Stream(Again(4, 3)).epoch()
    assert first.rows.all() and last.rows.tolist() == [True, True, True, False]
    assert last.x.shape == (4, 2) and (last.x[3] == 0).all() and last.y.shape == (4, 1)
    np.testing.assert_array_equal(last.x[:3], X[4:7])
    stream = Stream(Again(4, 3))
    stream.pads = False
    assert [len(batch.x) for batch in stream.epoch()] == [4, 3]


def test_padding_reaches_every_array() -> None:
    batch = padded(Batch({"a": X[:2], "b": (Y[:2],)}, None, np.ones(2, np.float32)), 3)
    assert batch.x["a"].shape == (3, 2) and batch.x["b"][0].shape == (3, 1)
    assert batch.weight.tolist() == [1, 1, 0] and batch.y is None


def test_a_batch_may_be_a_list_and_hold_weights_and_plain_numbers() -> None:
    (batch,) = Stream(iter([[X[:2], [0, 1], [1, 0.5]]])).epoch()
    assert batch.y.tolist() == [0, 1] and batch.weight.tolist() == [1, 0.5]
    (alone,) = Stream(iter([X[:2]])).epoch()
    assert alone.y is None and alone.weight is None


def test_a_wrong_batch_is_numbered() -> None:
    stream = Stream(iter([(X[:2], Y[:2]), (X[:2], Y[:3])]), "fit")
    epoch = stream.epoch()
    next(epoch)
    with pytest.raises(ValueError) as caught:
        next(epoch)
    assert str(caught.value) == (
        "fit: batch 1 of the data: expected the same number of examples everywhere, "
        "got: `x` has 2, `y` has 3."
    )


def test_every_kind_of_stream_trains_like_the_arrays() -> None:
    expected = losses(X, y=Y, batch_size=5, shuffle=False, epochs=2)
    for source in (Again(5, 5, 2), Indexed(5, 5, 2), Endless(5, 5, 2)):
        np.testing.assert_allclose(losses(source, epochs=2), expected, rtol=1e-5)
    twice = (batch for _ in range(2) for batch in batches(5, 5, 2))
    np.testing.assert_allclose(losses(twice, epochs=2, steps_per_epoch=3), expected, rtol=1e-5)


def test_fit_starts_an_iterable_once_an_epoch() -> None:
    source, held_out = Again(4, 4), Again(4)
    model().fit(source, epochs=3, validation_data=held_out, verbose=0)
    assert (source.starts, held_out.starts) == (3, 3)


@pytest.mark.parametrize("steps", [None, 2])
def test_a_dry_generator_warns_and_ends_the_training(steps: int | None) -> None:
    with pytest.warns(UserWarning) as caught:
        history = losses(batches(4, 4), epochs=3, steps_per_epoch=steps)
    assert len(history) == 1
    assert [str(warning.message) for warning in caught] == [
        "fit: the data ended before epoch 2: a generator is read once. Pass an iterable that "
        "starts again, or one that yields steps_per_epoch * epochs batches."
    ]


def test_an_error_in_the_middle_comes_through_and_the_model_keeps_its_steps() -> None:
    def broken() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        yield from batches(4, 4)
        raise OSError("the disk is gone")

    made, reference = model(), model()
    with pytest.raises(OSError, match=r"^the disk is gone\n"):
        made.fit(broken(), verbose=0)
    reference.fit(batches(4, 4), verbose=0)
    np.testing.assert_allclose(made.get_weights()[0], reference.get_weights()[0], rtol=1e-6)
    made.fit(X, Y, verbose=0)


def test_evaluate_and_predict_take_streams() -> None:
    made = model()
    made.fit(X, Y, batch_size=4, verbose=0)
    expected = made.evaluate(X, Y, verbose=0)
    assert made.evaluate(Again(5, 5, 2), verbose=0) == pytest.approx(expected, rel=1e-5)
    whole = made.predict(X, verbose=0)
    got = made.predict((x for x, _ in batches(5, 5, 2)), verbose=0)
    np.testing.assert_allclose(got, whole, rtol=1e-5)


def test_classes_have_weights_in_a_stream_too() -> None:
    source = [(X[:3], np.array([0, 2, 1])), (X[3:5], np.array([[0], [2]]))]
    stream = Stream(source, class_weight={0: 5.0, 2: 0.5})
    found = [batch.weight.tolist() for batch in stream.epoch()]
    assert found == [[5.0, 0.5, 1.0], [5.0, 0.5, 0.0]]
    with pytest.raises(ValueError, match="exclude each other"):
        Stream([(X[:1], np.array([0]), np.ones(1))], class_weight={0: 2.0}).first()


# -- epochs that are a part of a pass


class Noted(jkeras.utils.PyDataset):
    """Batches of one number each, 0 to 5, and a note of every call."""

    def __init__(self, count: int = 6, **options: Any) -> None:
        super().__init__(**options)
        self.notes: list[Any] = []
        self.order = list(range(count))

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        number = self.order[index]
        self.notes.append(number)
        return np.full((1, 1), number, np.float32), np.zeros((1, 1), np.float32)

    def on_epoch_begin(self) -> None:
        self.notes.append("begin")

    def on_epoch_end(self) -> None:
        self.notes.append("end")


class Turned(Noted):
    """In an order that is turned round where a pass ends."""

    def on_epoch_end(self) -> None:
        self.order.reverse()


class Restarted:
    """Six batches, without a length."""

    def __iter__(self) -> Iterator[Any]:
        return iter(Noted())


class Loader(Restarted):
    """The same, with a length."""

    def __len__(self) -> int:
        return 6


class ByNumber:
    """The same by number, as the data sets of torch are."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> Any:
        return Noted()[index]


SOURCES: dict[str, Callable[[], Any]] = {
    "PyDataset": Noted,
    "workers": lambda: Noted(workers=2, max_queue_size=3),
    "list": lambda: list(Noted()),
    "iterable": Restarted,
    "loader": Loader,
    "numbers": ByNumber,
    "dataset": lambda: jkeras.utils.datasets.from_arrays(
        (np.arange(6, dtype=np.float32)[:, None], np.zeros((6, 1), np.float32))
    ).batch(1),
}
# Keras 3.15.1's history["loss"] for arrays and for a PyDataset (workers=1) of the batches 0 to 5,
# one example each, shuffle=False, with steps_per_epoch: a mean of squares, as nothing is learned.
OF_KERAS = {
    None: [55 / 6, 55 / 6, 55 / 6, 55 / 6, 55 / 6],
    1: [0.0, 1.0, 4.0, 9.0, 16.0],
    2: [0.5, 6.5, 20.5, 0.5, 6.5],
    4: [3.5, 20.5, 3.5, 20.5, 3.5],
    6: [55 / 6, 55 / 6, 55 / 6, 55 / 6, 55 / 6],
    8: [55 / 6, 55 / 6, 55 / 6, 55 / 6, 55 / 6],
}
# The same of history["val_loss"] with validation_steps, for arrays and a PyDataset.
OF_VALIDATION = {None: 55 / 6, 2: 0.5, 4: 3.5, 6: 55 / 6}


def fixed() -> jkeras.Sequential:
    """A model whose loss of a batch of one number is its square."""
    dense = jkeras.layers.Dense(1, kernel_initializer="ones")
    made = jkeras.Sequential([jkeras.Input((1,)), dense])
    made.compile(jkeras.optimizers.SGD(0.0), "mse")
    return made


@pytest.mark.filterwarnings("ignore:fit. the data ended after:UserWarning")
@pytest.mark.parametrize("source", SOURCES)
def test_the_next_epoch_goes_on_where_one_ended_as_in_keras(source: str) -> None:
    made = fixed()
    for steps, expected in OF_KERAS.items():
        data = SOURCES[source]()
        history = made.fit(data, steps_per_epoch=steps, epochs=5, shuffle=False, verbose=0)
        np.testing.assert_allclose(history.history["loss"], expected, rtol=1e-6, err_msg=str(steps))


@pytest.mark.parametrize("source", [name for name in SOURCES if name != "list"])
def test_every_validation_begins_at_the_start_as_in_keras(source: str) -> None:
    made, (x, y) = fixed(), next(iter(Noted(1)))
    for steps, expected in OF_VALIDATION.items():
        held_out = {"validation_data": SOURCES[source](), "validation_steps": steps}
        history = made.fit(x, y, epochs=3, verbose=0, **held_out).history["val_loss"]
        np.testing.assert_allclose(history, [expected] * 3, rtol=1e-6)


def test_a_generator_goes_on_beyond_any_number_as_in_keras() -> None:
    data = (batch for _ in range(4) for batch in Noted())
    history = fixed().fit(data, steps_per_epoch=4, epochs=5, verbose=0).history
    np.testing.assert_allclose(history["loss"], [3.5, 10.5, 13.5, 3.5, 10.5], rtol=1e-6)


def test_a_pass_is_begun_and_ended_once() -> None:
    data, made = Noted(), fixed()
    made.fit(data, steps_per_epoch=3, epochs=4, shuffle=False, verbose=0)
    assert data.notes == ["begin", 0, 1, 2, 3, 4, 5, "end"] * 2
    data.notes.clear()
    made.fit(data, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    assert data.notes == ["begin", 0, 1, 2, 3, "end"]  # `fit` ends in the middle of a pass


def test_a_pass_that_an_error_ends_is_ended_too() -> None:
    def fail(epoch: int, logs: Any) -> None:
        raise OSError("the disk is full")

    data = Noted()
    failing = jkeras.callbacks.LambdaCallback(on_epoch_end=fail)
    with pytest.raises(OSError, match=r"^the disk is full"):
        fixed().fit(
            data, steps_per_epoch=2, epochs=2, callbacks=[failing], shuffle=False, verbose=0
        )
    assert data.notes == ["begin", 0, 1, "end"]


def test_what_is_shuffled_where_a_pass_ends_comes_once_in_each() -> None:
    data = Turned()
    fixed().fit(data, steps_per_epoch=2, epochs=6, shuffle=False, verbose=0)
    assert data.notes == ["begin", 0, 1, 2, 3, 4, 5, "begin", 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("source", SOURCES)
def test_a_shorter_last_epoch_of_a_pass_is_told_of(source: str) -> None:
    with pytest.warns(UserWarning) as caught:
        fixed().fit(SOURCES[source](), steps_per_epoch=4, epochs=4, verbose=0)
    assert [str(warning.message) for warning in caught] == [
        "fit: the data ended after 2 of 4 batches. The next epoch begins at the start of the data "
        "again. Choose `steps_per_epoch` so that it divides the 6 batches."
    ]


def test_no_batch_is_read_that_no_epoch_wants() -> None:
    data = Noted()
    stream = Stream(data)
    stream.continues_pass = True
    for expected in ([0, 1, 2, 3], [4, 5], [0, 1, 2, 3]):
        first = stream.begin_epoch()
        epoch = stream.epoch()
        found = [batch.x.item() for _, batch in zip(expected, epoch, strict=False)]
        assert (first.x.item(), found) == (expected[0], expected)
        stream.end_epoch()
    assert data.notes == ["begin", 0, 1, 2, 3, 4, 5, "end", "begin", 0, 1, 2, 3]
    stream.close()
    assert data.notes[-1] == "end"


def test_an_iterable_that_is_empty_when_it_starts_again_ends_the_training() -> None:
    left = list(Noted(2))

    class Once:
        def __iter__(self) -> Iterator[Any]:
            while left:
                yield left.pop()

    with pytest.warns(UserWarning, match=r"^fit: the data ended before epoch 2: "):
        history = fixed().fit(Once(), steps_per_epoch=2, epochs=4, verbose=0)
    assert history.history["loss"] == [0.5]


def _batches_with(last: tuple) -> list[tuple]:
    good = (np.ones((4, 3), np.float32), np.zeros(4, np.int64))
    return [
        good,
        tuple(array.copy() for array in good),
        tuple(array.copy() for array in good),
        last,
    ]


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (
            (np.full((4, 3), np.nan, np.float32), np.zeros(4, np.int64)),
            "stream: batch 3 of the data: `x`: expected finite numbers, got NaN in 4 of 4",
        ),
        (
            (np.ones((4, 3), np.float32), np.full(4, 2**40)),
            "stream: batch 3 of the data: `y`: expected integers that fit in 32 bits",
        ),
        (
            (np.ones((4, 3), np.float32), np.zeros(3, np.int64)),
            "stream: batch 3 of the data: expected",
        ),
    ],
    ids=["nan", "too large", "another length"],
)
def test_batches_like_those_before_are_checked_for_their_values(last, message):
    stream = Stream(_batches_with(last))
    with pytest.raises(ValueError) as caught:
        list(stream.epoch())
    assert str(caught.value).startswith(message)


def test_a_new_adjustment_applies_to_batches_like_those_before():
    stream = Stream(itertools.repeat((np.ones((4, 3), np.float32),)))
    before = list(itertools.islice(stream.epoch(), 2))
    stream.adjust_fn = lambda batch: batch._replace(x=batch.x * 2)
    after = list(itertools.islice(stream.epoch(), 2))
    assert [float(batch.x[0, 0]) for batch in (*before, *after)] == [1, 1, 2, 2]


def test_arrays_of_a_file_are_checked_in_every_batch(tmp_path):
    path = tmp_path / "x.npy"
    np.save(path, np.ones((16, 3), np.float32))
    x = np.asarray(np.load(path, mmap_mode="r"))
    stream = Stream([(x[i : i + 4],) for i in range(0, 16, 4)])
    batches = stream.epoch()
    next(batches)
    path.write_bytes(path.read_bytes()[:140])
    with pytest.raises(ShrunkenFile, match=r"x\.npy"):
        list(batches)


def test_smaller_batches_between_equal_ones_are_padded():
    sizes = (4, 4, 2, 4, 5, 4)
    batches = list(Stream([(np.full((n, 1), n, np.float32),) for n in sizes]).epoch())
    assert [len(batch.x) for batch in batches] == [4, 4, 4, 4, 5, 5]
    assert [int(batch.rows.sum()) for batch in batches] == list(sizes)
