"""The circle loss: pairs, references, and examples that have nothing to learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses

rng = np.random.default_rng(0)
RAW = jnp.asarray(rng.normal(size=(6, 3)), jnp.float32)
UNIT = RAW / jnp.linalg.norm(RAW, axis=-1, keepdims=True)
LABELS = jnp.array([0, 1, 0, 2, 1, 0])


def test_the_order_of_references_does_not_matter():
    swapped = losses.circle(LABELS, UNIT, LABELS[::-1], UNIT[::-1], remove_diagonal=False)
    plain = losses.circle(LABELS, UNIT, LABELS, UNIT, remove_diagonal=False)
    np.testing.assert_allclose(swapped, plain, rtol=1e-5)


def test_a_label_that_occurs_once_has_nothing_to_learn_and_does_not_count():
    values = losses.circle(LABELS, UNIT)
    loss, slope = jax.value_and_grad(lambda p: losses.Circle()(LABELS, p))(UNIT)
    assert float(values[3]) == 0
    values = np.asarray(values)
    np.testing.assert_allclose(loss, values[values > 0].mean(), rtol=1e-6)
    assert bool(jnp.all(jnp.isfinite(slope)))


def test_a_batch_of_one_label_is_zero_loss_with_zero_gradient():
    loss, slope = jax.value_and_grad(lambda p: losses.Circle()(jnp.zeros(6), p))(UNIT)
    assert float(loss) == 0 and not np.any(slope)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: losses.circle(LABELS, UNIT, ref_labels=LABELS),
            "circle: expected `ref_labels` and `ref_embeddings` together or neither, got one of "
            "them. Pass both, or leave both out to compare the batch with itself.",
        ),
        (
            lambda: losses.Circle()(UNIT, UNIT),
            "circle: expected `y_true` of shape [n] beside `y_pred` of shape [n, d], got (6, 3) "
            "and (6, 3). Pass one label for each embedding.",
        ),
        (
            lambda: losses.Circle(gamma=0),
            "Circle: expected `gamma` > 0, got 0. Keras uses gamma=80.0.",
        ),
        (
            lambda: losses.Circle(margin=1.5),
            "Circle: expected `margin` between 0 and 1, got 1.5. Keras uses margin=0.4.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(ValueError) as raised:
        make()
    assert str(raised.value) == message
