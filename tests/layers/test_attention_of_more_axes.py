"""Attention over inputs with axes between batch and steps."""

import numpy as np
import pytest

from jkeras import layers as L


@pytest.mark.parametrize("kind", [L.Attention, L.AdditiveAttention])
def test_axes_behind_the_batch_hold_independent_steps(kind):
    rng = np.random.default_rng(0)
    query, value = (rng.normal(size=(2, 5, n, 4)).astype("float32") for n in (6, 3))
    masks = [rng.random((2, 5, n)) > 0.4 for n in (6, 3)]
    layer = kind(use_scale=True)
    options = {"use_causal_mask": True, "return_attention_scores": True}
    outputs, scores = layer([query, value], mask=masks, **options)
    assert (outputs.shape, scores.shape) == ((2, 5, 6, 4), (2, 5, 6, 3))
    flat = [x.reshape(10, *x.shape[2:]) for x in (query, value, *masks)]
    expected, weights = layer(flat[:2], mask=flat[2:], **options)
    np.testing.assert_allclose(outputs.reshape(10, 6, 4), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(scores.reshape(10, 6, 3), weights, rtol=1e-5, atol=1e-6)


def test_ranks_and_leading_axes_are_the_same():
    with pytest.raises(ValueError, match=r"expected `inputs` \[batch, \.\.\., steps, features\]"):
        L.Attention()([np.ones((2, 5, 6, 4)), np.ones((2, 6, 4))])
    with pytest.raises(ValueError, match=r"got shapes \(2, 5, 6, 4\), \(2, 4, 6, 4\) and"):
        L.Attention()([np.ones((2, 5, 6, 4)), np.ones((2, 4, 6, 4))])
