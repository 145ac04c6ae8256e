"""The beam search of `ops.ctc_decode` against the sum over all paths, and its arguments."""

import itertools

import numpy as np
import pytest

from jkeras import Input, Model, ops


def sequences(log_p, blank):
    """The probability of every label sequence: the sum over its paths, one by one."""
    found = {}
    for path in itertools.product(range(log_p.shape[1]), repeat=len(log_p)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label != blank)
        score = sum(row[symbol] for row, symbol in zip(log_p, path, strict=True))
        found[labels] = np.logaddexp(found.get(labels, -np.inf), score)
    return sorted(found.items(), key=lambda item: -item[1])


@pytest.mark.parametrize(("seed", "blank"), [(0, 0), (1, 2), (2, None)])
def test_a_wide_beam_finds_the_most_probable_sequences(seed, blank):
    x = 2 * np.random.default_rng(seed).normal(size=(2, 5, 3)).astype("float32")
    steps, top = [5, 3], 5
    labels, scores = ops.ctc_decode(
        x, steps, "beam_search", beam_width=400, top_paths=top, mask_index=blank
    )
    assert labels.shape == (top, 2, 5) and labels.dtype == "int32" and scores.shape == (2, top)
    for row, count in enumerate(steps):
        log_p = np.asarray(ops.log_softmax(x[row, :count]))
        expected = sequences(log_p, 2 if blank is None else blank)[:top]
        found = [tuple(n for n in path.tolist() if n >= 0) for path in labels[:, row]]
        assert found == [path for path, _ in expected]
        np.testing.assert_allclose(scores[row], [score for _, score in expected], rtol=1e-5)


def test_a_narrow_beam_gives_the_numbers_of_keras():
    x = np.sin(np.arange(24, dtype="float32")).reshape(1, 6, 4) * 2
    labels, scores = ops.ctc_decode(x, [6], "beam_search", beam_width=3, top_paths=2)
    assert labels[:, 0].tolist() == [[2, 3, 2, 3, -1, -1], [1, 3, 2, 3, -1, -1]]
    np.testing.assert_allclose(scores, [[-3.1792042, -3.3148570]], rtol=1e-5)  # Keras 3.15.1


def test_places_without_a_sequence_are_impossible():
    labels, scores = ops.ctc_decode(np.zeros((1, 1, 2)), [1], "beam_search", top_paths=3)
    assert labels[:, 0, 0].tolist() == [1, -1, -1]
    np.testing.assert_allclose(scores, [[-np.log(2), -np.log(2), -np.inf]], rtol=1e-6)


def test_symbols():
    inputs = Input((6, 4)), Input((), dtype="int32")
    outputs = ops.ctc_decode(*inputs, strategy="beam_search", top_paths=2)
    assert [output.shape for output in outputs] == [(2, None, 6), (None, 2)]
    model = Model(inputs, outputs)
    x = np.zeros((3, 6, 4), "float32"), np.full(3, 6)
    assert [output.shape for output in model(list(x))] == [(2, 3, 6), (3, 2)]


def test_bad_arguments():
    x = np.zeros((1, 2, 3))
    with pytest.raises(ValueError) as error:
        ops.ctc_decode(x, [2], strategy="beam")
    assert str(error.value) == (
        "ops.ctc_decode: expected `strategy` 'greedy', 'beam_search', got 'beam'."
    )
    with pytest.raises(ValueError) as error:
        ops.ctc_decode(x, [2], "beam_search", beam_width=2, top_paths=3)
    assert str(error.value) == (
        "ops.ctc_decode: expected `top_paths` from 1 to `beam_width` 2, got 3."
    )
