"""Counting: two ways to the same counts, and what does not count."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.metrics import counts

rng = np.random.default_rng(0)
SCORE = jnp.asarray(np.round(rng.normal(0.5, 0.6, (40, 3)), 1), jnp.float32)
PREDICTIONS = counts.BinaryPredictions(
    jnp.asarray(rng.integers(0, 2, (40, 3)), bool),
    SCORE.at[0, 0].set(jnp.nan),
    jnp.asarray(rng.integers(0, 4, (40, 3)), jnp.float32),
)
LEVELS = counts.even_levels(11)


@pytest.mark.parametrize("clip", [False, True])
def test_buckets_give_what_comparing_gives(clip, monkeypatch):
    by_bucket = counts.counts_above(LEVELS, PREDICTIONS, clip)
    monkeypatch.setattr(counts, "FEW", len(LEVELS))
    compared = counts.counts_above(LEVELS, PREDICTIONS, clip)
    assert sorted(by_bucket) == sorted(counts.COUNTS) == sorted(compared)
    for name in counts.COUNTS:
        assert by_bucket[name].shape == (11, 3)
        np.testing.assert_array_equal(by_bucket[name], compared[name])


def test_the_four_counts_add_up_to_all_weights():
    found = counts.counts_above(LEVELS, PREDICTIONS, False)
    total = sum(found.values())
    np.testing.assert_array_equal(total, np.broadcast_to(PREDICTIONS.weight.sum(0), (11, 3)))


def test_clipping_moves_scores_to_the_ends():
    predictions = counts.BinaryPredictions(*(jnp.array([[x]]) for x in (True, 7.0, 1.0)))
    found = [counts.counts_above((0.0, 0.5, 1.0), predictions, clip) for clip in (False, True)]
    assert [f["true_positives"][:, 0].tolist() for f in found] == [[1, 1, 1], [1, 1, 0]]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [((0.0, 0.5, 1.0), True), ((0.5,), False), ((0.0, 0.4, 1.0), False), ((0.0, 1.0), False)],
)
def test_which_thresholds_are_even(levels, expected):
    assert counts.are_even(levels) is expected


def test_unsorted_thresholds_keep_their_order():
    levels = tuple(reversed(LEVELS))
    up, down = (counts.counts_above(order, PREDICTIONS, False) for order in (LEVELS, levels))
    for name in counts.COUNTS:
        np.testing.assert_array_equal(up[name][::-1], down[name])
