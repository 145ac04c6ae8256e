"""Dice and Tversky: one number for a batch, and what a batch with fillers makes of it."""

import jax.numpy as jnp
import numpy as np
import pytest

from jkeras import losses, metrics

rng = np.random.default_rng(0)
MASKS = jnp.asarray(rng.integers(0, 2, (3, 4, 4, 1)), jnp.float32)
OUTPUTS = jnp.asarray(rng.uniform(size=(3, 4, 4, 1)), jnp.float32)


def test_dice_is_tversky_with_halves():
    np.testing.assert_allclose(
        losses.dice(MASKS, OUTPUTS), losses.tversky(MASKS, OUTPUTS), rtol=1e-5
    )


def test_a_region_an_example_gives_a_value_an_example():
    values = losses.Dice(axis=(1, 2, 3)).values(MASKS, OUTPUTS)
    one_by_one = [losses.dice(mask, output) for mask, output in zip(MASKS, OUTPUTS, strict=True)]
    np.testing.assert_allclose(values, one_by_one, rtol=1e-6)


@pytest.mark.parametrize("reduction", ["sum", "mean", "mean_with_sample_weight"])
def test_the_number_of_a_batch_is_counted_once(reduction):
    loss = losses.Dice(reduction)
    whole = float(losses.dice(MASKS, OUTPUTS))
    assert float(loss(MASKS, OUTPUTS)) == pytest.approx(whole)
    padded = [jnp.concatenate([x, jnp.full((2, 4, 4, 1), jnp.nan)]) for x in (MASKS, OUTPUTS)]
    assert float(loss(*padded, valid=jnp.arange(5) < 3)) == pytest.approx(whole)


def test_what_is_wrong_costs_alpha_and_what_is_missed_costs_beta():
    all_missed = (jnp.array([[1.0, 1.0]]), jnp.array([[1.0, 0.0]]))
    assert float(losses.tversky(*all_missed, alpha=0.0, beta=3.0)) == pytest.approx(0.75)
    all_wrong = (jnp.array([[1.0, 0.0]]), jnp.array([[1.0, 1.0]]))
    assert float(losses.tversky(*all_wrong, alpha=3.0, beta=0.0)) == pytest.approx(0.75)


def test_as_a_metric_rows_of_weight_zero_are_left_out():
    metric, weight = metrics.get(losses.Dice()), jnp.array([1.0, 1.0, 0.0])
    sums = metric.update(metric.init(), MASKS, OUTPUTS.at[2].set(jnp.nan), weight)
    assert float(metric.compute(sums)) == pytest.approx(float(losses.dice(MASKS[:2], OUTPUTS[:2])))


@pytest.mark.parametrize(
    ("error", "make", "message"),
    [
        (
            ValueError,
            lambda: losses.Tversky(alpha=-1.0),
            "Tversky: expected `alpha` >= 0, got -1.0. Keras uses alpha=0.5.",
        ),
        (
            ValueError,
            lambda: losses.dice(MASKS, OUTPUTS, axis=(1, 4)),
            "dice: expected `axis` to be an axis of `y_pred`, got axis=4 for shape (3, 4, 4, 1). "
            "Use axis=-1 for classes on the last axis.",
        ),
        (
            TypeError,
            lambda: losses.dice(MASKS, OUTPUTS, axis="all"),
            "dice: expected `axis` to be an integer, got 'all' (str). Use axis=-1.",
        ),
    ],
)
def test_arguments_that_do_not_fit_are_refused(error, make, message):
    with pytest.raises(error) as raised:
        make()
    assert str(raised.value) == message
