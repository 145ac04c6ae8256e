"""Focal and generalized cross-entropies: where they are the plain ones, and at their ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses

P = jax.nn.softmax(jnp.asarray(np.random.default_rng(0).normal(size=(5, 3)), jnp.float32))
BITS = jnp.asarray([[0, 1, 1], [1, 0, 0], [0, 0, 1], [1, 1, 1], [0, 0, 0]])
ONE_HOT = jnp.asarray(np.eye(3, dtype=np.int32)[[0, 2, 1, 1, 0]])


def test_without_gamma_the_focal_losses_are_the_plain_ones():
    binary = losses.binary_focal_crossentropy(BITS, P, gamma=0.0)
    np.testing.assert_allclose(binary, losses.binary_crossentropy(BITS, P), rtol=1e-6)
    several = losses.categorical_focal_crossentropy(ONE_HOT, P, alpha=1.0, gamma=0.0)
    np.testing.assert_allclose(several, losses.categorical_crossentropy(ONE_HOT, P), rtol=1e-6)


def test_logits_far_out_keep_their_gradients():
    # Keras clips the sigmoid: its loss stops at 16.1, and its gradient is zero from there.
    def loss(logit):
        return losses.binary_focal_crossentropy(jnp.ones((1, 1)), logit, from_logits=True)[0]

    value, slope = jax.value_and_grad(loss)(jnp.full((1, 1), -40.0))
    np.testing.assert_allclose([value, slope[0, 0]], [40.0, -1.0], rtol=1e-5)


def test_the_generalized_loss_lies_between_cross_entropy_and_absolute_error():
    labels, p = jnp.array([1]), jnp.array([[0.75, 0.25]])
    near_zero, near_one = (
        float(losses.categorical_generalized_cross_entropy(labels, p, q)[0]) for q in (1e-3, 0.999)
    )
    assert near_zero == pytest.approx(-np.log(0.25), rel=1e-2)
    assert near_one == pytest.approx(0.75, rel=1e-2)


def test_a_probability_of_zero_has_a_loss_and_a_finite_gradient():
    loss = losses.CategoricalGeneralizedCrossEntropy()
    value, slope = jax.value_and_grad(lambda p: loss(jnp.array([[0]]), p))(jnp.array([[0.0, 1.0]]))
    assert float(value) == 2.0 and slope.tolist() == [[0.0, 0.0]]


def test_one_alpha_a_class_goes_with_the_axis_of_the_classes():
    alpha = np.array([0.1, 0.2, 0.3])
    last = losses.CategoricalFocalCrossentropy(alpha)
    first = losses.CategoricalFocalCrossentropy(alpha, axis=1)
    wide = jnp.stack([P, P[::-1]], axis=-1)
    values = first.values(jnp.stack([ONE_HOT, ONE_HOT], axis=-1), wide)
    np.testing.assert_allclose(values[:, 0], last.values(ONE_HOT, P), rtol=1e-6)
    assert last == losses.CategoricalFocalCrossentropy([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: losses.BinaryFocalCrossentropy(alpha=2.0),
            "BinaryFocalCrossentropy: expected `alpha` between 0 and 1, got 2.0. Keras uses "
            "alpha=0.25.",
        ),
        (
            lambda: losses.CategoricalFocalCrossentropy(gamma=-1.0),
            "CategoricalFocalCrossentropy: expected `gamma` >= 0, got -1.0. Keras uses gamma=2.0.",
        ),
        (
            lambda: losses.CategoricalGeneralizedCrossEntropy(1.0),
            "CategoricalGeneralizedCrossEntropy: expected `q` between 0 and 1, exclusive, got 1.0. "
            "Keras uses q=0.5.",
        ),
        (
            lambda: losses.categorical_focal_crossentropy(ONE_HOT, P, alpha=[0.1, 0.2]),
            "categorical_focal_crossentropy: expected `alpha` to be a number or one number for "
            "each of the 3 classes, got shape (2,). Use alpha=0.25.",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
