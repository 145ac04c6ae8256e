"""Streams of every kind: once or again and again, whole or short, with and without a length."""

from collections.abc import Iterator

import numpy as np
import pytest

import jkeras
from jkeras.core.batch import Batch
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
