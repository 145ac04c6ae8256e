"""Folding axes: what goes in comes out, and the axes that attend end up together."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras.ops.attention_axes import Fold

FOLDS = [
    Fold((2, 3), (2, 5), (1,)),
    Fold((2, 3, 4), (2, 3, 5), (2,)),
    Fold((2, 3, 4), (2, 5, 4), (1,)),
    Fold((2, 3, 4), (2, 6, 5), (1, 2)),
    Fold((2, 3, 4), (2, 6, 5), (2, 1)),
]
every_fold = pytest.mark.parametrize("fold", FOLDS)


def counted(shape: tuple[int, ...]) -> np.ndarray:
    """An array with a different number in every place."""
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


@every_fold
def test_unfolding_takes_folding_back(fold: Fold) -> None:
    x = counted((*fold.queries, 2, 7))
    folded = fold.folded(jnp.asarray(x))
    assert folded.shape[1:] == (fold.steps[0], 2, 7)
    np.testing.assert_array_equal(fold.unfolded(folded), x)


@every_fold
def test_folded_scores_are_products_of_folded_steps(fold: Fold) -> None:
    queries, keys = counted((*fold.queries, 1)), counted((*fold.keys, 1)) + 0.5
    folded = np.einsum("btf,bsf->bts", fold.folded(queries), fold.folded(keys))
    scores = np.asarray(fold.unfolded_scores(jnp.asarray(folded[:, None])))
    batch, count = [0] * len(fold.batch), len(fold.axes)
    query, key = [0] * len(fold.queries), [0] * len(fold.queries)
    last = [fold.queries[axis] - 1 for axis in fold.axes]
    for axis, at in zip(fold.axes, last, strict=True):
        query[axis] = at
    assert scores.shape == fold.scores_shape
    assert scores[(*batch, 0, *last, *[0] * count)] == queries[(*query, 0)] * keys[(*key, 0)]


def test_a_mask_gets_its_new_axes_before_the_queries() -> None:
    fold = Fold((2, 3, 4), (2, 3, 5), (2,))
    assert fold.mask_shape((2, 4, 5)) == (2, 1, 1, 4, 5)
    assert fold.mask_shape((4, 5)) == (1, 1, 1, 4, 5)
    assert fold.mask_shape((2, 3, 4, 5)) == (2, 3, 1, 4, 5)


def test_a_folded_mask_hides_what_the_mask_hides() -> None:
    fold = Fold((2, 3, 4), (2, 3, 5), (2,))
    mask = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 3, 4, 5)) < 0.5)
    folded = fold.folded_mask(mask)
    assert folded.shape == (6, 1, 4, 5)
    np.testing.assert_array_equal(folded[:, 0], mask.reshape(6, 4, 5))
