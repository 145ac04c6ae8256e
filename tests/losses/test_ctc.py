"""CTC against a count of all paths, and at its ends."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses

rng = np.random.default_rng(0)


def read(path):
    return [symbol for symbol, _ in itertools.groupby(path) if symbol]


@pytest.mark.parametrize("label", [[], [1], [2, 2], [1, 2, 1], [2, 1]])
def test_the_loss_is_that_of_all_paths_that_read_as_the_label(label):
    logits = jnp.asarray(rng.normal(size=(1, 5, 3)), jnp.float32)
    p = np.asarray(jax.nn.softmax(logits))[0]
    paths = (path for path in itertools.product(range(3), repeat=5) if read(path) == label)
    total = sum(np.prod([p[step, symbol] for step, symbol in enumerate(path)]) for path in paths)
    y_true = jnp.array([label + [0] * (3 - len(label))])
    np.testing.assert_allclose(losses.ctc(y_true, logits), [-np.log(total)], rtol=1e-5)


def test_a_label_that_needs_more_steps_is_a_large_finite_loss():
    logits = jnp.zeros((1, 3, 3))
    value, slope = jax.value_and_grad(lambda p: losses.CTC()(jnp.array([[1, 1]]), p))(logits)
    assert float(value) < 10 and bool(jnp.all(jnp.isfinite(slope)))
    value, slope = jax.value_and_grad(lambda p: losses.CTC()(jnp.array([[1, 1, 1]]), p))(logits)
    assert float(value) == pytest.approx(1e5, rel=1e-3) and bool(jnp.all(jnp.isfinite(slope)))


def test_very_unlikely_sequences_keep_their_loss():
    # 171 paths say the label twice, with blanks around and between, at 1e4 each time.
    logits = jnp.zeros((1, 20, 2)).at[:, :, 0].set(1e4)
    np.testing.assert_allclose(
        losses.ctc(jnp.array([[1, 1]]), logits), [2e4 - np.log(171)], rtol=1e-5
    )
    np.testing.assert_allclose(losses.ctc(jnp.zeros((1, 2)), -100 * logits), [2e7], rtol=1e-5)


def test_a_zero_among_the_labels_is_a_symbol_of_its_own_as_in_keras():
    # `check_data` refuses such targets before training; the number is that of Keras 3.15.1.
    y_true, logits = jnp.array([[0, 1, 2, 1, 0]]), jnp.eye(3)[jnp.array([[0, 1, 2, 1, 0]])]
    np.testing.assert_allclose(losses.ctc(y_true, logits), [1.9762545], rtol=1e-6)


def test_wrong_shapes_and_targets_are_refused():
    with pytest.raises(ValueError) as raised:
        losses.ctc(jnp.array([1, 2]), jnp.zeros((2, 5, 3)))
    assert str(raised.value) == (
        "ctc: expected `y_true` [batch, labels] beside `y_pred` [batch, steps, classes], got "
        "shapes (2,) and (2, 5, 3). Fill short targets up with 0."
    )
    outputs = jax.ShapeDtypeStruct((2, 5, 3), "float32")
    losses.CTC().check_data(np.array([[1, 2, 0], [0, 0, 0]]), outputs)
    with pytest.raises(ValueError) as raised:
        losses.CTC().check_data(np.array([[1, 2, 0], [1, 0, 2]]), outputs)
    assert str(raised.value) == (
        "ctc: expected `y_true` with 0 only after the last label, got [1, 0, 2] at row 1. "
        "Class 0 is the blank: count labels from 1."
    )
